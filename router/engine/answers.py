"""What comes back from PagerDuty about what we opened: deliveries given up, incidents that people changed.

Keeps these invariants: a team is paged as a fallback at most once per episode; what somebody resolved is not paged again for
the same occurrence, unless its rule asks for that; a dedup key that nothing open has changes nothing.
"""

from __future__ import annotations

from typing import assert_never

from router.engine.arrivals import Arrivals
from router.engine.callbacks import call_back
from router.engine.episodes import Episodes
from router.engine.notes import Notes
from router.engine.rows import KEEPS, UNTIL_OCCURRENCE, Group
from router.engine.state import State
from router.engine.storms import Storms
from router.model.decision import Action, Reason
from router.model.journal import DeliveryFailed, EpisodeClosed, IncidentChanged

_NOTES = {
    "acknowledged": Reason.ACKNOWLEDGED,
    "unacknowledged": Reason.UNACKNOWLEDGED,
    "reopened": Reason.UNACKNOWLEDGED,
    "resolved": Reason.KEPT_OPEN,
}


class Answers:
    """What PagerDuty says, applied to episodes and storms."""

    def __init__(self, state: State, storms: Storms, episodes: Episodes, arrivals: Arrivals, notes: Notes) -> None:
        """Work on this state."""
        self._notes = notes
        self._state = state
        self._storms = storms
        self._episodes = episodes
        self._arrivals = arrivals

    def change_incident(self, fact: IncidentChanged) -> None:
        """Somebody acknowledged, gave back, resolved or reopened an incident of ours."""
        state = self._state
        key = fact.dedup_key
        group = state.episodes.get(key)
        storm = state.storm_keys.get(key)
        by = f"by {fact.who}" if fact.who else "in PagerDuty"
        if group is not None:
            self._change_episode(group, fact, by)
        elif storm is not None:
            self._storms.note(storm, _NOTES[fact.status], by)
        else:
            state.decide(Action.NONE, Reason.NOTHING_OPEN, 0, key=key, cause=f"{fact.status} {by}")

    def _change_episode(self, group: Group, fact: IncidentChanged, by: str) -> None:
        state = self._state
        episode = group.episode
        assert episode is not None
        match fact.status:
            case "acknowledged":
                pass  # below: what its rule wants done comes after the decision
            case "unacknowledged" | "reopened":
                episode.acknowledged_at = 0
                episode.waits_from = state.now
            case "resolved":
                if fact.by_person:
                    call_back(state, group, "resolved", fact.who)
                if episode.reopen_ms != KEEPS:
                    self._close(group, episode.reopen_ms, Reason.RESOLVED_IN_PAGERDUTY, by)
                    return
                episode.acknowledged_at = state.now  # whoever resolved it has dealt with it: nobody else is called
            case _:
                assert_never(fact.status)
        teams = (fact.team,) if fact.team else ()
        state.decide(Action.UPDATE, _NOTES[fact.status], 0, group.rule, state.digest_of(group), episode.key, by, teams)
        if fact.status == "acknowledged":
            if not episode.acted:
                call_back(state, group, "acknowledged", fact.who)
            self._episodes.acknowledge(group)
            self._episodes.remind(group, "acknowledge", by=fact.who)
        state.touch(group)
        state.settle(group)

    def close(self, fact: EpisodeClosed) -> None:
        """Somebody closed it here: as if resolved in PagerDuty, whatever its rule wants then."""
        state = self._state
        group = state.episodes.get(fact.dedup_key)
        by = f"by {fact.by}" if fact.by else "by a person"
        cause = f"{by}: {fact.reason}" if fact.reason else by
        if group is None:
            state.decide(Action.NONE, Reason.NOTHING_OPEN, 0, key=fact.dedup_key, cause=f"closed {cause}")
        else:
            self._close(group, 0, Reason.CLOSED_HERE, cause)

    def _close(self, group: Group, reopen_ms: int, reason: Reason, cause: str) -> None:
        """The person has dealt with what has occurred so far; what still fires is remembered as dealt with."""
        state = self._state
        self._arrivals.forget_events(group)
        self._episodes.close(group, reason, 0, cause)
        if group.names:
            group.expected = None  # somebody knows that it is gone
        if group.members or group.expected is not None:
            group.handled = state.now + reopen_ms if reopen_ms else UNTIL_OCCURRENCE
        state.settle(group)

    def fall_back(self, fact: DeliveryFailed) -> None:
        """Page the fallback of a team that could not be told, if the episode is open and it was not paged yet."""
        state = self._state
        group = state.episodes.get(fact.dedup_key) or state.noted.get(fact.dedup_key)
        storm = state.storm_keys.get(fact.dedup_key)
        ruleset = state.policy.ruleset
        teams = ruleset.teams
        team = teams.get(fact.team)
        fallback = ruleset.default_team if team is None else team.fallback  # a team that is gone stands for the default one
        if group is not None:
            paged = group.told.pages
        elif storm is not None:
            paged = storm.row.pages
        else:
            paged = ()
        if fact.action != "trigger" or fact.is_update:
            cause = f"{'an update' if fact.action == 'trigger' else fact.action} needs no fallback"
        elif not paged:
            cause = "the episode is over"
        elif fallback is None or fallback not in teams:
            cause = f"team {fact.team} has no fallback"
        elif any(fallback == page[0] for page in paged):
            cause = f"fallback {fallback} is paged already"
        else:
            cause = f"team {fact.team}: {fact.reason}"
            if group is not None and group.noted is not None:
                page = (fallback, teams[fallback].routing_key)
                self._notes.page_fallback(group, page, cause, self._episodes.spokesman(group)[1])
            elif group is not None:
                self._episodes.page_fallback(group, fallback, cause)
            else:
                assert storm is not None
                self._storms.page_fallback(storm, fallback, cause)
            return
        state.decide(
            Action.NONE,
            Reason.NO_FALLBACK,
            0,
            "" if group is None else group.rule,
            "" if group is None else state.digest_of(group),
            fact.dedup_key,
            f"{cause} ({fact.reason})",
            (fact.team,),
        )
