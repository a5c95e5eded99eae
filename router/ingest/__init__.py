"""What comes in: payloads of every source made into Alerts, and the register of what is firing.

Belongs here: reading and checking payloads, fingerprints, resends and expiry. May talk to: ``store`` (append, expiries),
``telemetry``, ``model``, ``clock``. Must never do: speak HTTP, decide about paging, or answer before the store has it.
"""
