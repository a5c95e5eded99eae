"""The router's own troubles: raised once, cleared once, never lost while the journal is full."""

import asyncio

import msgspec
from structlog.testing import capture_logs

from router.daemon.troubles import MAX_WAITING, SEVERITIES, SOURCE, Trouble, Troubles
from router.errors import StoreFull
from router.model.journal import AlertReceived, Entry, RulesChanged
from router.model.transition import ActiveAlert, StateRow
from router.telemetry.metrics import Metrics


class Clock:
    def now(self) -> int:
        return 1_000

    def monotonic(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


class Moving(Clock):
    seconds = 1.0

    def monotonic(self) -> float:
        return self.seconds


class Journal:
    def __init__(self) -> None:
        self.alerts = []
        self.full = False

    async def append(self, at, facts, *, reserved=False):
        assert reserved
        await asyncio.sleep(0)
        if self.full:
            raise StoreFull("no room")
        self.alerts += [fact.alert for fact in facts]


def troubles(journal: Journal) -> Troubles:
    return Troubles(journal=journal, clock=Clock(), metrics=Metrics())


async def test_a_trouble_is_an_alert_of_service_alert_router_once_until_cleared() -> None:
    journal = Journal()
    own = troubles(journal)
    await own.fire(Trouble.DEAD_LETTER, "PagerDuty refused the key of payments", subject="payments")
    await own.fire(Trouble.DEAD_LETTER, "again", subject="payments")
    await own.fire(Trouble.DEAD_LETTER, "another team", subject="search")
    assert own.firing() == ["DeadLetter: PagerDuty refused the key of payments", "DeadLetter: another team"]
    await own.clear(Trouble.DEAD_LETTER, subject="payments")
    await own.clear(Trouble.DEAD_LETTER, subject="payments")
    assert [(a.service, a.name, a.status, a.labels["subject"]) for a in journal.alerts] == [
        (SOURCE, "DeadLetter", "firing", "payments"),
        (SOURCE, "DeadLetter", "firing", "search"),
        (SOURCE, "DeadLetter", "resolved", "payments"),
    ]
    assert journal.alerts[0].fingerprint == journal.alerts[2].fingerprint != journal.alerts[1].fingerprint


async def test_a_trouble_that_lasts_is_logged_when_it_comes_and_then_every_ten_minutes() -> None:
    clock = Moving()
    own = Troubles(journal=Journal(), clock=clock, metrics=Metrics())
    with capture_logs() as lines:
        for _ in range(241):  # twenty minutes, looked at every five seconds
            await own.fire(Trouble.STORE_REFUSES, "42 MiB are free")
            clock.seconds += 5.0
        await own.clear(Trouble.STORE_REFUSES)
        await own.fire(Trouble.STORE_REFUSES, "40 MiB are free")
    assert [line["event"] for line in lines] == [
        "trouble_raised",
        "trouble_lasts",
        "trouble_lasts",
        "trouble_cleared",
        "trouble_raised",
    ]


async def test_a_trouble_from_before_a_restart_is_logged_once_in_this_life_too() -> None:
    journal, clock = Journal(), Moving()
    before = Troubles(journal=journal, clock=clock, metrics=Metrics())
    await before.fire(Trouble.STORE_REFUSES, "full")
    own = Troubles(journal=journal, clock=clock, metrics=Metrics())
    own.recover([], [Entry(seq=1, at=1, fact=AlertReceived(alert=journal.alerts[0]))])
    with capture_logs() as lines:
        await own.fire(Trouble.STORE_REFUSES, "full")
        await own.fire(Trouble.STORE_REFUSES, "full")
    assert [line["event"] for line in lines] == ["trouble_lasts"]


async def test_what_the_journal_cannot_take_is_kept_and_tried_again_in_order() -> None:
    journal = Journal()
    own = troubles(journal)
    journal.full = True
    await own.fire(Trouble.STORE_REFUSES, "disk full")
    await own.clear(Trouble.STORE_REFUSES)
    await own.retry()
    journal.full = False
    await own.retry()
    assert [alert.status for alert in journal.alerts] == ["firing", "resolved"]


async def test_a_trouble_that_ends_before_it_could_be_journalled_is_not_left_firing() -> None:
    journal = Journal()
    own = troubles(journal)
    journal.full = True
    await own.fire(Trouble.STORE_REFUSES, "disk full")
    journal.full = False
    await asyncio.gather(own.clear(Trouble.STORE_REFUSES), own.fire(Trouble.DEAD_LETTER, "x"), own.retry())
    assert [(alert.name, alert.status) for alert in journal.alerts] == [
        ("StoreRefuses", "firing"), ("StoreRefuses", "resolved"), ("DeadLetter", "firing"),
    ]  # fmt: skip


async def test_the_waiting_list_is_bounded() -> None:
    journal = Journal()
    own = troubles(journal)
    journal.full = True
    for number in range(MAX_WAITING + 5):
        await own.fire(Trouble.DEAD_LETTER, "x", subject=str(number))
    journal.full = False
    await own.retry()
    assert len(journal.alerts) == MAX_WAITING


async def test_after_a_restart_a_trouble_can_be_cleared() -> None:
    journal = Journal()
    first = troubles(journal)
    await first.fire(Trouble.RELOAD_FAILED, "rules/a.yaml is broken")
    second = troubles(journal)
    second.recover([StateRow("alert", 1, msgspec.json.encode(ActiveAlert(alert=alert))) for alert in journal.alerts])
    await second.fire(Trouble.RELOAD_FAILED, "still broken")
    await second.clear(Trouble.RELOAD_FAILED)
    assert [alert.status for alert in journal.alerts] == ["firing", "resolved"]


async def test_what_was_journalled_last_and_not_decided_before_a_restart_counts() -> None:
    journal = Journal()
    first = troubles(journal)
    await first.fire(Trouble.RELOAD_FAILED, "rules/a.yaml is broken")
    await first.fire(Trouble.CLOCK_JUMPED, "by 7 s")
    await first.clear(Trouble.CLOCK_JUMPED)
    jumped = StateRow("alert", 1, msgspec.json.encode(ActiveAlert(alert=journal.alerts[1])))
    second = troubles(journal)
    undecided = [Entry(seq=seq, at=0, fact=AlertReceived(alert=alert)) for seq, alert in enumerate(journal.alerts)]
    second.recover([jumped], [*undecided, Entry(seq=9, at=0, fact=RulesChanged(version="a"))])
    assert [text.partition(":")[0] for text in second.firing()] == ["ReloadFailed"]
    await second.clear(Trouble.RELOAD_FAILED)
    assert (journal.alerts[-1].name, journal.alerts[-1].status) == ("ReloadFailed", "resolved")


def test_every_trouble_has_a_severity() -> None:
    assert set(SEVERITIES) == set(Trouble)


async def test_settling_says_what_is_wrong_now_and_that_the_rest_is_over() -> None:
    journal = Journal()
    own = troubles(journal)
    await own.fire(Trouble.DEAD_LETTER, "of another kind", subject="payments")
    await own.settle(Trouble.TEAM_OUT, {"payments": "no key", "search": "no key"})
    await own.settle(Trouble.TEAM_OUT, {"search": "no key"})
    assert own.is_firing(Trouble.TEAM_OUT, subject="search")
    assert not own.is_firing(Trouble.TEAM_OUT, subject="payments")
    assert [(alert.name, alert.status, alert.labels["subject"]) for alert in journal.alerts] == [
        ("DeadLetter", "firing", "payments"),
        ("TeamOut", "firing", "payments"),
        ("TeamOut", "firing", "search"),
        ("TeamOut", "resolved", "payments"),
    ]
