"""Engine state out of its rows: after ``restore`` every later entry is decided as if nothing had happened.

Rows may come in any order. Rows that contradict one another are an InvariantError: a state that is half of something else
must not decide about anybody's night. What equals is shared, so that a restored state is no larger than one that grew.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any, Literal, TypeVar, assert_never

import msgspec

from router.engine.rows import (
    NUMBERS_ID,
    CounterRow,
    DigestRow,
    Group,
    GroupRow,
    LimitWindow,
    LiveStorm,
    Numbers,
    SharedWindow,
    Storm,
)
from router.engine.state import State
from router.errors import InvariantError
from router.model.alert import AlertKind
from router.model.silence import Silence
from router.model.transition import StateRow

_Shared = TypeVar("_Shared", bound=tuple[Any, ...])


class _Identity(msgspec.Struct):
    """Of an alert's row, what the tables need."""

    source: str
    fingerprint: str
    kind: AlertKind = "stateful"


class _Membership(msgspec.Struct):
    alert: _Identity
    groups: tuple[int, ...] = ()


_decode_membership = msgspec.json.Decoder(_Membership).decode
_decode_group = msgspec.json.Decoder(GroupRow).decode
_decode_storm = msgspec.json.Decoder(Storm).decode
_decode_silence = msgspec.json.Decoder(Silence).decode
_decode_counter: msgspec.json.Decoder[CounterRow] = msgspec.json.Decoder(CounterRow)


def restore(state: State, rows: Iterable[StateRow]) -> None:
    """Fill a new state from the rows; InvariantError says which row contradicts which."""
    alert_rows: list[tuple[int, bytes]] = []
    shared: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        if row.body is None:
            raise InvariantError(f"state row {row.kind} {row.id} to restore has no body")
        if row.kind == "alert":
            alert_rows.append((row.id, row.body))
        else:
            _restore_row(state, row.kind, row.id, row.body, shared)
    # In order of id, as they were made: whoever walks a table walks it as before the restart.
    for row_id, body in sorted(alert_rows):
        _restore_alert(state, row_id, body)
    state.groups = dict(sorted(state.groups.items()))
    state.storms = dict(sorted(state.storms.items()))
    state.shared = dict(sorted(state.shared.items()))
    state.silences = dict(sorted(state.silences.items()))
    state.timers.watch(state.groups, state.storms)
    for group in state.groups.values():
        _attach(state, group)
        state.settle(group)
    for storm in state.storms.values():
        state.touch_storm(storm)
    for window_id in list(state.shared):
        state.settle_shared(window_id)
    state.settle_digests()
    state.flush()


def ruleset_of(rows: Iterable[StateRow]) -> str:
    """The version of the rules that these rows were made by; empty if they do not say."""
    for row in rows:
        if row.kind == "counter" and row.id == NUMBERS_ID and row.body is not None:
            numbers = _decode_counter.decode(row.body)
            assert isinstance(numbers, Numbers)
            return numbers.ruleset
    return ""


def _restore_row(
    state: State,
    kind: Literal["group", "storm", "counter", "silence"],
    row_id: int,
    body: bytes,
    shared: dict[tuple[Any, ...], tuple[Any, ...]],
) -> None:
    match kind:
        case "group":
            _restore_group(state, row_id, _decode_group(body), shared)
        case "storm":
            state.add_storm(LiveStorm(_decode_storm(body)))
        case "silence":
            state.put_silence(row_id, _decode_silence(body))
        case "counter":
            _restore_counter(state, row_id, _decode_counter.decode(body))
        case _:
            assert_never(kind)


def _restore_alert(state: State, row_id: int, body: bytes) -> None:
    membership = _decode_membership(body)
    identity = membership.alert
    state.identities.setdefault(intern(identity.source), {})[identity.fingerprint] = row_id
    state.alerts[row_id] = body
    for group_id in membership.groups:
        group = state.groups.get(group_id)
        if group is None:
            raise InvariantError(f"alert row {row_id} belongs to group {group_id}, which has no row")
        if group.members:
            group.members.append(row_id)
        else:
            group.members = [row_id]
        group.firing += identity.kind == "stateful"


def _restore_group(state: State, group_id: int, row: GroupRow, shared: dict[tuple[Any, ...], tuple[Any, ...]]) -> None:
    def share(value: _Shared) -> _Shared:
        shared.setdefault(value, value)
        return shared[value]  # type: ignore[return-value]

    episode = row.episode
    if episode is not None:
        episode.pages = share(episode.pages)
        episode.service = intern(episode.service)
        episode.name = intern(episode.name)
    values = tuple([intern(value) for value in row.values])
    group = Group(
        id=group_id,
        rule=intern(row.rule),
        names=share(row.names),
        values=values,
        worst=row.worst,
        first_at=row.first_at,
        last_at=row.last_at,
        not_before=row.not_before,
        handled=row.handled,
        muted=row.muted,
        expected=row.expected,
        window=row.window,
        episode=episode,
        noted=row.noted,
    )
    state.groups[group_id] = group
    state.tables.setdefault((group.rule, group.names), {})[values] = group


def _restore_counter(state: State, counter_id: int, row: CounterRow) -> None:
    match row:
        case Numbers():
            state.numbers = row
        case SharedWindow():
            state.shared[counter_id] = row
            state.shared_ids[row.rule, row.names, row.values] = counter_id
        case LimitWindow():
            state.limits[row.scope, row.owner] = (counter_id, row)
        case DigestRow():
            state.digests[row.channel] = (counter_id, row)
        case _:
            assert_never(row)


def _attach(state: State, group: Group) -> None:
    """What follows from being muted, and from an open episode."""
    if group.muted is not None:
        state.muted.add(group.id)
    episode = group.episode or group.noted
    if episode is None:
        return
    (state.noted if group.episode is None else state.episodes)[episode.key] = group
    for number in episode.storms:
        storm = state.storms.get(number)
        if storm is None:
            raise InvariantError(f"group {group.id} is held by storm {number}, which has no row")
        storm.held.append(group.id)
        storm.services[episode.service] = storm.services.get(episode.service, 0) + 1
