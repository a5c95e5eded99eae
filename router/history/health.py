"""Rule health: which rules page without need, the change that would have kept them quiet, and the command that shows it. Pure.

Evidence only: a change is proposed if it would have removed pages that nobody answered, and told with how many answered ones it
would have removed, too. Must never do: call a page needless that somebody acknowledged.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import msgspec

from router.history.base import Record
from router.history.figures import times
from router.model.quantity import format_duration

MIN_PAGES = 5
"""Fewer pages of a rule in a period say nothing."""

MIN_SHARE = 0.3
"""Of a rule's pages that nobody answered, from which on it is told."""

LADDER_MS = tuple(minutes * 60_000 for minutes in (1, 2, 3, 4, 5, 7, 10, 15, 20, 30))
ENOUGH = 0.9
"""Of what the longest step would remove: the shortest step that removes so much is proposed."""

MAX_HARM = 0.05
"""Of what a step removes: answered pages it may remove, too."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change to a rule. ``harms``: pages somebody had acknowledged that it would have removed, too."""

    change: str  # as in the rule: "firing_for: 4m"
    removes: int
    of: int  # pages that nobody answered
    harms: int
    command: str  # the backtest that shows it


class RuleHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's pages in a period."""

    rule: str
    pages: int
    never_acknowledged: int
    over_by_itself: int  # of these, ended by no person
    lasted_ms: int  # median of those
    proposal: Proposal | None

    @property
    def needless_share(self) -> float:
        """Of its pages, how many nobody answered."""
        return self.never_acknowledged / self.pages if self.pages else 0.0


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """What the command needs to know: the rule files as configured, and the period as days (or times)."""

    rules: tuple[str, ...]
    begin: str
    end: str

    def command(self, rule: str, change: str) -> str:
        """The exact command."""
        parts = ["alert-router", "backtest", *(part for path in self.rules for part in ("--rules", path))]
        parts += ["--from", self.begin, "--to", self.end, "--change", f"{rule}: {change}"]
        return shlex.join(parts)


def examine(records: Iterable[Record], backtest: Backtest) -> list[RuleHealth]:
    """Rules with something to mend, the worst first."""
    by_rule: dict[str, list[Record]] = {}
    for record in records:
        if record.rule and record.ending != "merged" and record.status == "resolved":
            by_rule.setdefault(record.rule, []).append(record)
    found = [_examine_one(rule, pages, backtest) for rule, pages in by_rule.items() if len(pages) >= MIN_PAGES]
    told = [health for health in found if health.needless_share >= MIN_SHARE]
    return sorted(told, key=lambda health: (-health.never_acknowledged, health.rule))


def _examine_one(rule: str, pages: Sequence[Record], backtest: Backtest) -> RuleHealth:
    unanswered = [record for record in pages if not record.acknowledged_at]
    alone = [record for record in unanswered if record.ending == "itself"]
    lengths = sorted(record.resolved_at - record.created_at for record in alone)
    return RuleHealth(
        rule=rule,
        pages=len(pages),
        never_acknowledged=len(unanswered),
        over_by_itself=len(alone),
        lasted_ms=times(lengths).p50,
        proposal=_propose(rule, pages, len(unanswered), lengths, backtest),
    )


def _propose(
    rule: str, pages: Sequence[Record], unanswered: int, lengths: Sequence[int], backtest: Backtest
) -> Proposal | None:
    answered = sorted(record.resolved_at - record.created_at for record in pages if record.acknowledged_at)
    steps = []
    for length in LADDER_MS:
        removes, harms = sum(each < length for each in lengths), sum(each < length for each in answered)
        if removes and harms <= MAX_HARM * removes:
            steps.append((length, removes, harms))
    if not steps:
        return None
    best = max(removes for _, removes, _ in steps)
    length, removes, harms = next(step for step in steps if step[1] >= ENOUGH * best)
    if removes < max(3, MIN_SHARE * unanswered):
        return None
    change = f"firing_for: {format_duration(length)}"
    return Proposal(change=change, removes=removes, of=unanswered, harms=harms, command=backtest.command(rule, change))
