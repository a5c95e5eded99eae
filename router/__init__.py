"""Alert router: takes alerts in, decides by rules, pages PagerDuty once per problem, loses nothing.

The road of an alert, each stop a room: ``api`` (doors) > ``ingest`` (normalise) > ``store`` (journal) > ``processor`` >
``engine`` (pure) > ``store`` (one commit) > ``dispatch`` (outbox) > ``pagerduty`` (wire).
"""

__version__ = "0.1.0"
