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
from router.engine.notices import Notices
from router.engine.page import DASH, compose, missing, remind, resolve, subject_of, trigger
from router.engine.policy import Ready
from router.engine.rows import BY_VALUE, KEEPS, NEVER_RESOLVES, Episode, Group, Page, split, who
from router.engine.state import UPDATE_SPACING_MS, State
from router.engine.storms import Placed, Storms
from router.engine.trigger import Verdict
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.event import EventAction
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

    def __init__(self, state: State, storms: Storms, mutes: Mutes, notices: Notices) -> None:
        """Work on this state; openings above a limit go to the storms; what is muted makes nothing worse."""
        self._state = state
        self._notices = notices
        self._mutes = mutes
        self._storms = storms

    def open(  # noqa: PLR0917 -- called for every page; keywords would cost more than the call
        self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, verdict: Verdict
    ) -> None:
        """Page the rule's teams, or fold into storms what limits do not let through."""
        state = self._state
        rule = ready.rule
        noted = group.noted
        number = state.next_incident() if noted is None else noted.number
        at = state.now
        group_digest = digest(group.names, group.values)
        group.worst = max(group.worst, alert.severity)
        worst = int(rule.as_severity or group.worst)
        episode = Episode(
            key=dedup_key(group.rule, group_digest, episode_id(at, number)) if noted is None else noted.key,
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
        pages = state.policy.pages(rule, alert.service, worst)
        teams, channels = split(pages)
        episode.pages = pages
        content = compose(ready, group, group_digest, episode, alert)
        episode.summary = content.summary
        group.episode = episode
        state.episodes[episode.key] = group
        told: tuple[Page, ...] = ()
        if noted is not None:
            told = self._take_over(group, noted)
            pages = tuple([page for page in pages if page not in told])
        storms: tuple[int, ...] = ()
        if rule.limit is not None or state.policy.has_limits:
            placed = self._storms.place(ready, group, pages)
            pages, storms = placed.pages, placed.storms
            if placed.reason is not None:
                reason, cause = placed.reason, placed.cause
        episode.pages = (*told, *pages) if told else pages
        if rule.escalate and episode.pages:  # what a storm holds, nobody was paged for
            self._plan_steps(ready, group, alert)
        state.decide(Action.OPEN, reason, seq, group.rule, group_digest, episode.key, cause, teams, channels)
        for page in told:
            self._notices.say(trigger(content, page, episode.key, at, seq, is_update=True))
        for page in pages:
            self._notices.say(trigger(content, page, episode.key, at, seq))
        if rule.actions is not None:
            act(state, group, rule.actions.opened, "opened", ready, alert, seq)
        state.touch(group)
        state.touch_incident(number, group)
        if storms:
            self._storms.fold(group, storms, seq)

    def _plan_steps(self, ready: Ready, group: Group, alert: Alert) -> None:
        """Who comes next while nobody acknowledges, from now on."""
        state = self._state
        episode = group.told
        steps = ready.rule.escalate
        episode.steps = tuple([(step.after_ms, state.policy.told_by(step, alert.service)) for step in steps])
        episode.waits_from = state.now
        if any(step.acts for step in steps):
            group_digest = state.digest_of(group)
            episode.orders = tuple([word(step.acts, "escalation", ready, group, group_digest, alert) for step in steps])

    def _take_over(self, group: Group, noted: Episode) -> tuple[Page, ...]:
        """What was held and told of opens now: whoever was told then is told more, under the same key."""
        episode = group.told
        group.noted = None
        del self._state.noted[noted.key]
        episode.storms = noted.storms
        self._storms.hand_over(noted.service, episode)
        episode.opened_at = noted.opened_at
        episode.occurrences = max(episode.occurrences, noted.occurrences)
        return noted.pages

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
        earlier = episode.pages
        if earlier and wait_ms > 0:
            cause += f", told in {format_duration(wait_ms)}"
        if ready is not None:
            self._tell_further(ready, group, alert, seq)
        teams, channels = split(episode.pages)
        state.decide(Action.UPDATE, Reason.SEVERITY_ROSE, seq, group.rule, digest_now, episode.key, cause, teams, channels)
        if not earlier:
            episode.severity = episode.worst  # its storm speaks for it
        elif wait_ms <= 0:
            self._tell(ready, group, alert, seq, earlier)
        self._storms.worsened(group, seq)

    def _tell_further(self, ready: Ready, group: Group, alert: Alert, seq: int) -> None:
        """It is worse than what its openers were told of: whoever is told of this severity and was not yet is told now.

        But an episode stays with the teams that have it: another one is paged by this only if none is yet.
        """
        state = self._state
        episode = group.told
        told = [*episode.pages, *(page for number in episode.storms for page in state.storms[number].row.pages)]
        known = {who(page) for page in told}
        pages = state.policy.pages(ready.rule, alert.service, episode.worst, having_it={page[0] for page in told if page[0]})
        further = tuple([page for page in pages if who(page) not in known])
        if not further:
            return
        placed = Placed(further)
        if ready.rule.limit is not None or state.policy.has_limits:
            placed = self._storms.place(ready, group, further)
        to_tell, storms = placed.pages, placed.storms
        reason = placed.reason or Reason.SEVERITY_ROSE
        is_first = not episode.pages
        group_digest = state.digest_of(group)
        episode.pages += to_tell
        content = compose(ready, group, group_digest, episode, alert)
        if ready.rule.escalate and not episode.steps and is_first and to_tell:
            self._plan_steps(ready, group, alert)
        teams, channels = split(further)
        state.decide(Action.OPEN, reason, seq, group.rule, group_digest, episode.key, placed.cause, teams, channels)
        for page in to_tell:
            self._notices.say(trigger(content, page, episode.key, state.now, seq))
        if storms:
            self._storms.fold(group, storms, seq)

    def _tell(self, ready: Ready | None, group: Group, alert: Alert, seq: int, pages: tuple[Page, ...]) -> None:
        state = self._state
        episode = group.episode
        assert episode is not None
        content = compose(ready, group, state.digest_of(group), episode, alert)
        for page in pages:
            self._notices.say(trigger(content, page, episode.key, state.now, seq, is_update=True))
        episode.severity = episode.worst
        episode.told_at = state.now
        state.touch(group)

    def flush(self, group: Group) -> None:
        """The spacing is over: tell what was kept back."""
        state = self._state
        episode = group.episode
        assert episode is not None
        cause = f"{BY_VALUE[episode.severity].word} to {BY_VALUE[episode.worst].word}"
        self._tell(state.policy.rule(group.rule), group, self.spokesman(group)[1], 0, episode.pages)
        teams, channels = split(episode.pages)
        group_digest = state.digest_of(group)
        state.decide(Action.UPDATE, Reason.SEVERITY_ROSE, 0, group.rule, group_digest, episode.key, cause, teams, channels)

    def close(self, group: Group, reason: Reason, seq: int, cause: str = "") -> None:
        """Tell everyone who was told, and forget the episode; the group may hold something else."""
        state = self._state
        episode = group.episode
        assert episode is not None
        teams, channels = split(episode.pages)
        subject = subject_of(episode)
        state.decide(Action.CLOSE, reason, seq, group.rule, state.digest_of(group), episode.key, cause, teams, channels)
        by = {"by": cause[3:]} if reason is Reason.RESOLVED_IN_PAGERDUTY and cause.startswith("by ") else {}
        for page in episode.pages:
            self._notices.say(resolve(page, episode.key, state.now, seq, group.rule, subject, **by))
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
        is_first, episode.acted = not episode.acted, True
        if is_first and ready is not None and ready.rule.actions is not None:
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
        told = {who(page) for page in episode.pages}
        cause = f"step {episode.step} of {len(episode.steps)}, not acknowledged for {format_duration(after_ms)}"
        new = tuple([page for page in pages if who(page) not in told])
        if len(new) < len(pages):
            known = [page for page in pages if who(page) in told]
            cause += f", {' and '.join(map(who, known))} {'paged' if all(page[0] for page in known) else 'told'} already"
        cause += "".join([f", {order.words}" for order in orders])
        self._page_more(group, new, Reason.ESCALATED, cause)
        ask(self._state, group, orders, 0)

    def _page_more(self, group: Group, pages: tuple[Page, ...], reason: Reason, cause: str) -> None:
        state = self._state
        episode = group.episode
        assert episode is not None
        episode.pages += pages
        content = compose(state.policy.rule(group.rule), group, state.digest_of(group), episode, self.spokesman(group)[1])
        action = Action.OPEN if pages else Action.UPDATE
        teams, channels = split(pages)
        state.decide(action, reason, 0, group.rule, state.digest_of(group), episode.key, cause, teams, channels)
        for page in pages:
            event = trigger(content, page, episode.key, state.now, 0)
            self._notices.say(event if reason is Reason.FALLBACK else replace(event, is_escalation=True))
        state.touch(group)
        state.touch_incident(episode.number, group)

    def remind(self, group: Group, action: EventAction, **details: str) -> None:
        """The channels hear what somebody has done with its incident in PagerDuty."""
        state = self._state
        episode = group.told
        subject = subject_of(episode)
        for page in episode.pages:
            if not page[0]:
                self._notices.say(remind(action, page, episode.key, state.now, 0, group.rule, subject, **details))

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
