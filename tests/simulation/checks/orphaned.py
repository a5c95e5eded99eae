"""Whose an open incident is, through renames and adoptions, by a model of its own; and what is closed here is closed."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from router.model.decision import Action, Decision, Reason
from router.model.incident import Incident
from router.model.journal import EpisodeClosed, RuleAdopted, RulesChanged
from router.model.ruleset import RuleSet
from router.rules.compiling import ruleset_from_texts

if TYPE_CHECKING:
    from tests.simulation.world import World

_PAGES_MORE = {Reason.FALLBACK, Reason.ESCALATED, Reason.SEVERITY_ROSE}


class _Owners:
    """The rule that each incident belongs to, folded from the journal."""

    def __init__(self, world: World, decisions: list[Decision]) -> None:
        self._incidents = {incident.dedup_key: incident for incident in world.disk.tables.incidents.values()}
        self.rules = {
            decision.dedup_key: decision.rule
            for decision in reversed(decisions)
            if decision.action is Action.OPEN and decision.reason not in _PAGES_MORE
        }
        self.unsure: set[str] = set()

    def move(self, at: int, before: str, after: str) -> None:
        """What is open of one rule is another's from then on, but where that has one open for the same group."""
        mine = [key for key in self.rules if self.rules[key] == before and self._is_open(key, at)]
        taken = {self._incidents[key].group for key in self.rules if self.rules[key] == after and self._is_open(key, at)}
        for key in mine:
            if self._incidents[key].group not in taken:
                self.rules[key] = after

    def _is_open(self, key: str, at: int) -> bool:
        incident = self._incidents[key]
        if at in {incident.opened_at, incident.closed_at}:
            self.unsure.add(incident.group)  # before or after it, within that millisecond
        return incident.opened_at <= at and not (0 < incident.closed_at <= at)

    def differing(self) -> list[tuple[Incident, str]]:
        """Incidents that the record gives to another rule."""
        return [
            (self._incidents[key], rule)
            for key, rule in self.rules.items()
            if not self._incidents[key].holds
            and self._incidents[key].group not in self.unsure
            and self._incidents[key].rule != rule
        ]


def check_orphaned(world: World, decisions: list[Decision]) -> None:
    """All of it."""
    if not world.plan.has("orphans"):
        return
    tables = world.disk.tables
    rulesets = {version: ruleset_from_texts(texts) for version, (_, texts) in tables.rulesets.items()}
    incidents = {incident.dedup_key: incident for incident in tables.incidents.values()}
    owners = _Owners(world, decisions)
    ruleset: RuleSet | None = None
    for _, entry in sorted(tables.journal.items()):
        match entry.fact:
            case RulesChanged(version=version):
                ruleset = rulesets[version]
                ids = {rule.id for rule in ruleset.rules}
                for rule in ruleset.rules:
                    for before in rule.renamed_from:
                        if before not in ids:
                            owners.move(entry.at, before, rule.id)
            case RuleAdopted(rule=before, into=after) if ruleset is not None:
                ids = {rule.id for rule in ruleset.rules}
                if before not in ids and after in ids:
                    owners.move(entry.at, before, after)
            case EpisodeClosed(dedup_key=key):
                incident = incidents[key]
                if not 0 < incident.closed_at <= entry.at:
                    world.violate(f"closed by a person at {entry.at}, and open till {incident.closed_at}: {incident}")
            case _:
                pass
    for incident, rule in owners.differing():
        world.violate(f"{incident.dedup_key} should belong to {rule} by now: {incident}")
    _check_one_at_a_time(world, incidents)


def _check_one_at_a_time(world: World, incidents: dict[str, Incident]) -> None:
    """No rule has two incidents open for one group, whatever it was called when it opened them."""
    by_group = defaultdict(list)
    for incident in incidents.values():
        # One that somebody gave to another rule may meet there what was closed before it came.
        if not incident.holds and incident.dedup_key.partition("/")[0].removesuffix("-now") == incident.rule.removesuffix(
            "-now"
        ):
            by_group[incident.rule, incident.group].append(incident)
    for same in by_group.values():
        same.sort(key=lambda incident: (incident.opened_at, incident.number))
        for one, other in pairwise(same):
            if one.opened_at < other.opened_at < (one.closed_at or world.disk.tables.decided_at):
                world.violate(f"two incidents are open for one group of one rule: {one} and {other}")
