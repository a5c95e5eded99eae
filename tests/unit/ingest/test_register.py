from __future__ import annotations

import msgspec
import pytest

from router.errors import Overloaded
from router.ingest.register import CHECKPOINT_SLACK_MS, STRAGGLER_MS, Plan, Register, Report
from router.ingest.sources import RESEND_GRACE_MS, SourceSettings
from router.model.alert import Alert
from router.model.journal import AlertReceived, Entry, RulesChanged
from router.model.transition import ActiveAlert, StateRow

NOW = 1_790_000_000_000
MINUTE = 60_000


def report(number: int = 1, *, ends_at: int = NOW + 4 * MINUTE, content: int = 1, **changes: object) -> Report:
    status = "firing" if ends_at > NOW else "resolved"
    values: dict[str, object] = {
        "source": "prometheus",
        "fingerprint": f"{number:016x}",
        "service": "checkout",
        "status": status,
        "starts_at": NOW - MINUTE,
        "resolved_by": "" if status == "firing" else "source",
    }
    is_timeout = bool(changes.pop("is_timeout", False))
    alert = Alert(**(values | changes))  # type: ignore[arg-type]
    return Report(alert, ends_at, is_timeout, b"raw-%d" % number, content, alert.starts_at)


class Bench:
    """A register and a journal that always works."""

    def __init__(self) -> None:
        self.register = Register()
        self.seq = 0

    def entries(self, plan: Plan) -> list[Entry]:
        entries = []
        for alert in plan.alerts:
            self.seq += 1
            entries.append(Entry(seq=self.seq, at=NOW, fact=AlertReceived(alert=alert)))
        return entries

    def take(self, *reports: Report, now: int = NOW) -> list[str]:
        plan = self.register.plan(reports, now)
        self.register.apply(plan, self.entries(plan), now)
        return [step.kind for step in plan.steps]

    def expire(self, now: int) -> list[Alert]:
        found: list[Alert] = []
        while self.register.has_due(now):
            plan = self.register.plan_expired(now)
            self.register.apply(plan, self.entries(plan), now)
            found += plan.alerts
        return found


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_new_alert_is_journalled_once_and_its_resends_are_not(bench: Bench) -> None:
    assert bench.take(report()) == ["new"]
    assert bench.take(report(ends_at=NOW + 5 * MINUTE)) == []
    assert len(bench.register) == 1
    assert bench.register.firing("prometheus", f"{1:016x}").expires_at == NOW + 5 * MINUTE  # type: ignore[union-attr]
    assert bench.register.expires_at(1, "prometheus", f"{1:016x}") == NOW + 5 * MINUTE
    assert bench.register.expires_at(2, "prometheus", f"{1:016x}") is None


def test_the_fast_lane_takes_what_is_known_and_nothing_else(bench: Bench) -> None:
    lane = bench.register.of("prometheus")
    assert not lane.resend(b"raw-1", 1, NOW + MINUTE)
    bench.take(report())
    assert lane.resend(b"raw-1", 1, NOW + 6 * MINUTE)
    assert bench.register.firing("prometheus", f"{1:016x}").expires_at == NOW + 6 * MINUTE  # type: ignore[union-attr]
    assert lane.resend(b"raw-1", 1, NOW + 2 * MINUTE)  # an earlier end changes nothing
    assert bench.register.firing("prometheus", f"{1:016x}").expires_at == NOW + 6 * MINUTE  # type: ignore[union-attr]
    assert not lane.resend(b"raw-1", 2, NOW + MINUTE)
    assert not lane.resend(b"raw-2", 1, NOW + MINUTE)
    assert not bench.register.of("other").resend(b"raw-1", 1, NOW + MINUTE)


def test_two_sources_with_the_same_fingerprint_are_two_alerts(bench: Bench) -> None:
    assert bench.take(report(), report(source="other")) == ["new", "new"]


def test_an_alert_in_flight_makes_others_wait(bench: Bench) -> None:
    first = bench.register.plan([report()], NOW)
    second = bench.register.plan([report()], NOW)
    assert [step.kind for step in first.steps] == ["new"]
    assert second.steps == []
    assert second.waits_for == {first}
    assert not bench.register.of("prometheus").resend(b"raw-1", 1, NOW + 9 * MINUTE)
    bench.register.apply(first, bench.entries(first), NOW)
    again = bench.register.plan(second.waiting, NOW)
    assert (again.steps, again.resent, again.waiting) == ([], 1, [])


def test_what_was_not_journalled_is_not_known(bench: Bench) -> None:
    first = bench.register.plan([report(), report(2)], NOW)
    second = bench.register.plan([report()], NOW)
    bench.register.revert(first)
    assert len(bench.register) == 0
    again = bench.register.plan(second.waiting, NOW)
    assert [step.kind for step in again.steps] == ["new"]


