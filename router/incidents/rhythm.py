"""How often PagerDuty is asked about pages: where webhooks tell what happens, asking only heals what was lost."""

from __future__ import annotations

import msgspec


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """How often PagerDuty is asked, in ms."""

    first_look_ms: int  # after a 202, for the incident
    longest_look_ms: int = 60_000  # between two looks for it, which double
    missed_look_ms: int = 300_000  # once it was told as missing
    unacknowledged_ms: int  # while a page waits for somebody
    acknowledged_ms: int  # while somebody has it
    retry_ms: int = 5_000  # after a call that failed


POLLING = Rhythm(first_look_ms=2_000, unacknowledged_ms=10_000, acknowledged_ms=60_000)
HEARING = Rhythm(first_look_ms=30_000, unacknowledged_ms=300_000, acknowledged_ms=300_000)
"""With webhooks asking only heals what was lost."""
