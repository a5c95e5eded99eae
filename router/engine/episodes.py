"""Opens, updates and closes episodes, and says so: the decisions, the events, the incident's row.

Keeps these invariants: an episode is closed through the routing keys that were told of it, under the resolve policy it was
opened under; a rise in severity is kept from PagerDuty no longer than the spacing of updates; no event without a decision.
"""

from __future__ import annotations

from sys import intern

from msgspec.structs import replace

from router.engine.acts import act, ask, word
from router.engine.keys import dedup_key, digest, episode_id
from router.engine.mutes import Mutes
from router.engine.page import DASH, compose, missing, resolve, trigger
from router.engine.policy import Ready
from router.engine.rows import BY_VALUE, KEEPS, NEVER_RESOLVES, Episode, Group, Page
from router.engine.state import UPDATE_SPACING_MS, State
from router.engine.storms import Storms
from router.engine.trigger import Verdict
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.quantity import format_duration
from router.model.ruleset import (
    AbsentFor,
    AfterQuiet,
    AllResolved,
    CloseEpisode,
    Flapping,
    OnResolved,
    ReopenIfFiring,
    Resolve,
    Rule,
)

SPOKESMEN = 100
"""Alerts of a group that are looked at, oldest first, for one to put on the page when a timer opens or updates it."""


def quiet_of(policy: Resolve) -> int:
    """A resolve policy as an episode keeps it."""
    if isinstance(policy, AllResolved):
        return 0
    return policy.quiet_ms if isinstance(policy, AfterQuiet) else NEVER_RESOLVES


def quiet_under(rule: Rule) -> int:
    """The same for a rule: what flaps ends when it is stable, what was absent when it arrives, whatever the policy says."""
    if isinstance(rule.when, Flapping):
        return rule.when.within_ms
    return 0 if isinstance(rule.when, AbsentFor) else quiet_of(rule.resolve)


def reopen_of(policy: OnResolved) -> int:
    """What a resolution in PagerDuty does, as an episode keeps it."""
    if isinstance(policy, CloseEpisode):
        return 0
    return policy.after_ms if isinstance(policy, ReopenIfFiring) else KEEPS


