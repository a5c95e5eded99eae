"""PagerDuty on the wire: an event's bytes, the HTTP call, and what its answer means.

Belongs here: ``events_v2`` (Event -> bytes, pure), ``answer`` (answer -> Outcome, pure), the clients; the HTTP/1.1 below them
is ``router.wire``. May talk to: the network. Must never do: decide whether or when something is sent (that is
``router.dispatch``), keep or print a routing key.
"""
