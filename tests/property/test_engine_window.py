"""A counted window behaves as its definition: the n-th occurrence within (t - within, t] opens, and takes what was counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.model.ruleset import Count, Never, Rule
from tests.support.engine import START, World, event

steps = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["", "ann", "bob", "cid"])), max_size=30)


@given(steps, st.integers(1, 4), st.integers(1, 15), st.sampled_from([None, "user"]))
def test_a_window_is_what_a_list_of_all_occurrences_says(
    script: list[tuple[int, str]], count: int, within_ms: int, distinct: str | None
) -> None:
    rule = Rule(id="r", when=Count(count=count, within_ms=within_ms, distinct=distinct), resolve=Never())
    world = World(rule)
    seen: list[tuple[int, str]] = []
    now, expected, opened = START, None, None
    for step_ms, user in script:
        now += step_ms
        seen.append((now, user))
        inside = [value for at, value in seen if now - within_ms < at <= now]
        reached = len(inside) if distinct is None else len({value for value in inside if value})
        if expected is None and reached >= count:
            expected = now
        said = world.step(f"{now - START}ms" if now > START else "0s", event(labels={"user": user}))
        if opened is None and said[0].startswith("open"):
            opened = now
        if opened is None:
            assert said[0].startswith(f"hold count_not_reached ({reached} of {count} in ")
        assert opened == expected
