"""An incident: one episode of one group, from open to closed, as its row in the store says it."""

from __future__ import annotations

from typing import Literal

import msgspec

from router.model.severity import Severity


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """``number`` is what people say (``incidents show 17``); ``dedup_key`` is what PagerDuty knows it by.

    ``storm`` is the number of the storm digest that holds this incident instead of a page of its own (0: none);
    ``holds`` is how many incidents a storm digest holds (0: this is no digest).
    """

    number: int
    rule: str
    group: str
    dedup_key: str
    teams: tuple[str, ...]
    service: str
    name: str
    summary: str
    severity: Severity
    status: Literal["open", "closed"]
    opened_at: int
    closed_at: int = 0
    alerts: int = 1  # distinct alerts seen in the episode
    occurrences: int = 1
    storm: int = 0
    holds: int = 0
    channels: tuple[str, ...] = ()  # told besides the teams


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule that is no longer in force has left open: incidents by number, with the teams that were paged."""

    rule: str
    incidents: tuple[int, ...]
    teams: tuple[str, ...]