def test_a_failed_change_or_resolve_leaves_it_firing_as_before(bench: Bench) -> None:
    bench.take(report())
    for what in (report(content=2, summary="worse"), report(ends_at=NOW - 1)):
        plan = bench.register.plan([what], NOW)
        assert len(plan.steps) == 1
        bench.register.revert(plan)
        record = bench.register.firing("prometheus", f"{1:016x}")
        assert record is not None
        assert record.alert.summary == ""
        assert bench.take(report()) == []


def test_the_same_alert_twice_in_one_batch_is_planned_one_after_the_other(bench: Bench) -> None:
    plan = bench.register.plan([report(), report(ends_at=NOW - 1), report(2)], NOW)
    assert [step.kind for step in plan.steps] == ["new", "new"]
    assert plan.waits_for == set()
    bench.register.apply(plan, bench.entries(plan), NOW)
    assert bench.take(*plan.waiting) == ["resolved"]


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "worse"},
        {"annotations": {"a": "b"}},
        {"generator_url": "http://x"},
        {"details": {"a": 1}},
        {"service": "other"},
    ],
)
def test_a_change_is_journalled_and_keeps_the_row(bench: Bench, change: dict[str, object]) -> None:
    bench.take(report())
    assert bench.take(report(content=2, ends_at=NOW + 5 * MINUTE, **change)) == ["changed"]
    record = bench.register.firing("prometheus", f"{1:016x}")
    assert record is not None
    assert record.row == 1
    assert record.expires_at == NOW + 5 * MINUTE
    assert bench.take(report(content=2, **change)) == []


def test_two_replicas_that_word_it_differently_take_turns_without_entries(bench: Bench) -> None:
    a, b = report(content=1, generator_url="http://a"), report(content=2, generator_url="http://b")
    assert bench.take(a) == ["new"]
    assert bench.take(b) == ["changed"]
    lane = bench.register.of("prometheus")
    for _ in range(3):
        assert bench.take(a) == []
        assert bench.take(b) == []
        assert lane.resend(b"raw-1", 1, NOW + 9 * MINUTE)
        assert lane.resend(b"raw-1", 2, NOW + 9 * MINUTE)


def test_a_start_that_moves_is_no_change(bench: Bench) -> None:
    bench.take(report())
    assert bench.take(report(content=7, starts_at=NOW - 1)) == []
    assert bench.register.of("prometheus").resend(b"raw-1", 7, NOW + 9 * MINUTE)


def test_labels_written_in_another_order_are_the_same_alert(bench: Bench) -> None:
    bench.take(report())
    other = msgspec.structs.replace(report(), raw=b"other order")
    assert bench.take(other) == []
    assert bench.register.of("prometheus").resend(b"other order", 1, NOW + 9 * MINUTE)
    assert not bench.register.of("prometheus").resend(b"raw-1", 1, NOW + 9 * MINUTE)  # one key each: memory is bounded
    assert bench.take(report()) == []


def test_a_resolve_ends_it_and_the_next_firing_is_new(bench: Bench) -> None:
    bench.take(report())
    assert bench.take(report(ends_at=NOW - 1)) == ["resolved"]
    assert len(bench.register) == 0
    assert bench.take(report(starts_at=NOW)) == ["new"]


def test_a_resolve_of_nothing_is_journalled_once(bench: Bench) -> None:
    assert bench.take(report(ends_at=NOW - 1)) == ["unknown_resolved"]
    assert bench.take(report(ends_at=NOW - 1)) == []
    assert bench.take(report(ends_at=NOW - 1)) == []


def test_resent_resolves_are_remembered_within_a_bound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.ingest.register.MAX_RESOLVED", 2)
    assert bench.take(*(report(number, ends_at=NOW - 1) for number in (1, 2, 3))) == ["unknown_resolved"] * 3
    assert bench.take(report(3, ends_at=NOW - 1)) == []
    assert bench.take(report(1, ends_at=NOW - 1)) == ["unknown_resolved"]


def test_a_late_replica_does_not_open_it_again(bench: Bench) -> None:
    """The other Prometheus has not seen yet that it is over: it began before that end."""
    bench.take(report())
    bench.take(report(ends_at=NOW - 1))
    assert bench.take(report(), now=NOW + 10_000) == []
    assert len(bench.register) == 0
    # If it goes on saying so, it is right.
    assert bench.take(report(), now=NOW + STRAGGLER_MS) == ["new"]
    # And the first one's resent resolve, for the third time, says nothing new.
    assert bench.take(report(ends_at=NOW - 1), now=NOW + STRAGGLER_MS + 1) == []
    assert len(bench.register) == 1


