from __future__ import annotations

from zoneinfo import ZoneInfo

from router.model.incident import Incident
from router.model.severity import Severity
from router.rehearsal.comparing import LISTED, RULES_KEPT, Comparison, Effect
from router.rehearsal.replaying import Folding, Taken
from tests.support.journals import MINUTE, START, incident


def compare(before: list[Incident], after: list[Incident], *taken: str, since: int = 0) -> Effect:
    comparison = Comparison(since=since)
    comparison.take(Folding().take(before, START), [], [Taken(START + 90_000, key) for key in taken])
    comparison.take([], Folding().take(after, START))
    return comparison.finish(since=since, until=START, entries=0)


def together(before: list[Incident], after: list[Incident]) -> Effect:
    comparison = Comparison(since=0)
    comparison.take(Folding().take(before, START), Folding().take(after, START))
    return comparison.finish(since=0, until=START, entries=0)


def counts(effect: Effect) -> tuple[int, int]:
    return effect.lost_pages, effect.new_pages


def test_the_same_page_earlier_later_or_twice_is_neither_lost_nor_new() -> None:
    page = incident(1, 10, 20)
    assert counts(together([page], [incident(1, 5, 12)])) == (0, 0)
    assert counts(together([page], [incident(1, 20, 30)])) == (0, 0)
    assert counts(together([page], [incident(1, 9, 11), incident(2, 12, 30)])) == (0, 0)
    assert counts(together([page], [incident(1, 10, 20, rule="b", group="h")])) == (0, 0)
    assert counts(together([page], [incident(1, 10, 20, service="db", name="")])) == (0, 0)
    assert counts(together([incident(1, 10, None)], [incident(1, 99, None)])) == (0, 0)


def test_another_time_team_or_subject_is_lost_and_new() -> None:
    page = incident(1, 10, 20)
    assert counts(together([page], [incident(1, 21, 30)])) == (1, 1)
    assert counts(together([page], [incident(1, 10, 20, teams=("payments",))])) == (1, 1)
    assert counts(together([page], [incident(1, 10, 20, rule="b", service="db")])) == (1, 1)
    assert counts(together([page], [])) == (1, 0)
    assert counts(together([], [page])) == (0, 1)


def test_what_a_storm_holds_is_not_lost() -> None:
    storm = incident(2, 10, 20, holds=1, service="alert-router", name="storm", rule="")
    effect = together([incident(1, 10, 20)], [incident(1, 10, 20, teams=(), storm=2), storm])
    assert counts(effect) == (0, 1)
    assert (effect.after.pages, effect.after.storms) == (1, 1)


def test_what_was_acknowledged_or_critical_makes_it_unsafe_and_comes_first() -> None:
    pages = [
        incident(1, 1, 2, group="1", name="1", dedup_key="a/1/x"),
        incident(2, 1, 2, group="2", name="2", severity=Severity.CRITICAL),
        incident(3, 1, None, group="3", name="3", dedup_key="a/3/x", severity=Severity.INFO),
        incident(4, 9, 10, group="4", name="4"),
    ]
    effect = compare(pages, [], "a/3/x")
    assert [page.name for page in effect.lost] == ["3", "2", "4", "1"]
    assert [page.acknowledged for page in effect.lost] == [True, False, False, False]
    assert (effect.lost_pages, effect.lost_critical, effect.lost_acknowledged, effect.is_safe) == (4, 1, 1, False)
    assert compare(pages[:1], []).is_safe
    assert compare(pages[2:3], [], "b/3/x").is_safe
    assert not compare(pages[2:3], [], "a/3/other-episode").is_safe


def test_only_pages_of_the_time_asked_for_count_but_older_ones_still_answer() -> None:
    since = START + 10 * MINUTE
    effect = compare([incident(1, 0, None)], [incident(1, 12, None)], since=since)
    assert effect.before is not None
    assert (effect.before.pages, effect.after.pages) == (0, 1)
    assert counts(effect) == (0, 0)


def test_totals_by_team_hour_severity_rule_and_night() -> None:
    zone = ZoneInfo("Asia/Kolkata")  # half an hour off: START, 11:06 UTC, is 16:36 there
    comparison = Comparison(since=0, zone=zone, has_before=False)
    rows = [
        incident(1, 0, 5, teams=("platform", "payments")),
        incident(2, 60 * 6, None, severity=Severity.CRITICAL, rule="b"),
    ]
    comparison.take([], Folding().take(rows, START))
    effect = comparison.finish(since=1, until=2, entries=3)
    assert effect.before is None
    assert effect.new == effect.lost == ()
    side = effect.after
    assert (side.pages, side.at_night) == (3, 1)
    assert dict(side.by_team) == {"platform": 2, "payments": 1}
    assert dict(side.at_night_by_team) == {"platform": 1}
    assert dict(side.by_severity) == {"error": 2, "critical": 1}
    assert dict(side.by_rule) == {"a": 2, "b": 1}
    assert [hour for hour, count in enumerate(side.by_hour) if count] == [16, 22]
    assert (effect.since, effect.until, effect.entries) == (1, 2, 3)


def test_memory_is_bounded_and_counts_are_exact() -> None:
    rows = [
        incident(number, number, number + 1, rule=f"r{number}", group=str(number), name=str(number))
        for number in range(1, RULES_KEPT + 50)
    ]
    effect = together(rows, [])
    assert effect.before is not None
    assert effect.lost_pages == effect.before.pages == len(rows)
    assert len(effect.lost) == LISTED
    assert effect.lost[0].name == str(len(rows))
    assert len(effect.before.by_rule) == RULES_KEPT + 1


def test_whoever_is_paged_can_be_an_answer() -> None:
    comparison = Comparison(since=0, by_team=False)
    comparison.take(
        Folding().take([incident(1, 10, 20)], START), Folding().take([incident(1, 10, 20, teams=("payments",))], START)
    )
    assert counts(comparison.finish(since=0, until=START, entries=0)) == (0, 0)


def test_what_channels_are_told_is_counted_and_is_no_page() -> None:
    before = [incident(1, 0, 5, teams=(), channels=("chat",), service="web", group="w"), incident(2, 1, None)]
    after = [incident(1, 0, 5, channels=("chat", "mail"), service="web", group="w"), incident(2, 1, None, channels=("chat",))]
    effect = compare(before, after)
    assert (dict(effect.before.by_channel), dict(effect.after.by_channel)) == ({"chat": 1}, {"chat": 2, "mail": 1})
    assert (effect.before.pages, effect.after.pages, effect.lost_pages, effect.new_pages) == (1, 2, 0, 1)
