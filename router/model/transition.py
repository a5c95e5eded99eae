"""What the engine answers: decisions, events, incidents, and the state rows that changed. One transition is one commit."""

from __future__ import annotations

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
