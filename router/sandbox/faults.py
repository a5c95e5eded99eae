"""The fault plan: which request fails in which way, by count, by chance from a seed, or by span of time."""

from __future__ import annotations

import random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FaultKind = Literal[
    "500",
    "502",
    "503",
    "504",
    "429",
    "408",
    "403",
    "301",
    "reset_connect",
    "reset_before",
    "reset_after",
    "hang",
    "hang_after",
    "slow",
    "drip",
    "truncated",
    "cut",
    "no_dedup_key",
    "lost_503",
]
ACCEPTING = frozenset({"reset_after", "hang_after", "slow", "drip", "truncated", "cut", "no_dedup_key", "lost_503"})
Whole = Annotated[int, Meta(ge=0)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the plan. Times count from when it is installed; without ``count`` and ``lasts_ms`` it stays."""

    kind: FaultKind
    face: Literal["events", "rest", "any"] = "events"
    routing_key: str = ""  # empty: every key
    skip: Whole = 0  # let that many matching requests through first
    count: Annotated[int, Meta(ge=1)] | None = None
    probability: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    starts_in_ms: Whole = 0
    lasts_ms: Whole | None = None
    delay_ms: Whole = 0  # wait this long before the answer; "slow" is an answer with nothing else wrong
    drip_ms: Whole = 50  # pause between two bytes of a trickle
    body: Literal["json", "html", "empty"] = "json"

    @property
    def accepts(self) -> bool:
        """Whether the event is taken although the caller cannot know it."""
        return self.kind in ACCEPTING


class InstalledFault(msgspec.Struct, kw_only=True):
    """A fault with its absolute times and how often it has matched and struck."""

    fault: Fault
    starts_at: int
    ends_at: int | None
    seen: int = 0
    struck: int = 0

    def is_spent(self, now: int) -> bool:
        """Whether it can never strike again."""
        used_up = self.fault.count is not None and self.struck >= self.fault.count
        return used_up or (self.ends_at is not None and now >= self.ends_at)


class FaultPlan:
    """All faults in force; the first that matches strikes."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"faults-{seed}")  # noqa: S311 - repeatable on purpose, guards nothing
        self.installed: list[InstalledFault] = []

    def install(self, fault: Fault, now: int) -> None:
        """Put a fault into force; its times count from now."""
        starts_at = now + fault.starts_in_ms
        ends_at = None if fault.lasts_ms is None else starts_at + fault.lasts_ms
        self.installed.append(InstalledFault(fault=fault, starts_at=starts_at, ends_at=ends_at))

    def clear(self) -> None:
        """No faults any more."""
        self.installed.clear()

    def pick(self, now: int, face: str, routing_key: str = "", *, connecting: bool = False) -> Fault | None:
        """The fault that strikes this request (or this new connection), if any."""
        if not self.installed:
            return None
        self.installed = [installed for installed in self.installed if not installed.is_spent(now)]
        for installed in self.installed:
            fault = installed.fault
            if (fault.kind == "reset_connect") is not connecting or now < installed.starts_at:
                continue
            if not connecting and fault.face not in {face, "any"}:
                continue
            if fault.routing_key and fault.routing_key != routing_key:
                continue
            installed.seen += 1
            if installed.seen <= fault.skip or self._chance.random() >= fault.probability:
                continue
            installed.struck += 1
            return fault
        return None
