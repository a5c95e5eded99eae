"""An event: what PagerDuty's Events API v2 shall hear. Carries the *reference* of a routing key, never the key."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from router.model.alert import Image, Link
from router.model.severity import Severity

EventAction = Literal["trigger", "acknowledge", "resolve", "change"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing to tell one team's service. ``dedup_key`` is RULE/GROUPDIGEST/EPISODE, at most 255 characters, never reused.

    ``is_update``: the episode is open already; sent after new triggers and resolves. Lengths are whatever the alert had:
    ``router.pagerduty.events_v2`` makes them acceptable.
    """

    team: str
    routing_key: str  # a reference: env:NAME, file:PATH, credential:NAME, config:PATH
    dedup_key: str
    action: EventAction
    at: int
    severity: Severity = Severity.ERROR
    summary: str = ""
    source: str = ""  # PagerDuty: the unique location of the affected system; ours is the service
    component: str = ""
    group: str = ""
    class_: str = msgspec.field(default="", name="class")
    details: dict[str, Any] = {}
    links: tuple[Link, ...] = ()
    images: tuple[Image, ...] = ()
    client: str = "alert-router"
    client_url: str = ""
    is_update: bool = False
    alert_seq: int = 0
    rule: str = ""
