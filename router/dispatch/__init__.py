"""The outbox worker: what was decided goes out, in order, paced, retried, and its progress is recorded.

``lane``, ``queue``, ``pace``, ``backoff`` and ``breaker`` plan and are pure: ``now`` is an argument. ``worker`` does. May talk
to: what its ``protocols`` name. Must never do: decide whether somebody is paged, or read a routing key. The promises it keeps
are in docs/decisions/0003-delivery-guarantee.md.
"""