def test_without_a_start_time_firing_again_is_new_at_once(bench: Bench) -> None:
    bench.take(report(starts_at=0))
    assert bench.take(report(ends_at=NOW - 1, starts_at=0)) == ["resolved"]
    assert bench.take(report(starts_at=0)) == ["new"]
    assert bench.take(report(ends_at=NOW - 1, starts_at=0)) == ["resolved"]


def test_a_delayed_resolve_of_an_earlier_occurrence_does_not_end_this_one(bench: Bench) -> None:
    bench.take(report(starts_at=NOW - 1000))
    assert bench.take(report(ends_at=NOW - 2000, starts_at=NOW - 9000)) == []
    assert len(bench.register) == 1


def test_a_sender_whose_clock_was_ahead_can_still_resolve(bench: Bench) -> None:
    # It began, by a clock three minutes ahead, in our future; set right, the sender says that it ended a minute later.
    assert bench.take(report(starts_at=NOW + 3 * MINUTE, ends_at=NOW + 7 * MINUTE)) == ["new"]
    end = report(starts_at=NOW, ends_at=NOW + MINUTE, status="resolved", resolved_by="source")
    assert bench.take(end, now=NOW + MINUTE) == ["resolved"]
    assert len(bench.register) == 0


def test_silence_past_the_end_resolves(bench: Bench) -> None:
    bench.take(report(), report(2, ends_at=NOW + 10 * MINUTE))
    assert bench.expire(NOW + 4 * MINUTE - 1) == []
    (expired,) = bench.expire(NOW + 4 * MINUTE)
    assert (expired.status, expired.resolved_by, expired.fingerprint) == ("resolved", "expiry", f"{1:016x}")
    assert len(bench.register) == 1
    # Back again: at once, however early it says it began.
    assert bench.take(report(ends_at=NOW + 9 * MINUTE), now=NOW + 4 * MINUTE) == ["new"]


def test_a_resend_puts_the_end_off_and_a_nearer_end_does_not(bench: Bench) -> None:
    bench.take(report())
    bench.take(report(ends_at=NOW + 8 * MINUTE))
    bench.take(report(ends_at=NOW + 6 * MINUTE))
    assert bench.expire(NOW + 7 * MINUTE) == []
    assert len(bench.expire(NOW + 8 * MINUTE)) == 1


def test_a_known_end_replaces_our_guess_even_if_it_is_nearer(bench: Bench) -> None:
    bench.take(report(ends_at=NOW + 5 * MINUTE, is_timeout=True))
    assert not bench.register.of("prometheus").resend(b"raw-1", 1, NOW + MINUTE)
    bench.take(report(ends_at=NOW + MINUTE))
    assert len(bench.expire(NOW + MINUTE)) == 1
    assert bench.expire(NOW + 9 * MINUTE) == []


def test_expiry_looks_at_no_more_than_it_is_told_to_and_finds_all(bench: Bench) -> None:
    bench.take(*(report(number) for number in range(10)))
    plan = bench.register.plan_expired(NOW + 5 * MINUTE, limit=3)
    assert len(plan.steps) == 3
    bench.register.apply(plan, bench.entries(plan), NOW)
    assert len(bench.expire(NOW + 5 * MINUTE)) == 7
    assert len(bench.register) == 0


def test_an_expiry_that_cannot_be_journalled_comes_again(bench: Bench) -> None:
    bench.take(report())
    later = NOW + 5 * MINUTE
    plan = bench.register.plan_expired(later)
    waiting = bench.register.plan([report(ends_at=later + MINUTE)], later)
    assert waiting.waits_for == {plan}
    bench.register.retry_expiry(plan, later)
    assert len(bench.register) == 1
    assert bench.expire(later + 1000) == []
    assert len(bench.expire(later + 6000)) == 1


def test_expiry_waits_for_the_outcome_of_an_alert_in_flight(bench: Bench) -> None:
    bench.take(report())
    plan = bench.register.plan([report(content=2, summary="worse")], NOW)
    assert bench.register.plan_expired(NOW + 5 * MINUTE).steps == []
    bench.register.apply(plan, bench.entries(plan), NOW)
    assert len(bench.expire(NOW + 6 * MINUTE)) == 1


def test_a_bound_on_what_fires(bench: Bench) -> None:
    bench.register = Register(max_firing=2)
    with pytest.raises(Overloaded, match="2 alerts fire already"):
        bench.take(report(1), report(2), report(3))
    assert len(bench.register) == 0
    assert bench.take(report(1), report(2)) == ["new", "new"]


async def test_settled_plans_wake_who_waits() -> None:
    plan = Plan()
    plan.settle()
    await plan.settled()


