"""A rule set made ready to decide by: rules by id, the index over services and names, who is paged.

Immutable but for its caches, all bounded. Must never hold anything about alerts: state survives a change of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from operator import attrgetter
from typing import assert_never

from router.engine.index import NameIndex
from router.engine.match import any_matches, field_of, holds
from router.engine.rows import BY_VALUE, Page
from router.model.alert import Alert
from router.model.event import CHANNEL_REFERENCE
from router.model.ownership import Ownership
from router.model.pattern import Pattern
from router.model.quantity import format_duration
from router.model.ruleset import (
    DEFAULT_RULE_ID,
    OWNER,
    PAGE,
    AbsentFor,
    AtOnce,
    Count,
    FiringFor,
    Flapping,
    Limit,
    Match,
    Otherwise,
    Rule,
    RuleSet,
    Step,
)

CACHED_NAMES = 8_192
"""Services, and (service, name) pairs, whose rules are remembered; above it the cache starts anew."""

CACHED_RULES = 262_144
"""References to rules the caches hold together; above it they start anew."""

Values = tuple[str, ...]

_PLAIN = frozenset({"service", "name", "source", "fingerprint"})


class Ready:
    """A rule with what would otherwise be worked out for every alert."""

    __slots__ = (
        "absent",
        "distinct",
        "drop",
        "goes_on",
        "id",
        "match",
        "otherwise",
        "owners",
        "per",
        "per_key",
        "plain",
        "position",
        "rule",
        "scheduled",
        "table_key",
        "tells",
        "unsettled",
        "values",
        "within",
    )

    def __init__(self, rule: Rule, position: int) -> None:
        """Work it out."""
        self.rule = rule
        self.id = rule.id
        self.position = position
        self.match = rule.match
        self.owners = rule.standing.owners
        match = rule.match
        self.plain = match.severities is None and not (match.sources or match.labels or match.where or match.unless)
        self.unsettled = _is_unsettled(match)
        self.drop = rule.drop
        self.absent = isinstance(rule.when, AbsentFor)
        self.goes_on = rule.goes_on
        self.scheduled = bool(rule.during or rule.outside)
        self.otherwise = rule.otherwise
        self.tells = bool(rule.page or rule.notify or rule.otherwise)
        self.table_key = (rule.id, rule.group_by)
        self.values = values_getter(rule.group_by)
        self.per: Callable[[Alert], Values] | None = None
        self.per_key: tuple[str, Values] | None = None
        self.distinct: Callable[[Alert], str] | None = None
        self.within = ""
        when = rule.when
        match when:
            case Count(within_ms=within_ms, per=per, distinct=distinct):
                self.within = format_duration(within_ms)
                if per is not None:
                    self.per = values_getter(per)
                    self.per_key = (rule.id, per)
                if distinct is not None:
                    self.distinct = partial(field_of, field=distinct)
            case FiringFor(for_ms=for_ms):
                self.within = format_duration(for_ms)
            case AbsentFor(for_ms=for_ms):
                self.within = format_duration(for_ms)
            case Flapping(within_ms=within_ms):
                self.within = format_duration(within_ms)
            case AtOnce():
                pass
            case _:
                assert_never(when)


def _is_unsettled(match: Match) -> bool:
    """Whether the index alone does not settle service and name: it knows positive patterns of one of the two."""
    positive_services = any(not pattern.negated for pattern in match.services)
    positive_names = any(not pattern.negated for pattern in match.names)
    negated = any(pattern.negated for pattern in (*match.services, *match.names))
    return negated or (positive_services and positive_names)


def values_getter(names: tuple[str, ...]) -> Callable[[Alert], Values]:
    """What reads the values of these fields from an alert."""
    if len(names) > 1 and _PLAIN.issuperset(names):
        return attrgetter(*names)
    getters = [_getter(name) for name in names]
    return lambda alert: tuple([get(alert) for get in getters])


def _getter(name: str) -> Callable[[Alert], str]:
    """``field_of`` for one field, which is a label more often than not."""
    if name in _PLAIN:
        return attrgetter(name)
    if name == "severity":
        return partial(field_of, field=name)
    return lambda alert: alert.labels.get(name) or field_of(alert, name)


def _only(pages: tuple[Page, ...], teams: Collection[str]) -> tuple[Page, ...]:
    return tuple([page for page in pages if page[0] in teams]) if teams else pages


class Policy:
    """One version of the rules, asked about every alert."""

    def __init__(self, ruleset: RuleSet) -> None:
        """Build the indexes: a rule is filed by service, else by name, else it is a candidate for every alert."""
        self.ruleset = ruleset
        self.version = ruleset.version
        self.rules = [Ready(rule, position) for position, rule in enumerate(ruleset.rules)]
        self.default = Ready(Rule(id=DEFAULT_RULE_ID, page=(ruleset.default_team,), by_severity=True), len(self.rules))
        self._by_id = {ready.id: ready for ready in self.rules}
        self._by_id.setdefault(DEFAULT_RULE_ID, self.default)
        self._owner = Ownership(ruleset.teams).owner
        teams, channels = ruleset.teams.values(), ruleset.channels.values()
        self.has_limits = any(team.limit is not None for team in teams) or any(each.limit is not None for each in channels)
        self.has_channels = bool(ruleset.channels or ruleset.severity_channels)
        self._pages: dict[tuple[str, ...], tuple[Page, ...]] = {}
        self._told: dict[tuple[tuple[Page, ...], tuple[str, ...]], tuple[Page, ...]] = {}
        by_service: list[tuple[Pattern, int]] = []
        by_name: list[tuple[Pattern, int]] = []
        self._always: list[int] = []
        for ready in self.rules:
            services = [pattern for pattern in ready.match.services if not pattern.negated]
            names = [pattern for pattern in ready.match.names if not pattern.negated]
            if services:
                by_service.extend((pattern, ready.position) for pattern in services)
            elif names:
                by_name.extend((pattern, ready.position) for pattern in names)
            else:
                self._always.append(ready.position)
        self._services = NameIndex(by_service)
        self._names = NameIndex(by_name)
        self._of_service: dict[str, set[int]] = {}
        self._of_pair: dict[tuple[str, str], tuple[Ready, ...]] = {}
        self._cached = 0

    def rule(self, rule_id: str) -> Ready | None:
        """The rule of that id, if it is still in force."""
        return self._by_id.get(rule_id)

    def find(self, alert: Alert) -> list[Ready]:
        """The rules that concern this alert, in order, up to the one that ends it; the default rule if there is none."""
        found = []
        candidates = self._of_pair.get((alert.service, alert.name))
        if candidates is None:
            candidates = self._candidates(alert.service, alert.name)
        for ready in candidates:
            if ready.plain or holds(ready.match, alert):
                found.append(ready)
                if not ready.goes_on or ready.drop:
                    return found
        return found or [self.default]

    def _candidates(self, service: str, name: str) -> tuple[Ready, ...]:
        of_service = self._of_service.get(service)
        if of_service is None:
            of_service = self._services.find(service)
        positions: Iterable[int] = of_service
        if self._always or self._names:
            positions = [*of_service, *self._names.find(name), *self._always]
        found = []
        for position in sorted(positions):
            ready = self.rules[position]
            if ready.unsettled:
                match = ready.match
                if not (any_matches(match.services, service) and any_matches(match.names, name)):
                    continue
            if ready.owners and not self.owns(ready.owners, service):
                continue
            found.append(ready)
        self._cached += len(of_service) + len(found) + 1
        if self._cached > CACHED_RULES or len(self._of_pair) >= CACHED_NAMES or len(self._of_service) >= CACHED_NAMES:
            self._of_service.clear()
            self._of_pair.clear()
            self._cached = 0
        self._of_service[service] = of_service
        answer = self._of_pair[service, name] = tuple(found)
        return answer

    def owns(self, owners: tuple[str, ...], service: str) -> bool:
        """Whether one of these teams owns the service; the default team owns what nobody else does."""
        return (self._owner(service) or self.ruleset.default_team) in owners

    def owner(self, service: str) -> Page:
        """The team that owns the service, else the default team."""
        team = self.ruleset.teams[self._owner(service) or self.ruleset.default_team]
        return (team.name, team.routing_key)

    def pages(self, rule: Rule, service: str, severity: int, *, having_it: Collection[str] = ()) -> tuple[Page, ...]:
        """Who is told of this service under this rule: teams, the default one in place of unknown ones, then channels.

        ``having_it``: the teams that were paged of it already; then no others are, whoever the rule pages by now.
        """
        if not self.has_channels:
            return _only(self.pages_of(rule.page, service), having_it)
        named, channels = rule.page, rule.notify
        by_severity: tuple[str, ...] | None = None
        if channels is None:
            by_severity = self.ruleset.severity_channels.get(BY_VALUE[severity])
            if rule.by_severity and by_severity is not None and PAGE not in by_severity:
                named = ()
        pages = _only(self.pages_of(named, service), having_it) if named else ()
        if channels is None:
            teams = self.ruleset.teams
            of_teams = [channel for page in pages for channel in teams[page[0]].channels]
            channels = (*of_teams, *(name for name in by_severity or () if name != PAGE))
        return self.with_channels(pages, channels)

    def with_channels(self, pages: tuple[Page, ...], channels: tuple[str, ...]) -> tuple[Page, ...]:
        """The teams, then the channels of these names, each once and if it is there."""
        if not channels:
            return pages
        told = self._told.get((pages, channels))
        if told is None:
            known = [name for name in dict.fromkeys(channels) if name in self.ruleset.channels]
            told = self._told[pages, channels] = (*pages, *(("", f"{CHANNEL_REFERENCE}{name}") for name in known))
        return told

    def told_by(self, step: Step | Otherwise, service: str) -> tuple[Page, ...]:
        """Who is told by a step of an escalation, or otherwise."""
        return self.with_channels(self.pages_of(step.page, service) if step.page else (), step.notify)

    def pages_of(self, named: tuple[str, ...], service: str) -> tuple[Page, ...]:
        """The teams of these names, ``owner`` among them, and the references of their keys."""
        ruleset = self.ruleset
        if OWNER in named:
            owner = self._owner(service) or ruleset.default_team
            named = (owner,) if len(named) == 1 else tuple([owner if name == OWNER else name for name in named])
        pages = self._pages.get(named)
        if pages is None:
            known = [name if name in ruleset.teams else ruleset.default_team for name in named]
            pages = tuple((name, ruleset.teams[name].routing_key) for name in dict.fromkeys(known))
            self._pages[named] = pages
        return pages

    def limit(self, scope: str, owner: str) -> Limit | None:
        """The limit of this team, channel or rule. What a channel collects is one message as it is."""
        if scope == "team":
            team = self.ruleset.teams.get(owner)
            return None if team is None else team.limit
        if scope == "channel":
            channel = self.ruleset.channels.get(owner)
            return None if channel is None or channel.digest is not None else channel.limit
        ready = self._by_id.get(owner)
        return None if ready is None else ready.rule.limit
