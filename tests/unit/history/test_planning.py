from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.history.base import Span
from router.history.planning import LONGEST_MS, OVERLAP_MS, middle, plan

DAY = 86_400_000
NOW = 1_000 * DAY


def span(since: int, until: int, kind: str = "incidents", made_at: int = NOW) -> Span:
    return Span(id=1, made_at=made_at, kind=kind, since=since, until=until, is_done=True)  # type: ignore[arg-type]


def test_at_first_everything_and_no_changes() -> None:
    wanted = plan([], since=NOW - 400 * DAY, until=NOW, now=NOW)
    assert [kind for kind, _, _ in wanted] == ["incidents"] * 3
    assert wanted[0][1] == NOW - 400 * DAY
    assert wanted[-1][2] == NOW
    assert all(until - since <= LONGEST_MS for _, since, until in wanted)


def test_later_only_the_rest_with_an_overlap_and_the_changes_since() -> None:
    known = [span(NOW - 400 * DAY, NOW)]
    later = NOW + DAY
    assert plan(known, since=NOW - 400 * DAY, until=later, now=later) == [
        ("incidents", NOW - OVERLAP_MS, later),
        ("changes", NOW - OVERLAP_MS, later),
    ]


def test_changes_are_looked_for_since_the_list_was_made_not_since_what_it_held() -> None:
    known = [span(NOW - 400 * DAY, NOW - 300 * DAY)]
    assert plan(known, since=NOW - 400 * DAY, until=NOW - 300 * DAY, now=NOW) == [("changes", NOW - OVERLAP_MS, NOW)]
    known.append(span(NOW - DAY, NOW, "changes"))
    assert plan(known, since=NOW - 400 * DAY, until=NOW - 300 * DAY, now=NOW + DAY)[-1] == (
        "changes",
        NOW - OVERLAP_MS,
        NOW + DAY,
    )


def test_a_span_is_halved_in_whole_seconds() -> None:
    assert middle(span(0, 10_000)) == 5_000
    assert middle(span(0, 3_000)) == 1_000
    assert middle(span(4_000, 5_000)) is None


@given(
    spans=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), max_size=6),
    since=st.integers(0, 300),
    length=st.integers(1, 200),
)
def test_together_with_what_is_known_all_is_covered(spans: list[tuple[int, int]], since: int, length: int) -> None:
    known = [span(start * DAY, (start + days) * DAY) for start, days in spans]
    until = min((since + length) * DAY, NOW)
    wanted = plan(known, since=since * DAY, until=until, now=NOW)
    covered = [(each.since, each.until) for each in known] + [
        (start, end) for kind, start, end in wanted if kind == "incidents"
    ]
    for day in range(since, until // DAY):
        assert any(start <= day * DAY and (day + 1) * DAY <= end for start, end in covered)
    for kind, start, end in wanted:
        assert kind == "changes" or not any(each.since < end and start < each.until for each in known)
