from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from router.errors import StoreFull, StoreUnavailable
from router.ingest.intake import Intake
from router.ingest.register import Register
from router.ingest.sources import SourceSettings
from router.model.journal import ChangeReceived, Entry, EventForwarded, Fact
from router.model.receipt import Unreadable
from router.model.severity import SeverityScale
from router.telemetry.metrics import Metrics
from tests.support.doors import A_SECOND_AGO, INBOUND_KEY, NOW, Journal, body, event, make_intake, posted
from tests.support.stores import StillClock

MINUTE = 60_000


class Rig:
    def __init__(self) -> None:
        self.clock = StillClock(NOW)
        self.journal = Journal(self.clock)
        self.register = Register()
        self.metrics = Metrics()
        self.intake = make_intake(self.journal.store, self.clock, self.register, metrics=self.metrics)

    def counted(self, source: str, result: str) -> float:
        self.metrics.prepare()
        value = self.metrics.registry.get_sample_value(
            "alert_router_alerts_received_total", {"source": source, "result": result}
        )
        return value or 0.0


@pytest.fixture
async def rig() -> Rig:
    rig = Rig()
    await rig.journal.open()
    return rig


async def test_new_then_resent_then_resolved(rig: Rig) -> None:
    for _ in range(3):
        receipt = await rig.intake.take_alertmanager(body(posted()))
        assert (receipt.taken, receipt.refusals) == (1, ())
    await rig.intake.take_alertmanager(body(posted(A_SECOND_AGO)))
    await rig.intake.take_alertmanager(body(posted(A_SECOND_AGO)))
    assert rig.journal.told == [("firing", ""), ("resolved", "source")]
    assert (rig.counted("prometheus", "new"), rig.counted("prometheus", "resent")) == (1, 3)


async def test_bad_alerts_are_refused_and_good_ones_journalled(rig: Rig) -> None:
    receipt = await rig.intake.take_alertmanager(body(posted(), {"labels": {}}, posted(instance="2")))
    assert (receipt.taken, receipt.journalled, len(receipt.refusals)) == (2, 2, 1)
    assert len(rig.journal.alerts) == 2
    assert rig.counted("prometheus", "refused") == 1


async def test_two_replicas_at_the_same_moment_make_one_entry(rig: Rig) -> None:
    """Both are answered only when it is durable."""
    receipts = await asyncio.gather(*(rig.intake.take_alertmanager(body(posted())) for _ in range(5)))
    assert [receipt.taken for receipt in receipts] == [1] * 5
    assert sorted(receipt.journalled for receipt in receipts) == [0, 0, 0, 0, 1]
    assert rig.journal.told == [("firing", "")]


async def test_a_resolve_right_behind_its_alert_is_journalled_behind_it(rig: Rig) -> None:
    await asyncio.gather(
        rig.intake.take_alertmanager(body(posted(), posted(A_SECOND_AGO))),
        rig.intake.take_alertmanager(body(posted(A_SECOND_AGO))),
    )
    assert rig.journal.told == [("firing", ""), ("resolved", "source")]


