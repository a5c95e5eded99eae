"""The values that flow: frozen, keyword-only, no input or output, no clock.

Belongs here: what two or more rooms hand to each other. May import: ``router.errors``. Must never do: read a file, ask the
time, log. Times are integer milliseconds since 1970 UTC and end in ``_at``; durations are milliseconds and end in ``_ms``.

``Alert`` > ``Entry`` (journalled) > ``Decision`` > ``Event`` > ``Delivery``.
"""
