"""Service level objectives: "P1 resolved within an hour", who met them and what breached them. Pure.

One that is still open counts as breached once its time is over, and not at all before. Whoever resolves without acknowledging
has answered by resolving.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from router.history.base import Record
from router.model.quantity import format_duration

MAX_BREACHES = 100
"""Of one objective that are listed, the newest ones; all are counted."""


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """One of ``acknowledge_within_ms`` and ``resolve_within_ms`` is set. Empty lists: any."""

    name: str
    acknowledge_within_ms: int = 0
    resolve_within_ms: int = 0
    goal: float = 1.0  # share of incidents that has to meet it
    priorities: tuple[str, ...] = ()
    urgencies: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is wanted, for people."""
        what = "acknowledged" if self.acknowledge_within_ms else "resolved"
        within = format_duration(self.acknowledge_within_ms or self.resolve_within_ms)
        share = "all" if self.goal >= 1 else f"{100 * self.goal:.4g} %"
        return f"{share} {what} within {within}"


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that took longer; ``took_ms`` until now if it is not over."""

    number: int
    title: str
    url: str
    service: str
    team: str
    created_at: int
    took_ms: int
    is_over: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a period did. ``pending`` have time left and count as neither."""

    objective: Objective
    met: int
    breached: int
    pending: int
    breaches: tuple[Breach, ...]  # newest first

    @property
    def share(self) -> float:
        """Of those that are decided, how many met it; 1 when there were none."""
        decided = self.met + self.breached
        return self.met / decided if decided else 1.0

    @property
    def is_met(self) -> bool:
        """Whether the goal was reached."""
        return self.share >= self.objective.goal


def judge(records: Iterable[Record], objectives: Iterable[Objective], *, now: int) -> list[Outcome]:
    """The outcome of each objective over these records."""
    courts = [(objective, _Court(objective)) for objective in objectives]
    for record in records:
        if record.ending != "merged":
            for _, court in courts:
                court.hear(record, now)
    return [court.outcome() for _, court in courts]


class _Court:
    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._met = self._breached = self._pending = 0
        self._breaches: list[Breach] = []

    def hear(self, record: Record, now: int) -> None:
        wanted = self._objective
        if not _concerns(wanted, record):
            return
        limit = wanted.acknowledge_within_ms or wanted.resolve_within_ms
        end = record.resolved_at
        if wanted.acknowledge_within_ms and record.acknowledged_at:
            end = record.acknowledged_at
        took = (end or max(now, record.created_at)) - record.created_at
        if took > limit:
            self._breached += 1
            self._breaches.append(_breach(record, took, is_over=bool(end)))
            del self._breaches[:-MAX_BREACHES]
        elif end:
            self._met += 1
        else:
            self._pending += 1

    def outcome(self) -> Outcome:
        return Outcome(
            objective=self._objective,
            met=self._met,
            breached=self._breached,
            pending=self._pending,
            breaches=tuple(reversed(self._breaches)),
        )


def _concerns(wanted: Objective, record: Record) -> bool:
    return (
        (not wanted.priorities or record.priority in wanted.priorities)
        and (not wanted.urgencies or record.urgency in wanted.urgencies)
        and (not wanted.services or record.service in wanted.services)
        and (not wanted.teams or record.team in wanted.teams)
    )


def _breach(record: Record, took: int, *, is_over: bool) -> Breach:
    return Breach(
        number=record.number,
        title=record.title,
        url=record.url,
        service=record.service,
        team=record.team,
        created_at=record.created_at,
        took_ms=took,
        is_over=is_over,
    )
