"""What the router says about itself: structured logs and metrics.

Belongs here: structlog's set-up with redaction, and every metric, declared in one file. May import: ``model``, ``errors``,
``clock``. Must never do: decide anything, or put a fingerprint, a dedup key or free text into a label.
"""
