"""What rules leave open that are no longer in force: listed, or given to another rule.

Keeps these invariants: a rule that is removed closes nothing by itself; an episode keeps its dedup key whichever rule it
belongs to. Two episodes are never made one: where the other rule has one open for the same group already, nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern

from router.engine.arrivals import Arrivals
from router.engine.policy import Policy
from router.engine.rows import Group
from router.engine.state import State
from router.model.decision import Action, Reason
from router.model.incident import Orphan
from router.model.journal import RuleAdopted
from router.model.ruleset import DEFAULT_RULE_ID, RuleSet
from router.model.transition import ActiveAlert


class Orphans:
    """Asked by people, and at each change of rules."""

    def __init__(self, state: State, arrivals: Arrivals) -> None:
        """Work on this state."""
        self._state = state
        self._arrivals = arrivals

    def list_left_open(self, ruleset: RuleSet) -> list[Orphan]:
        """By rule, what is open of rules that this set has not, under no name."""
        known = {DEFAULT_RULE_ID, *(rule.id for rule in ruleset.rules)}
        known.update(old for rule in ruleset.rules for old in rule.renamed_from)
        left: dict[str, list[Group]] = {}
        for group in self._state.episodes.values():
            if group.rule not in known:
                left.setdefault(group.rule, []).append(group)
        return [_describe(rule, groups) for rule, groups in sorted(left.items())]

    def adopt(self, fact: RuleAdopted) -> None:
        """Give what a rule left open to a rule that is in force."""
        state = self._state
        policy = state.policy
        by = f" by {fact.by}" if fact.by else ""
        if policy.rule(fact.rule) is not None or policy.rule(fact.into) is None:
            why = f"rule {fact.rule} is in force" if policy.rule(fact.rule) is not None else f"there is no rule {fact.into}"
            state.decide(Action.NONE, Reason.ADOPTED, 0, fact.rule, cause=f"nothing: {why}")
            return
        freed: list[int] = []
        for group in self._groups_of({fact.rule}):
            self._move(group, fact.into, by, freed)
            state.settle(group)
        self.decide_anew(freed)

    def rename(self, policy: Policy) -> list[int]:
        """Before these rules come into force: what their old names hold is theirs. Answers what is to be decided anew."""
        names = {old: ready.id for ready in policy.rules for old in ready.rule.renamed_from if policy.rule(old) is None}
        freed: list[int] = []
        if names:
            for group in self._groups_of(set(names)):
                self._move(group, names[group.rule], "", freed)
            _rename_counters(self._state, names)
        return freed

    def decide_anew(self, rows: list[int]) -> None:
        """Alerts that were taken out of a group which gave its place to an open one."""
        state = self._state
        for row_id in rows:
            active = state.active(row_id)
            self._arrivals.fire(active.alert, row_id, row_id, active, occurred=False)

    def _groups_of(self, rules: set[str]) -> list[Group]:
        return [group for group in self._state.groups.values() if group.rule in rules]

    def _move(self, group: Group, into: str, by: str, freed: list[int]) -> None:
        state = self._state
        before = group.rule
        episode = group.episode
        table = state.tables.setdefault((into, group.names), {})
        other = table.get(group.values)
        if other is not None and (other.episode is not None or other.noted is not None or episode is None):
            if episode is not None:
                cause = f"not from rule {before}: rule {into} has an incident open for the same"
                state.decide(Action.NONE, Reason.ADOPTED, 0, before, state.digest_of(group), episode.key, cause)
            return
        if other is not None:
            freed += self._dissolve(other)
        del state.tables[before, group.names][group.values]
        group.rule = intern(into)
        state.tables.setdefault((into, group.names), {})[group.values] = group
        state.touch(group)
        if group.noted is not None and episode is None:
            state.touch_incident(group.noted.number, state.episode_incident(group, group.noted))
        if episode is not None:
            state.touch_incident(episode.number, group)
            teams = tuple([page[0] for page in episode.pages])
            cause = f"from rule {before}{by}"
            state.decide(Action.UPDATE, Reason.ADOPTED, 0, into, state.digest_of(group), episode.key, cause, teams)

    def _dissolve(self, group: Group) -> list[int]:
        """A group that only holds gives up its place; the rows of its alerts."""
        state = self._state
        rows = list(group.members)
        group.window = group.expected = None
        if group.muted is not None:
            state.mute(group, None)
        for row_id in rows:
            active: ActiveAlert = state.active(row_id)
            state.leave(group, row_id, stateful=active.alert.kind == "stateful")
            others = tuple([group_id for group_id in active.groups if group_id != group.id])
            state.put_alert(row_id, active.alert, others)
        state.settle(group)
        return rows


def _describe(rule: str, groups: list[Group]) -> Orphan:
    episodes = [group.episode for group in groups if group.episode is not None]
    teams = dict.fromkeys(page[0] for episode in episodes for page in episode.pages)
    return Orphan(rule=rule, incidents=tuple(sorted(episode.number for episode in episodes)), teams=tuple(sorted(teams)))


def _rename_counters(state: State, names: Mapping[str, str]) -> None:
    """What was counted for these rules beside their groups, and their storms, belongs to the rules of the new names."""
    for window_id, row in state.shared.items():
        new = names.get(row.rule)
        if new is not None and (new, row.names, row.values) not in state.shared_ids:
            del state.shared_ids[row.rule, row.names, row.values]
            row.rule = new
            state.shared_ids[new, row.names, row.values] = window_id
            state.put_counter(window_id, row)
    for scope, owner in list(state.limits):
        new = names.get(owner) if scope == "rule" else None
        if new is not None and (scope, new) not in state.limits:
            counter_id, limit = state.limits.pop((scope, owner))
            limit.owner = new
            state.limits[scope, new] = (counter_id, limit)
            state.put_counter(counter_id, limit)
    for storm in state.storms.values():
        row_ = storm.row
        new = names.get(row_.owner) if row_.scope == "rule" else None
        if new is not None and (row_.scope, new, row_.team) not in state.storm_places:
            del state.storm_places[row_.scope, row_.owner, row_.team]
            row_.owner = new
            state.storm_places[row_.scope, new, row_.team] = storm
            state.touch_storm(storm)
            state.touch_incident(row_.number, storm)
