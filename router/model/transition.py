"""What the engine answers: decisions, events, incidents, and the state rows that changed. One transition is one commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from router.model.alert import Alert
from router.model.decision import Decision
from router.model.event import Event
from router.model.incident import Incident

StateKind = Literal["alert", "group", "storm", "counter", "silence"]
"""The kinds of engine state. ``id`` is a small integer in order of insertion: such keys append, hashes do not."""


class ActiveAlert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The body of an ``alert`` state row: an alert that fires now. The row's id is the sequence of its first entry."""

    alert: Alert
    groups: tuple[int, ...] = ()  # ids of the group rows it belongs to


class AlertAsJournalled(msgspec.Struct, frozen=True, gc=False):
    """The same for an alert that says what its first entry says, as most do all their life: only what is not in the journal.

    So an alert is written once and not twice. A store hands such a row out ``completed``: nobody else sees this form.
    """

    groups: tuple[int, ...]


_BEGINNING = b'{"groups":'


def completed(row: StateRow, alert_of: Callable[[int], Alert]) -> StateRow:
    """The row as it is handed out: with its alert, which ``alert_of`` knows by the row's id, if it has it in the journal."""
    body = row.body
    if row.kind != "alert" or body is None or not body.startswith(_BEGINNING):
        return row
    return StateRow(row.kind, row.id, b'{"alert":%b,%b' % (msgspec.json.encode(alert_of(row.id)), body[1:]))


class StateRow(msgspec.Struct, frozen=True, gc=False):
    """One row of engine state; ``body`` is JSON of the engine's own making, None deletes the row."""

    kind: StateKind
    id: int
    body: bytes | None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be true from now on: committed as a whole or not at all. Each list is in the order it was decided.

    ``incidents`` are upserts by number, ``changes`` upserts or deletes by (kind, id): at most one each per transition.
    """

    decisions: list[Decision]
    events: list[Event]
    incidents: list[Incident]
    changes: list[StateRow]