class GatedJournal:
    """A store whose appends wait for a word: let them through, or fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[Sequence[Fact], asyncio.Future[None]]] = []
        self.seq = 0
        self.refuse: Exception | None = None
        self.saved: list[dict[int, int | None]] = []

    async def append(self, at: int, facts: Sequence[Fact]) -> Sequence[Entry]:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.calls.append((facts, gate))
        await gate
        first = self.seq + 1
        self.seq += len(facts)
        return [Entry(seq=seq, at=at, fact=fact) for seq, fact in enumerate(facts, first)]

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.saved.append(expiries)


@pytest.fixture
def gated() -> tuple[GatedJournal, Intake]:
    journal = GatedJournal()
    return journal, make_intake(journal, StillClock(NOW))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_second_replica_waits_for_the_first(gated: tuple[GatedJournal, Intake]) -> None:
    journal, intake = gated
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(intake.take_alertmanager(body(posted())))
        await settle()
        second = tasks.create_task(intake.take_alertmanager(body(posted(), posted(instance="other"))))
        await settle()
        assert len(journal.calls) == 2
        journal.calls[1][1].set_result(None)  # its own part is durable first
        await settle()
        assert not second.done()
        journal.calls[0][1].set_result(None)
    assert (first.result().journalled, second.result().journalled) == (1, 1)
    assert second.result().taken == 2


async def test_if_the_first_fails_the_second_journals_it_itself(gated: tuple[GatedJournal, Intake]) -> None:
    journal, intake = gated
    first = asyncio.ensure_future(intake.take_alertmanager(body(posted())))
    await settle()
    second = asyncio.ensure_future(intake.take_alertmanager(body(posted())))
    await settle()
    journal.calls[0][1].set_exception(StoreFull("full"))
    with pytest.raises(StoreFull):
        await first
    await settle()
    assert len(journal.calls) == 2
    journal.calls[1][1].set_result(None)
    assert (await second).journalled == 1


async def test_a_request_that_is_cancelled_leaves_nothing_behind(gated: tuple[GatedJournal, Intake]) -> None:
    journal, intake = gated
    first = asyncio.ensure_future(intake.take_alertmanager(body(posted())))
    await settle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.ensure_future(intake.take_alertmanager(body(posted())))
    await settle()
    journal.calls[1][1].set_result(None)
    assert (await second).journalled == 1


async def test_what_the_store_refuses_is_not_known_afterwards(rig: Rig) -> None:
    class Refusing:
        async def append(self, at: int, facts: Sequence[Fact]) -> Sequence[Entry]:
            raise StoreUnavailable("not now")

    intake = make_intake(Refusing(), rig.clock, rig.register, metrics=rig.metrics)
    for take, content in (
        (intake.take_alertmanager, body(posted())),
        (intake.take_alerts, b'{"service":"a"}'),
        (intake.take_event, event()),
    ):
        with pytest.raises(StoreUnavailable):
            await take(content)
    assert len(rig.register) == 0
    assert rig.counted("prometheus", "not_stored") == 1
    assert (await rig.intake.take_alertmanager(body(posted()))).journalled == 1


async def test_silence_resolves_and_the_checkpoint_forgets(rig: Rig) -> None:
    await rig.intake.take_alertmanager(body(posted(None)))
    await rig.intake.checkpoint()
    assert rig.journal.store._tables.expiries == {1: NOW + 5 * MINUTE}
    assert await rig.intake.expire() == 0
    rig.clock.at += 5 * MINUTE
    assert await rig.intake.expire() == 1
    assert rig.journal.told == [("firing", ""), ("resolved", "expiry")]
    await rig.intake.checkpoint()
    assert rig.journal.store._tables.expiries == {}
    assert rig.counted("prometheus", "expired") == 1


async def test_an_expiry_that_cannot_be_journalled_is_tried_again(gated: tuple[GatedJournal, Intake]) -> None:
    journal, intake = gated
    clock = intake._clock
    assert isinstance(clock, StillClock)
    first = asyncio.ensure_future(intake.take_alertmanager(body(posted(None))))
    await settle()
    journal.calls[0][1].set_result(None)
    await first
    clock.at += 6 * MINUTE
    expiring = asyncio.ensure_future(intake.expire())
    await settle()
    journal.calls[1][1].set_exception(StoreFull("full"))
    with pytest.raises(StoreFull):
        await expiring
    clock.at += 6000
    expiring = asyncio.ensure_future(intake.expire())
    await settle()
    journal.calls[2][1].set_result(None)
    assert await expiring == 1


async def test_a_checkpoint_that_fails_is_made_up_for(gated: tuple[GatedJournal, Intake]) -> None:
    journal, intake = gated
    await intake.checkpoint()
    assert journal.saved == []
    first = asyncio.ensure_future(intake.take_alertmanager(body(posted())))
    await settle()
    journal.calls[0][1].set_result(None)
    await first
    journal.refuse = StoreUnavailable("not now")
    with pytest.raises(StoreUnavailable):
        await intake.checkpoint()
    journal.refuse = None
    await intake.checkpoint()
    assert journal.saved == [{1: NOW + 60 * MINUTE}]


async def test_events_changes_and_acknowledges(rig: Rig) -> None:
    assert (await rig.intake.take_event(event())).dedup_key == "made-1"
    assert (await rig.intake.take_event(event(dedup_key="k"))).dedup_key == "k"
    assert (await rig.intake.take_event(event("acknowledge", dedup_key="k"))).journalled == 0
    await rig.intake.take_event(event("resolve", dedup_key="k"))
    change: dict[str, Any] = {"payload": {"summary": "deployed", "source": "ci"}}
    assert (await rig.intake.take_change(event("trigger", **change))).taken == 1
    assert rig.journal.told == [("firing", ""), ("firing", ""), ("resolved", "source")]
    assert isinstance(rig.journal.entries[-1].fact, ChangeReceived)
    assert rig.counted("tools", "ignored") == 1


async def test_each_occurrence_of_an_event_is_journalled(rig: Rig) -> None:
    for _ in range(3):
        receipt = await rig.intake.take_alerts(b'{"service":"a","dedup_key":"k"}')
        assert receipt.journalled == 1
    assert len(rig.journal.alerts) == 3
    assert len(rig.register) == 0


async def test_stateful_alerts_through_our_own_door_are_registered(rig: Rig) -> None:
    firing = b'{"service":"a","kind":"stateful","name":"n"}'
    for _ in range(2):
        await rig.intake.take_alerts(firing)
    rig.clock.at += 1000 * MINUTE
    assert await rig.intake.expire() == 0  # the json source waits for the resolve
    await rig.intake.take_alerts(firing.replace(b"{", b'{"status":"resolved",'))
    assert rig.journal.told == [("firing", ""), ("resolved", "source")]


async def test_new_sources_count_from_the_next_body_on(rig: Rig) -> None:
    rig.intake.reconfigure([SourceSettings(name="thanos", kind="alertmanager")], SeverityScale())
    await rig.intake.take_alertmanager(body(posted()))
    await rig.intake.take_alerts(b'{"service":"a"}')
    assert [alert.source for alert in rig.journal.alerts] == ["thanos", "json"]


async def test_what_cannot_be_read_is_said_so(rig: Rig) -> None:
    for take in (rig.intake.take_alertmanager, rig.intake.take_alerts, rig.intake.take_event, rig.intake.take_change):
        with pytest.raises(Unreadable):
            await take(b"")
    assert rig.journal.entries == []


async def test_what_comes_in_shadow_is_journalled_to_go_on_and_nothing_else(rig: Rig) -> None:
    rig.intake.reconfigure(
        [SourceSettings(name="tools", kind="pagerduty", keys=(INBOUND_KEY,), shadows={INBOUND_KEY: "env:REAL"})],
        SeverityScale(),
    )
    assert (await rig.intake.take_event(event())).dedup_key == "made-1"
    assert (await rig.intake.take_event(event("acknowledge", dedup_key="k"))).journalled == 1
    change: dict[str, Any] = {"payload": {"summary": "deployed", "source": "ci"}}
    assert (await rig.intake.take_change(event("trigger", **change))).journalled == 1
    facts = [entry.fact for entry in rig.journal.entries]
    assert [fact.action for fact in facts if isinstance(fact, EventForwarded)] == ["trigger", "acknowledge", "change"]
    assert len(facts) == 3
    assert rig.counted("tools", "forwarded") == 3
