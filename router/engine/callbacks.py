"""Tells the sources of an episode's alerts what somebody did in PagerDuty, so that they show it as well.

Keeps these invariants: a source is told of an acknowledgement once in an episode, and of a resolution by a person, never of a
merge, a timeout or its own resolve; each alert is told by itself, in its own words. Must never do: hold up a page.
"""

from __future__ import annotations

from typing import Literal

from router.engine.page import plain_summary
from router.engine.rows import Group
from router.engine.state import State
from router.model.alert import Alert, Link
from router.model.decision import Action, Reason
from router.model.event import CHANNEL_REFERENCE, Event
from router.model.ruleset import Callback

MAX_CALLED = 100
"""Alerts of an episode that are told, oldest first; the decision says how many there are."""


def call_back(state: State, group: Group, status: Literal["acknowledged", "resolved"], who: str) -> None:
    """One event for each alert whose source wants to know."""
    callbacks = state.policy.ruleset.callbacks
    episode = group.episode
    if not callbacks or episode is None:
        return
    told = 0
    for row_id in group.members[:MAX_CALLED]:
        alert = state.active(row_id).alert
        callback = callbacks.get(alert.source)
        if callback is not None and status in callback.on:
            state.events.append(_event(state, group, callback, row_id, alert, status, who))
            told += 1
    if told:
        by = f" by {who}" if who else ""
        of = f"{told} of {len(group.members)} alerts" if len(group.members) > 1 else "1 alert"
        digest = state.digest_of(group)
        state.decide(Action.UPDATE, Reason.CALLED_BACK, 0, group.rule, digest, episode.key, f"{status}{by}: {of}")


def _event(  # noqa: PLR0917 -- one thing each
    state: State, group: Group, callback: Callback, row_id: int, alert: Alert, status: str, who: str
) -> Event:
    episode = group.episode
    assert episode is not None
    owner, digest, number = episode.key.rsplit("/", 2)
    details = {
        **alert.details,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "by": who,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "incident": episode.number,
    }
    return Event(
        team="",
        channel=callback.channel,
        routing_key=CHANNEL_REFERENCE + callback.channel,
        dedup_key=f"{owner}/{digest}.{row_id}/{number}",  # a lane of its own: each alert is told by itself
        action="acknowledge" if status == "acknowledged" else "resolve",
        at=state.now,
        severity=alert.severity,
        summary=plain_summary(alert),
        source=alert.service,
        class_=alert.name,
        details=details,
        links=(Link(href=alert.generator_url),) if alert.generator_url.startswith(("https://", "http://")) else (),
        alert_seq=row_id,
        rule=group.rule,
    )
