"""HTTP: the doors alerts come through, health and metrics, and looking in.

Belongs here: the server with its deadlines and limits, who may ask, each protocol's shape of answer. May talk to: what it is
given by constructor (intake, reader, callbacks), ``incidents``, ``telemetry``, ``model``, ``clock``. Must never do: read an
alert's payload itself, write to the store, or answer 2xx for what is not durable.
"""
