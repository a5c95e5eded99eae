"""An event: what PagerDuty, or a channel beside it, shall hear. Carries the *reference* of a routing key, never the key."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from router.model.alert import Image, Link
from router.model.severity import Severity

EventAction = Literal["trigger", "acknowledge", "resolve", "change", "act"]
"""``act`` asks for something to be done to a page that is there: see ``router.model.wish``."""

PAGERDUTY = "pagerduty"
"""The channel that pages; every other one only tells."""

INCIDENTS_REFERENCE = "incidents:"
"""What stands before SERVICE/POLICY/URGENCY in ``routing_key``: a team whose pages are incidents made by REST."""

ACTIONS = "pagerduty:actions"
"""The channel of what rules want done to pages; no configured one can have this name."""

CHANNEL_REFERENCE = "channel:"
"""What stands before a channel's name in ``routing_key``: there is no key to look up, and its lanes and pace are its own."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing to tell one team's service, or one channel: then ``team`` is empty, for nobody is paged.

    What only passes through (an inbound key in shadow) goes to PagerDuty as ``body`` says, and is no team's page either.

    ``dedup_key`` is RULE/GROUPDIGEST/EPISODE, at most 255 characters, never reused.

    ``is_update``: the episode is open already; sent after new triggers and resolves. Lengths are whatever the alert had:
    ``router.pagerduty.events_v2`` makes them acceptable.
    """

    team: str
    channel: str = PAGERDUTY  # or the name of a configured one
    routing_key: str  # a reference: env:NAME, file:PATH, credential:NAME, config:PATH; channel:NAME
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
    body: str = ""  # what only passes through, as it came: the JSON that is sent, whatever else stands here
    is_update: bool = False
    is_escalation: bool = False  # more people, because nobody has acknowledged: needless once somebody has
    alert_seq: int = 0
    rule: str = ""

    @property
    def to(self) -> str:
        """Who is told, for people: the team, or the channel."""
        return self.team or self.channel