class Episodes:
    """The only part that writes episodes."""

    def __init__(self, state: State, storms: Storms, mutes: Mutes) -> None:
        """Work on this state; openings above a limit go to the storms; what is muted makes nothing worse."""
        self._state = state
        self._mutes = mutes
        self._storms = storms

    def open(  # noqa: PLR0917 -- called for every page; keywords would cost more than the call
        self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, verdict: Verdict
    ) -> None:
        """Page the rule's teams, or fold into storms what limits do not let through."""
        state = self._state
        rule = ready.rule
        number = state.next_incident()
        at = state.now
        group_digest = digest(group.names, group.values)
        group.worst = max(group.worst, alert.severity)
        worst = int(rule.as_severity or group.worst)
        episode = Episode(
            key=dedup_key(group.rule, group_digest, episode_id(at, number)),
            number=number,
            opened_at=at,
            quiet_ms=quiet_under(rule),
            flaps=isinstance(rule.when, Flapping),
            reopen_ms=reopen_of(rule.on_resolved_in_pagerduty),
            service=intern(alert.service),
            name=intern(alert.name),
            summary="",
            severity=worst,
            worst=worst,
            voice=row_id,
            alerts=max(1, len(group.members)),
            occurrences=max(verdict.counted, len(group.members)),
        )
        if verdict.first_at:
            group.first_at = verdict.first_at
        group.window = None
        reason, cause = verdict.reason, verdict.cause
        pages = state.policy.pages(rule, alert.service)
        episode.pages = pages
        content = compose(ready, group, group_digest, episode, alert)
        episode.summary = content.summary
        group.episode = episode
        state.episodes[episode.key] = group
        if rule.limit is not None or state.policy.has_team_limits:
            placed = self._storms.place(ready, group, pages)
            episode.pages = placed.pages
            if placed.reason is not None:
                reason, cause = placed.reason, placed.cause
        if rule.escalate and episode.pages:  # what a storm holds, nobody was paged for
            episode.steps = tuple([(step.after_ms, state.policy.pages_of(step.page, alert.service)) for step in rule.escalate])
            episode.waits_from = at
            if any(step.acts for step in rule.escalate):
                given = (word(step.acts, "escalation", ready, group, group_digest, alert) for step in rule.escalate)
                episode.orders = tuple(given)
        for page in episode.pages:
            state.events.append(trigger(content, page, episode.key, at, seq))
        teams = tuple([page[0] for page in pages])
        state.decide(Action.OPEN, reason, seq, group.rule, group_digest, episode.key, cause, teams)
        if rule.actions is not None:
            act(state, group, rule.actions.opened, "opened", ready, alert, seq)
        state.touch(group)
        state.touch_incident(number, group)
        if episode.storms:
            self._storms.fold(group, seq)

    def go_on(
        self, ready: Ready | None, group: Group, alert: Alert, row_id: int, seq: int, *, occurred: bool, joined: bool
    ) -> None:
        """More of an open episode: counted, and told to PagerDuty if it is worse than what it was told."""
        state = self._state
        episode = group.episode
        assert episode is not None
        if occurred:
            episode.occurrences += 1
            episode.alerts += joined
            state.touch(group)
            state.touch_incident(episode.number, group)
        if alert.severity > group.worst:
            group.worst = alert.severity
            state.touch(group)
        digest_now = state.digest_of(group)
        fixed = ready is not None and ready.rule.as_severity is not None
        if alert.severity <= episode.worst or fixed:
            state.decide(Action.UPDATE, Reason.ALREADY_OPEN, seq, group.rule, digest_now, episode.key)
            return
        mute = self._mutes.of(ready, alert)
        if mute is not None:
            self._mutes.join(group, mute, seq, occurred=False)
            return
        before = BY_VALUE[episode.worst].word
        episode.worst = int(alert.severity)
        episode.voice = row_id
        state.touch(group)
        state.touch_incident(episode.number, group)
        cause = f"{before} to {alert.severity.word}"
        wait_ms = episode.told_at + UPDATE_SPACING_MS - state.now if episode.told_at else 0
        if not episode.pages:
            episode.severity = episode.worst  # its storm speaks for it
        elif wait_ms > 0:
            cause += f", told in {format_duration(wait_ms)}"
        else:
            self._tell(ready, group, alert, seq)
        teams = tuple([page[0] for page in episode.pages])
        state.decide(Action.UPDATE, Reason.SEVERITY_ROSE, seq, group.rule, digest_now, episode.key, cause, teams)
        self._storms.worsened(group, seq)

    def _tell(self, ready: Ready | None, group: Group, alert: Alert, seq: int) -> None:
        state = self._state
        episode = group.episode
        assert episode is not None
        content = compose(ready, group, state.digest_of(group), episode, alert)
        for page in episode.pages:
            state.events.append(trigger(content, page, episode.key, state.now, seq, is_update=True))
        episode.severity = episode.worst
        episode.told_at = state.now
        state.touch(group)

    def flush(self, group: Group) -> None:
        """The spacing is over: tell what was kept back."""
        state = self._state
        episode = group.episode
        assert episode is not None
        cause = f"{BY_VALUE[episode.severity].word} to {BY_VALUE[episode.worst].word}"
        self._tell(state.policy.rule(group.rule), group, self.spokesman(group)[1], 0)
        teams = tuple([page[0] for page in episode.pages])
        state.decide(Action.UPDATE, Reason.SEVERITY_ROSE, 0, group.rule, state.digest_of(group), episode.key, cause, teams)

    def close(self, group: Group, reason: Reason, seq: int, cause: str = "") -> None:
        """Tell everyone who was told, and forget the episode; the group may hold something else."""
        state = self._state
        episode = group.episode
        assert episode is not None
        teams = tuple([page[0] for page in episode.pages])
        for page in episode.pages:
            state.events.append(resolve(page, episode.key, state.now, seq, group.rule))
        state.decide(Action.CLOSE, reason, seq, group.rule, state.digest_of(group), episode.key, cause, teams)
        ready = state.policy.rule(group.rule)
        if ready is not None and ready.rule.actions is not None:
            act(state, group, ready.rule.actions.closed, "closed", ready, self.spokesman(group)[1], seq)
        state.touch_incident(episode.number, state.incident_of(group, closed_at=state.now))
        self._storms.release(group, seq)
        del state.episodes[episode.key]
        group.episode = None
        group.not_before = 0
        if group.muted is not None:
            state.mute(group, None)
        state.touch(group)

    def acknowledge(self, group: Group) -> None:
        """Somebody has it, for the first time in this episode or again."""
        state = self._state
        episode = group.episode
        assert episode is not None
        episode.acknowledged_at = state.now
        ready = state.policy.rule(group.rule)
        if not episode.acted and ready is not None and ready.rule.actions is not None and ready.rule.actions.acknowledged:
            episode.acted = True
            act(state, group, ready.rule.actions.acknowledged, "acknowledged", ready, self.spokesman(group)[1], 0)

    def page_fallback(self, group: Group, team: str, cause: str) -> None:
        """Page another team about an open episode, under the same dedup key."""
        self._page_more(group, ((team, self._state.policy.ruleset.teams[team].routing_key),), Reason.FALLBACK, cause)

    def escalate(self, group: Group) -> None:
        """Nobody has acknowledged: page who comes next, under the same dedup key, through their own routing keys."""
        episode = group.episode
        assert episode is not None
        after_ms, pages = episode.steps[episode.step]
        orders = episode.orders[episode.step] if episode.orders else ()
        episode.step += 1
        told = {page[0] for page in episode.pages}
        cause = f"step {episode.step} of {len(episode.steps)}, not acknowledged for {format_duration(after_ms)}"
        new = tuple([page for page in pages if page[0] not in told])
        if len(new) < len(pages):
            cause += f", {' and '.join([page[0] for page in pages if page[0] in told])} paged already"
        cause += "".join([f", {order.words}" for order in orders])
        self._page_more(group, new, Reason.ESCALATED, cause)
        ask(self._state, group, orders, 0)

    def _page_more(self, group: Group, pages: tuple[Page, ...], reason: Reason, cause: str) -> None:
        state = self._state
        episode = group.episode
        assert episode is not None
        episode.pages += pages
        content = compose(state.policy.rule(group.rule), group, state.digest_of(group), episode, self.spokesman(group)[1])
        for page in pages:
            event = trigger(content, page, episode.key, state.now, 0)
            state.events.append(event if reason is Reason.FALLBACK else replace(event, is_escalation=True))
        action = Action.OPEN if pages else Action.UPDATE
        teams = tuple([page[0] for page in pages])
        state.decide(action, reason, 0, group.rule, state.digest_of(group), episode.key, cause, teams)
        state.touch(group)
        state.touch_incident(episode.number, group)

    def spokesman(self, group: Group) -> tuple[int, Alert]:
        """The alert a page without an alert of its own speaks of: the worst of the oldest, or what the episode remembers."""
        state = self._state
        found: tuple[int, Alert] | None = None
        episode = group.episode
        if episode is not None and episode.voice in state.alerts:
            return episode.voice, state.active(episode.voice).alert
        for row_id in group.members[:SPOKESMEN]:
            alert = state.active(row_id).alert
            if found is None or alert.severity > found[1].severity:
                found = (row_id, alert)
                if alert.severity >= group.worst:
                    break
        if found is None and episode is None:
            return 0, missing(group, state.policy.rule(group.rule))
        if found is None:
            assert episode is not None
            remembered = Alert(
                source="",
                fingerprint="",
                service=episode.service,
                name=episode.name,
                summary=episode.summary.partition(DASH)[2],
                severity=BY_VALUE[episode.worst],
            )
            return 0, remembered
        return found
