"""What a rule tells while it pages nobody: its ``otherwise``, once for each group it holds back.

Definitions. A group is *noted* from when the rule first held one of its alerts back (the ``when`` is not met yet, or it does
not page at this time) until it opens, and then whoever was told hears more of it under the same dedup key; or until it holds
nothing any more, and then they hear that it is over. What is muted by people, by maintenance or by another alert is not told.

Must never do: touch what the group counts, or put off when it opens.
"""

from __future__ import annotations

from sys import intern

from router.engine.keys import dedup_key, digest, episode_id
from router.engine.mutes import Mutes
from router.engine.notices import Notices
from router.engine.page import compose, resolve, subject_of, trigger
from router.engine.policy import Ready
from router.engine.rows import Episode, Group, Page, split
from router.engine.state import State
from router.engine.storms import Storms
from router.model.alert import Alert
from router.model.decision import Action, Reason

HELD = "not_paged"
"""The detail that says why it is only told."""


class Notes:
    """The only part that writes what is noted of a group, but for the episode that takes it over."""

    def __init__(self, state: State, storms: Storms, mutes: Mutes, notices: Notices) -> None:
        """Work on this state."""
        self._state = state
        self._storms = storms
        self._mutes = mutes
        self._notices = notices

    def open(  # noqa: PLR0917 -- as ``Episodes.open``
        self, ready: Ready, group: Group, alert: Alert, row_id: int, seq: int, cause: str
    ) -> None:
        """Tell who is to be told meanwhile, unless they know or it is muted."""
        state = self._state
        otherwise = ready.rule.otherwise
        if otherwise is None or group.noted is not None or group.episode is not None:
            return
        if self._mutes.besides_schedule(ready, alert) is not None:
            return
        pages = state.policy.told_by(otherwise, alert.service)
        number = state.next_incident()
        group_digest = digest(group.names, group.values)
        worst = int(ready.rule.as_severity or max(group.worst, alert.severity))
        noted = Episode(
            key=dedup_key(group.rule, group_digest, episode_id(state.now, number)),
            number=number,
            opened_at=state.now,
            service=intern(alert.service),
            name=intern(alert.name),
            summary="",
            severity=worst,
            worst=worst,
            voice=row_id,
            alerts=max(1, len(group.members)),
            occurrences=max(1, len(group.members)),
        )
        content = compose(ready, group, group_digest, noted, alert)
        content.details[HELD] = cause
        noted.summary = content.summary
        group.noted = noted
        state.noted[noted.key] = group
        storms: tuple[int, ...] = ()
        if state.policy.has_limits:
            placed = self._storms.place(ready, group, pages)
            noted.pages, storms = placed.pages, placed.storms
        else:
            noted.pages = pages
        teams, channels = split(pages)
        state.decide(Action.NOTIFY, Reason.OTHERWISE, seq, group.rule, group_digest, noted.key, cause, teams, channels)
        for page in noted.pages:
            self._notices.say(trigger(content, page, noted.key, state.now, seq))
        state.touch(group)
        state.touch_incident(number, state.episode_incident(group, noted))
        if storms:
            self._storms.fold(group, storms, seq)

    def close(self, group: Group, reason: Reason) -> None:
        """It holds nothing any more, or its rule is gone: whoever was told hears that it is over."""
        state = self._state
        noted = group.noted
        assert noted is not None
        subject = subject_of(noted)
        teams, channels = split(noted.pages)
        state.decide(Action.CLOSE, reason, 0, group.rule, state.digest_of(group), noted.key, "", teams, channels)
        for page in noted.pages:
            self._notices.say(resolve(page, noted.key, state.now, 0, group.rule, subject))
        state.touch_incident(noted.number, state.episode_incident(group, noted, closed_at=state.now))
        self._storms.release(group, 0)
        del state.noted[noted.key]
        group.noted = None
        state.touch(group)

    def page_fallback(self, group: Group, page: Page, cause: str, alert: Alert) -> None:
        """A team that was to be told could not be: another one is, under the same dedup key."""
        state = self._state
        noted = group.noted
        assert noted is not None
        noted.pages += (page,)
        group_digest = state.digest_of(group)
        content = compose(state.policy.rule(group.rule), group, group_digest, noted, alert)
        self._notices.say(trigger(content, page, noted.key, state.now, 0))
        state.decide(Action.NOTIFY, Reason.FALLBACK, 0, group.rule, group_digest, noted.key, cause, (page[0],))
        state.touch(group)
        state.touch_incident(noted.number, state.episode_incident(group, noted))