def test_expiries_are_handed_out_for_checkpoints(bench: Bench) -> None:
    bench.take(report(1), report(2))
    assert bench.register.take_unsaved() == {1: NOW + 4 * MINUTE, 2: NOW + 4 * MINUTE}
    assert bench.register.take_unsaved() == {}
    lane = bench.register.of("prometheus")
    lane.resend(b"raw-1", 1, NOW + 4 * MINUTE + CHECKPOINT_SLACK_MS - 1)
    assert bench.register.take_unsaved() == {}
    lane.resend(b"raw-1", 1, NOW + 4 * MINUTE + CHECKPOINT_SLACK_MS)
    bench.take(report(2, ends_at=NOW - 1))
    assert bench.register.take_unsaved() == {1: NOW + 4 * MINUTE + CHECKPOINT_SLACK_MS, 2: None}
    bench.register.put_back_unsaved({1: 5})
    assert bench.register.take_unsaved() == {1: 5}


def test_what_resolves_before_its_checkpoint_is_forgotten(bench: Bench) -> None:
    bench.take(report(1))
    bench.take(report(1, ends_at=NOW - 1))
    assert bench.register.take_unsaved() == {1: None}


SOURCES = {
    "prometheus": SourceSettings(name="prometheus", kind="alertmanager"),
    "json": SourceSettings(name="json", kind="json", resolve_timeout_ms=0),
}


def row(number: int, alert: Alert) -> StateRow:
    return StateRow("alert", number, msgspec.json.encode(ActiveAlert(alert=alert)))


def test_a_restart_goes_on_where_it_stopped(bench: Bench) -> None:
    rows = [row(1, report(1).alert), row(2, report(2).alert), StateRow("group", 3, b"{}"), StateRow("alert", 4, None)]
    undecided = [
        Entry(seq=5, at=NOW, fact=AlertReceived(alert=report(5).alert)),
        Entry(seq=6, at=NOW, fact=AlertReceived(alert=report(2, ends_at=NOW - 1).alert)),
        Entry(seq=7, at=NOW, fact=AlertReceived(alert=report(1, summary="worse").alert)),
        Entry(seq=8, at=NOW, fact=RulesChanged(version="x")),
    ]
    bench.seq = 8
    bench.register.restore(rows, undecided, {1: NOW - 10 * MINUTE}, NOW, sources=SOURCES)
    assert len(bench.register) == 2
    # The first resend is compared, not journalled; the second is taken by its bytes.
    assert bench.take(report(1, content=9, summary="worse"), report(5, content=9)) == []
    assert bench.register.of("prometheus").resend(b"raw-1", 9, NOW + 9 * MINUTE)
    assert bench.take(report(5, content=10, summary="worse")) == ["changed"]
    assert bench.register.firing("prometheus", f"{5:016x}").row == 5  # type: ignore[union-attr]


def test_nothing_expires_within_the_grace_after_a_restart(bench: Bench) -> None:
    bench.register.restore([row(1, report(1).alert)], [], {1: NOW - 10 * MINUTE}, NOW, sources=SOURCES)
    assert bench.expire(NOW + RESEND_GRACE_MS - 1000) == []
    assert len(bench.expire(NOW + RESEND_GRACE_MS)) == 1


def test_nothing_expires_early_because_its_checkpoint_was_old(bench: Bench) -> None:
    bench.register.restore([row(1, report(1).alert)], [], {1: NOW + 10 * MINUTE}, NOW, sources=SOURCES)
    assert bench.expire(NOW + 10 * MINUTE + CHECKPOINT_SLACK_MS - 1) == []
    assert len(bench.expire(NOW + 10 * MINUTE + CHECKPOINT_SLACK_MS)) == 1


def test_what_never_expires_does_not_after_a_restart_either(bench: Bench) -> None:
    rows = [
        row(1, report(1, source="json").alert),
        row(2, report(2, source="alert-router").alert),
        row(3, report(3, kind="event").alert),
        row(4, report(4, source="gone").alert),
    ]
    bench.register.restore(rows, [], {}, NOW, sources=SOURCES)
    assert len(bench.register) == 2  # the router's own troubles and events are not its business
    assert [alert.source for alert in bench.expire(NOW + 365 * 24 * 60 * MINUTE)] == ["gone"]
    assert bench.take(report(1, source="json", ends_at=NOW - 1)) == ["resolved"]


def test_a_change_keeps_the_earliest_start(bench: Bench) -> None:
    bench.take(report())
    bench.take(report(content=2, summary="worse", starts_at=NOW))
    record = bench.register.firing("prometheus", f"{1:016x}")
    assert record is not None
    assert (record.alert.summary, record.alert.starts_at) == ("worse", NOW - MINUTE)
    bench.take(report(content=3, summary="worst", starts_at=NOW - 2 * MINUTE))
    assert record.alert.starts_at == NOW - 2 * MINUTE
