"""Limits and storm digests: above a limit, pages fold into one incident that names what it holds. Nothing is dropped.

Definitions. A limit counts, in a sliding window, the episodes it let page (or that its channel was told of); folded and
broken-through ones do not count, so while a storm is open as many openings as the limit allows still page. A storm belongs to
one limit (a team's, a channel's or a rule's) and one team or channel that is told; when a rule's limit is exceeded as well, the
other's storm takes it in. A critical episode of a service that an open storm neither holds nor has let through breaks through,
at most once per service and BREAKTHROUGHS times per storm. A storm speaks when it opens and when it becomes more severe; what
else changes is told at most once per UPDATE_SPACING_MS. A channel that collects has no limit: it is one message anyway.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Any, NamedTuple

from router.engine.keys import dedup_key, digest, episode_id
from router.engine.notices import Notices
from router.engine.page import Content, Subject, resolve, trigger
from router.engine.policy import Ready
from router.engine.rows import (
    BY_VALUE,
    Episode,
    Group,
    LimitWindow,
    LiveStorm,
    Page,
    Scope,
    Storm,
    channel_of,
    split,
    who,
)
from router.engine.state import State, storm_incident, storm_summary
from router.model.decision import Action, Reason
from router.model.quantity import format_duration
from router.model.ruleset import Limit
from router.model.severity import Severity

NAMED = 50
"""Services and names a digest spells out; the rest is a number."""

BREAKTHROUGHS = 100
"""Services that may break through one storm; a storm that lets more through would be none."""


class Placed(NamedTuple):
    """Where the pages of an opening go."""

    pages: tuple[Page, ...]  # what is told on its own
    storms: tuple[int, ...] = ()  # what is to be folded
    reason: Reason | None = None
    cause: str = ""


class Storms:
    """The only part that writes storms and the windows of limits."""

    def __init__(self, state: State, notices: Notices) -> None:
        """Work on this state."""
        self._state = state
        self._notices = notices

    def place(self, ready: Ready, group: Group, pages: tuple[Page, ...]) -> Placed:
        """Let page what the limits allow, fold the rest into storms; ``fold`` then says so."""
        state = self._state
        episode = group.told
        rule_limit = ready.rule.limit
        rule_full = rule_limit is not None and self._is_full("rule", ready.id, rule_limit)
        paged: list[Page] = []
        storms: list[int] = []
        reason, cause = None, ""
        counted = False
        for page in pages:
            if self._collects(page):
                paged.append(page)
                continue
            own: Scope = "team" if page[0] else "channel"
            name = page[0] or channel_of(page)
            own_limit = state.policy.limit(own, name)
            own_full = own_limit is not None and self._is_full(own, name, own_limit)
            if not (own_full or rule_full):
                paged.append(page)
                counted = True
                if own_limit is not None:
                    self._record(own, name)
                continue
            limit = own_limit if own_full else rule_limit
            assert limit is not None
            scope: Scope = own if own_full else "rule"
            owner = name if own_full else ready.id
            text = f"{limit.incidents} in {format_duration(limit.per_ms)}"
            storm = state.storm_places.get((scope, owner, who(page)))
            if storm is not None and episode.worst == Severity.CRITICAL and self._breaks_through(storm, episode.service):
                paged.append(page)
                reason, cause = reason or Reason.BROKE_THROUGH, cause or f"limit {text}, storm {storm.row.number}"
                continue
            storm = storm or self._open(scope, owner, page, text)
            storms.append(storm.row.number)
            reason, cause = Reason.LIMIT_EXCEEDED, f"limit {text}, held by storm {storm.row.number}"
        if counted and rule_limit is not None:
            self._record("rule", ready.id)
        episode.storms += tuple(storms)
        return Placed(tuple(paged), tuple(storms), reason, cause)

    def _collects(self, page: Page) -> bool:
        """Whether it is a channel that makes one message of what it is told anyway."""
        channel = None if page[0] else self._state.policy.ruleset.channels.get(channel_of(page))
        return channel is not None and channel.digest is not None

    def _is_full(self, scope: Scope, owner: str, limit: Limit) -> bool:
        known = self._state.limits.get((scope, owner))
        if known is None:
            return limit.incidents < 1
        times = known[1].times
        stale = bisect_right(times, self._state.now - limit.per_ms)
        if stale:
            del times[:stale]
            self._state.put_counter(*known)  # or a restart would remember it, and a longer limit count it again
        return len(times) >= limit.incidents

    def _record(self, scope: Scope, owner: str) -> None:
        state = self._state
        known = state.limits.get((scope, owner))
        if known is None:
            known = state.limits[scope, owner] = (state.next_counter(), LimitWindow(scope=scope, owner=owner, times=[]))
        known[1].times.append(state.now)
        state.put_counter(*known)

    def _breaks_through(self, storm: LiveStorm, service: str) -> bool:
        passed = storm.row.paged_services
        if service in storm.services or service in passed or len(passed) >= BREAKTHROUGHS:
            return False
        passed.append(service)
        self._state.touch_storm(storm)
        return True

    def _open(self, scope: Scope, owner: str, page: Page, limit: str) -> LiveStorm:
        state = self._state
        number = state.next_incident()
        place = digest(("scope", "owner", "team"), (scope, owner, who(page)))
        storm = LiveStorm(
            Storm(
                number=number,
                scope=scope,
                owner=owner,
                team=who(page),
                limit=limit,
                key=dedup_key(f"storm.{owner}", place, episode_id(state.now, number)),
                opened_at=state.now,
                pages=(page,),
                severity=0,
                worst=0,
                told_at=0,
            )
        )
        state.add_storm(storm)
        return storm

    def fold(self, group: Group, storms: Iterable[int], seq: int) -> None:
        """These storms hold this episode from now on, and say so now or when their spacing is over."""
        state = self._state
        episode = group.told
        for number in storms:
            storm = state.storms[number]
            row = storm.row
            insort(storm.held, group.id)
            storm.services[episode.service] = storm.services.get(episode.service, 0) + 1
            row.folded += 1
            row.changed = True
            row.worst = max(row.worst, episode.worst)
            self._speak_if_worse(storm, seq)

    def worsened(self, group: Group, seq: int) -> None:
        """An episode became more severe; so may the storms that hold it."""
        episode = group.episode
        assert episode is not None
        for number in episode.storms:
            storm = self._state.storms[number]
            storm.row.worst = max(storm.row.worst, episode.worst)
            storm.row.changed = True
            self._speak_if_worse(storm, seq)

    def hand_over(self, service: str, episode: Episode) -> None:
        """What its storms hold has become this episode; so far they counted it under that service."""
        for number in episode.storms:
            storm = self._state.storms[number]
            _discard(storm, service)
            storm.services[episode.service] = storm.services.get(episode.service, 0) + 1
            storm.row.changed = True
            self._state.touch_storm(storm)

    def release(self, group: Group, seq: int) -> None:
        """The episode is closing: its storms hold it no longer; one that holds nothing any more is over."""
        state = self._state
        episode = group.told
        for number in episode.storms:
            storm = state.storms[number]
            row = storm.row
            del storm.held[bisect_left(storm.held, group.id)]
            _discard(storm, episode.service)
            if storm.held:
                row.changed = True
                state.touch_storm(storm)
                state.touch_incident(number, storm)
                continue
            self._decide(Action.CLOSE, Reason.ALL_RESOLVED, storm, seq)
            subject = Subject(row.worst, storm_summary(storm), "alert-router", "storm")
            for page in row.pages:
                self._notices.say(resolve(page, row.key, state.now, seq, self._rule(row), subject))
            state.touch_incident(number, storm_incident(storm, closed_at=state.now))
            state.drop_storm(storm)

    def _speak_if_worse(self, storm: LiveStorm, seq: int) -> None:
        if storm.row.worst > storm.row.severity:
            self.tell(storm, seq)
        self._state.touch_storm(storm)
        self._state.touch_incident(storm.row.number, storm)

    def tell(self, storm: LiveStorm, seq: int) -> None:
        """Say what the storm holds now: the first time as a page, then as updates of it."""
        state = self._state
        row = storm.row
        is_first = not row.severity
        rose = row.worst > row.severity
        content = self._content(storm)
        if is_first:
            self._decide(Action.OPEN, Reason.LIMIT_EXCEEDED, storm, seq, cause=f"limit {row.limit}")
        else:
            reason = Reason.SEVERITY_ROSE if rose else Reason.DIGEST_CHANGED
            self._decide(Action.UPDATE, reason, storm, seq, cause=f"holds {len(storm.held)}")
        for page in row.pages:
            self._notices.say(trigger(content, page, row.key, state.now, seq, is_update=not is_first))
        row.severity = row.worst
        row.told_at = state.now
        row.changed = False
        row.not_before = 0
        state.touch_storm(storm)

    def page_fallback(self, storm: LiveStorm, team: str, cause: str) -> None:
        """Page another team about the storm, under the same dedup key."""
        state = self._state
        row = storm.row
        page = (team, state.policy.ruleset.teams[team].routing_key)
        row.pages = (*row.pages, page)
        state.events.append(trigger(self._content(storm), page, row.key, state.now, 0))
        self._decide(Action.OPEN, Reason.FALLBACK, storm, 0, cause=cause, teams=(team,))
        state.touch_storm(storm)
        state.touch_incident(row.number, storm)

    def note(self, storm: LiveStorm, reason: Reason, cause: str) -> None:
        """Somebody did something with it in PagerDuty; it goes on holding what it holds."""
        self._decide(Action.UPDATE, reason, storm, 0, cause=cause)

    def _decide(
        self, action: Action, reason: Reason, storm: LiveStorm, seq: int, *, cause: str = "", teams: tuple[str, ...] = ()
    ) -> None:
        row = storm.row
        told, channels = (tuple(teams), ()) if teams else split(row.pages)
        self._state.decide(action, reason, seq, self._rule(row), "", row.key, cause, told, channels)

    @staticmethod
    def _rule(row: Storm) -> str:
        return row.owner if row.scope == "rule" else ""

    def _content(self, storm: LiveStorm) -> Content:
        row = storm.row
        named: dict[tuple[str, str], dict[str, Any]] = {}
        for group_id in storm.held:
            episode = self._state.groups[group_id].told
            entry = named.get((episode.service, episode.name))
            if entry is None:
                named[episode.service, episode.name] = {
                    "service": episode.service,
                    "name": episode.name,
                    "summary": episode.summary,
                    "severity": episode.worst,
                    "count": 1,
                }
            else:
                entry["count"] += 1
                if episode.worst > entry["severity"]:
                    entry.update(summary=episode.summary, severity=episode.worst)
        # Worst first, then the most numerous; what is equal stays in the order it came.
        order = sorted(named.values(), key=lambda entry: (-entry["severity"], -entry["count"]))[:NAMED]
        details: dict[str, Any] = {
            "limit": row.limit,
            "held": len(storm.held),
            "incidents": [{**entry, "severity": BY_VALUE[entry["severity"]].word} for entry in order],
        }
        if len(named) > NAMED:
            details["not_named"] = len(named) - NAMED
        return Content(
            BY_VALUE[row.worst],
            storm_summary(storm),
            details,
            (),
            (),
            "alert-router",
            "storm",
            row.owner,
            self._rule(row),
        )


def _discard(storm: LiveStorm, service: str) -> None:
    storm.services[service] -= 1
    if not storm.services[service]:
        del storm.services[service]
