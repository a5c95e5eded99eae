"""What is said, and to whom it goes at once: pages to the outbox, news to channels, or into the digest a channel collects.

Definitions. A digest begins with the first thing its channel would be told, and is due at a time that follows from there and
from the rules. It names up to NAMED services and names with how often they began and ended; the rest is a number. It is one
message of its own, which nothing follows.

Must never do: keep a page from going out, or grow with what is collected.
"""

from __future__ import annotations

from typing import Any

from router.engine.keys import dedup_key, digest, episode_id
from router.engine.page import timestamp
from router.engine.rows import BY_VALUE, Collected, DigestRow
from router.engine.state import State
from router.model.decision import Action, Reason
from router.model.digest import Digest, digest_cause
from router.model.event import CHANNEL_REFERENCE, Event

NAMED = 100
"""Services and names a digest spells out."""


class Notices:
    """The only part that writes digests; everything that is said of episodes and storms goes through ``say``."""

    def __init__(self, state: State) -> None:
        """Work on this state."""
        self._state = state

    def say(self, event: Event) -> None:
        """A page goes to the outbox; news to where its channel wants it."""
        if event.team:
            self._state.events.append(event)
            return
        state = self._state
        policy = state.policy.ruleset.channels.get(event.channel)
        if policy is None:
            # It was told of this once, and is no more: that nobody can tell it the end is nothing to wake anybody for.
            cause = f"{event.action} for {event.channel}"
            key = event.dedup_key
            state.decide(Action.NONE, Reason.CHANNEL_REMOVED, event.alert_seq, event.rule, "", key, cause, (), (event.channel,))
        elif policy.digest is None:
            state.events.append(event)
        elif event.action != "acknowledge":
            self._collect(event, policy.digest)

    def _collect(self, event: Event, policy: Digest) -> None:
        state = self._state
        counter_id, row = state.digests.get(event.channel) or self._begin(event.channel, policy)
        _add(row, event)
        state.put_counter(counter_id, row)
        cause = digest_cause(row.key, timestamp(policy.due(row.began_at)))
        key = event.dedup_key
        state.decide(Action.NOTIFY, Reason.DIGESTED, event.alert_seq, event.rule, "", key, cause, (), (event.channel,))

    def _begin(self, channel: str, policy: Digest) -> tuple[int, DigestRow]:
        state = self._state
        counter_id = state.next_counter()
        key = dedup_key(f"digest.{channel}", digest(("channel",), (channel,)), episode_id(state.now, counter_id))
        begun = state.digests[channel] = (counter_id, DigestRow(channel=channel, key=key, began_at=state.now))
        state.settle_digest(channel, policy)
        return begun

    def send(self, counter_id: int) -> None:
        """A digest is due, or its channel collects no more."""
        state = self._state
        row = next(row for owner, row in state.digests.values() if owner == counter_id)
        del state.digests[row.channel]
        state.put_counter(counter_id, None)
        held = f"holds {_count(row)}"
        if row.channel in state.policy.ruleset.channels:
            state.events.append(_message(row, state.now))
            state.decide(Action.NOTIFY, Reason.DIGEST_SENT, 0, "", "", row.key, held, (), (row.channel,))
        else:
            cause = f"a digest of {row.channel} that {held}"
            state.decide(Action.NONE, Reason.CHANNEL_REMOVED, 0, "", "", row.key, cause, (), (row.channel,))


def _add(row: DigestRow, event: Event) -> None:
    row.worst = max(row.worst, event.severity)
    entry = next((one for one in row.entries if one.name == event.class_ and one.service == event.source), None)
    if entry is None and len(row.entries) >= NAMED:
        row.more += not event.is_update
        return
    if entry is None:
        entry = Collected(service=event.source, name=event.class_, summary=event.summary, severity=event.severity)
        row.entries.append(entry)
    if event.action == "resolve":
        entry.ended += 1
    else:
        entry.opened += not event.is_update
        entry.summary = event.summary
    entry.severity = max(entry.severity, event.severity)


def _count(row: DigestRow) -> int:
    return sum(max(entry.opened, entry.ended, 1) for entry in row.entries) + row.more


def _is_over(entry: Collected) -> bool:
    return 0 < entry.ended >= entry.opened


def _message(row: DigestRow, now: int) -> Event:
    # What is still open first, then the worst, then the most numerous; what is equal stays in the order it came.
    order = sorted(row.entries, key=lambda one: (_is_over(one), -one.severity, -max(one.opened, one.ended)))
    details: dict[str, Any] = {
        "since": timestamp(row.began_at),
        "until": timestamp(now),
        "incidents": [
            {
                "service": entry.service,
                "name": entry.name,
                "summary": entry.summary,
                "severity": BY_VALUE[entry.severity].word,
                "opened": entry.opened,
                "resolved": entry.ended,
            }
            for entry in order
        ],
    }
    if row.more:
        details["not_named"] = row.more
    opened = sum(entry.opened for entry in row.entries)
    ended = sum(entry.ended for entry in row.entries)
    more = f", {row.more} more" if row.more else ""
    return Event(
        team="",
        channel=row.channel,
        routing_key=f"{CHANNEL_REFERENCE}{row.channel}",
        dedup_key=row.key,
        action="trigger",
        at=now,
        severity=BY_VALUE[row.worst],
        summary=f"Digest: {opened} opened, {ended} resolved{more}",
        source="alert-router",
        component="alert-router",
        group=row.channel,
        class_="digest",
        details=details,
    )
