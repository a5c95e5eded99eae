"""Values to rows and back. Rows are flat lists of columns, one row after another, as ``queries.Bulk`` writes them.

Bodies are encoded where the call is made, on the event loop: a delivery goes on changing after it was handed over, and
a value that cannot be encoded fails its own caller alone. Must never do: touch a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from router.errors import StoreUnusable
from router.model.decision import Decision
from router.model.delivery import Attempt, Delivery, DeliveryState, Priority
from router.model.event import PAGERDUTY, EventAction
from router.model.incident import Incident
from router.model.journal import Entry, Fact
from router.store.base import DecisionRow

FACT_NAMES: dict[type, str] = {fact: str(fact.__struct_config__.tag) for fact in get_args(Fact)}

_encode = msgspec.json.Encoder().encode
_fact_decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
_decision_decoder = msgspec.json.Decoder(Decision)
_incident_decoder = msgspec.json.Decoder(Incident)
_attempts_decoder = msgspec.json.Decoder(tuple[Attempt, ...])
_NO_ATTEMPTS = b"[]"


class _Sending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a delivery never changes, as its ``event`` column keeps it."""

    team: str
    routing_key: str
    dedup_key: str
    action: EventAction
    priority: Priority
    created_at: int
    channel: str = PAGERDUTY
    alert_seq: int = 0
    rule: str = ""
    is_escalation: bool = False


_sending_decoder = msgspec.json.Decoder(_Sending)


def episode_of(dedup_key: str) -> str:
    """The last part of RULE/GROUPDIGEST/EPISODE, by which keys are indexed; a key without slashes is its own."""
    return dedup_key[dedup_key.rfind("/") + 1 :]


def journal_values(entries: Sequence[Entry]) -> list[Any]:
    """Columns of ``insert_journal``."""
    values: list[Any] = []
    for entry in entries:
        fact = entry.fact
        values += (entry.seq, entry.at, FACT_NAMES[type(fact)], _encode(fact))
    return values


def decision_values(first_id: int, decisions: Sequence[Decision]) -> list[Any]:
    """Columns of ``insert_decisions``."""
    values: list[Any] = []
    for decision_id, decision in enumerate(decisions, first_id):
        key = decision.dedup_key
        values += (decision_id, decision.at, decision.alert_seq, key and episode_of(key), _encode(decision))
    return values


def incident_values(incidents: Sequence[Incident]) -> list[Any]:
    """Columns of ``upsert_incidents``."""
    values: list[Any] = []
    for incident in incidents:
        values += (
            incident.number,
            incident.status,
            incident.opened_at,
            incident.closed_at,
            episode_of(incident.dedup_key),
            _encode(incident),
        )
    return values


def delivery_values(deliveries: Sequence[Delivery]) -> list[Any]:
    """Columns of ``insert_deliveries``."""
    values: list[Any] = []
    for delivery in deliveries:
        sending = _Sending(
            team=delivery.team,
            routing_key=delivery.routing_key,
            dedup_key=delivery.dedup_key,
            action=delivery.action,
            priority=delivery.priority,
            created_at=delivery.created_at,
            channel=delivery.channel,
            alert_seq=delivery.alert_seq,
            rule=delivery.rule,
            is_escalation=delivery.is_escalation,
        )
        values += (
            delivery.id,
            delivery.created_at,
            delivery.team,
            episode_of(delivery.dedup_key),
            delivery.alert_seq,
            delivery.state.value,
            delivery.attempts,
            delivery.next_attempt_at,
            delivery.finished_at,
            delivery.reason,
            _encode(delivery.last_attempts) if delivery.last_attempts else _NO_ATTEMPTS,
            _encode(sending),
            delivery.body,
        )
    return values


def progress_values(delivery: Delivery) -> tuple[Any, ...]:
    """One row of ``record_deliveries``."""
    return (
        delivery.id,
        delivery.state.value,
        delivery.attempts,
        delivery.next_attempt_at,
        delivery.finished_at,
        delivery.reason,
        _encode(delivery.last_attempts) if delivery.last_attempts else _NO_ATTEMPTS,
    )


def unreadable(table: str, row: int, error: Exception) -> StoreUnusable:
    """The error for a row whose body is no value of ours."""
    return StoreUnusable(
        f"row {row} of table {table} cannot be read ({error}): the database is damaged or was changed by hand; "
        "stop the router, keep a copy of the file, and restore the last backup"
    )


def read_entry(row: tuple[int, int, str]) -> Entry:
    """An entry from (seq, at, body)."""
    seq, at, body = row
    try:
        return Entry(seq=seq, at=at, fact=_fact_decoder.decode(body))
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("journal", seq, error) from error


def read_decision(row: tuple[int, str]) -> DecisionRow:
    """A decision from (id, body)."""
    decision_id, body = row
    try:
        return DecisionRow(id=decision_id, decision=_decision_decoder.decode(body))
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("decisions", decision_id, error) from error


def read_incident(row: tuple[int, str]) -> Incident:
    """An incident from (number, body)."""
    number, body = row
    try:
        return _incident_decoder.decode(body)
    except (msgspec.MsgspecError, TypeError) as error:
        raise unreadable("incidents", number, error) from error


def read_delivery(row: tuple[int, str, int, int, int, str, str, str, bytes]) -> Delivery:
    """A delivery from the columns of ``delivery``."""
    delivery_id, state, attempts, next_attempt_at, finished_at, reason, last_attempts, event, body = row
    try:
        sending = _sending_decoder.decode(event)
        return Delivery(
            id=delivery_id,
            channel=sending.channel,
            team=sending.team,
            routing_key=sending.routing_key,
            dedup_key=sending.dedup_key,
            action=sending.action,
            priority=sending.priority,
            created_at=sending.created_at,
            body=body,
            alert_seq=sending.alert_seq,
            rule=sending.rule,
            is_escalation=sending.is_escalation,
            state=DeliveryState(state),
            attempts=attempts,
            next_attempt_at=next_attempt_at,
            finished_at=finished_at,
            reason=reason,
            last_attempts=_attempts_decoder.decode(last_attempts),
        )
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise unreadable("deliveries", delivery_id, error) from error
