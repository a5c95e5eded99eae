"""Facts, decisions and deliveries for tests of stores, and a clock that stands still."""

from __future__ import annotations

from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.delivery import Delivery, Priority
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry
from router.model.severity import Severity
from router.model.transition import StateRow
from router.store.base import Commit

START = 1_790_000_000_000


class StillClock:
    """Tells what it was set to."""

    def __init__(self, at: int = START) -> None:
        self.at = at
        self.set_ms = 0  # how far somebody has set the wall clock

    def now(self) -> int:
        return self.at + self.set_ms

    def monotonic(self) -> float:
        return self.at / 1000

    async def sleep(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


def fact(number: int = 1, **changes: object) -> AlertReceived:
    values: dict[str, object] = {
        "source": "prometheus",
        "fingerprint": f"{number:016x}",
        "service": "payment-api",
        "name": "CardError",
        "labels": {"env": "prod", "instance": f"host-{number}"},
        "annotations": {"text": "Karten\u00fcberfall \u2603 \x00"},
        "details": {"nested": [1, 2.5, None, {"deep": True}]},
    }
    return AlertReceived(alert=Alert(**(values | changes)))  # type: ignore[arg-type]


def dedup_key(number: int) -> str:
    return f"payment-errors/0123456789abcdef/{number:08d}"


def decision(number: int, *, at: int = START, key: str | None = None) -> Decision:
    return Decision(
        at=at,
        action=Action.OPEN,
        reason=Reason.AT_ONCE,
        alert_seq=number,
        rule="payment-errors",
        group="0123456789abcdef",
        dedup_key=dedup_key(number) if key is None else key,
        teams=("payments",),
        cause="1 of 1",
    )


def incident(number: int, *, at: int = START, closed_at: int = 0, teams: tuple[str, ...] = ("payments",)) -> Incident:
    return Incident(
        number=number,
        rule="payment-errors",
        group="0123456789abcdef",
        dedup_key=dedup_key(number),
        teams=teams,
        service="payment-api",
        name="CardError",
        summary="It fails",
        severity=Severity.CRITICAL,
        status="closed" if closed_at else "open",
        opened_at=at,
        closed_at=closed_at,
    )


def delivery(
    number: int,
    *,
    at: int = START,
    team: str = "payments",
    key: str | None = None,
    channel: str = "pagerduty",
    routing_key: str = "",
) -> Delivery:
    return Delivery(
        id=number,
        channel=channel,
        team=team,
        routing_key=routing_key or f"env:PD_KEY_{team.upper()}",
        dedup_key=dedup_key(number) if key is None else key,
        action="trigger",
        priority=Priority.CRITICAL,
        created_at=at,
        next_attempt_at=at,
        body=b'{"payload": {"summary": "It fails \xe2\x98\x83"}}',
        alert_seq=number,
        rule="payment-errors",
    )


def commit_of(
    cursor: int,
    *,
    at: int = START,
    decisions: list[Decision] | None = None,
    incidents: list[Incident] | None = None,
    changes: list[StateRow] | None = None,
    deliveries: list[Delivery] | None = None,
) -> Commit:
    return Commit(
        cursor=cursor,
        decided_at=at,
        decisions=decisions or [],
        incidents=incidents or [],
        changes=changes or [],
        deliveries=deliveries or [],
    )


def decided(entry: Entry) -> Commit:
    """What the processor would make of one entry: a page, an open incident, an active alert."""
    seq = entry.seq
    return commit_of(
        seq,
        at=entry.at,
        decisions=[decision(seq, at=entry.at)],
        incidents=[incident(seq, at=entry.at)],
        changes=[StateRow("alert", seq, b'{"seq":%d}' % seq), StateRow("group", seq, b'{"open":true}')],
        deliveries=[delivery(seq, at=entry.at)],
    )
