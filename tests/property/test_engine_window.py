"""A counted window behaves as its definition: the n-th occurrence within (t - within, t] opens, and takes what was counted."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.engine import arrivals, trigger
from router.model.ruleset import Count, Never, Rule
from tests.support import windows
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


def test_tens_of_thousands_of_streams_are_what_the_definition_says() -> None:
    """A million by ``make prove``; WINDOW_STREAMS plays another number here."""
    streams = int(os.environ.get("WINDOW_STREAMS", "20000"))
    found = [each for seed in range(-(-streams // windows.STREAMS_EACH)) for each in windows.differences(seed)]
    assert not found, "\n".join(found[:20])


MISTAKES: dict[str, tuple[str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = {
    "both ends belong to the window": ("bisect_right", lambda _: bisect_left),
    "no end is ever forgotten": ("bisect_right", lambda _: lambda _times, _at: 0),
    "one more is wanted": (
        "judge_count",
        lambda judge: lambda ready, when, *rest: judge(ready, replace(when, count=when.count + 1), *rest),
    ),
    "empty values count": ("add", lambda add: lambda window, when, at, value: add(window, when, at, value or "nobody")),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, wrong = MISTAKES[mistake]
    planted = wrong(getattr(trigger, name))
    monkeypatch.setattr(trigger, name, planted)
    if hasattr(arrivals, name):
        monkeypatch.setattr(arrivals, name, planted)
    assert any(windows.differences(seed) for seed in range(4))


def test_the_driver_says_how_many_agree(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert windows.main(["--streams", "600", "--seed", "7"]) == 0
    assert "1,000 streams, seeds 7 to 8: the engine and the definition agree" in capsys.readouterr().out
    monkeypatch.setattr(windows, "differences", lambda seed: [f"seed {seed}: nothing"])
    assert windows.main(["--streams", "1"]) == 1
    assert "seed 0: nothing" in capsys.readouterr().out
