from __future__ import annotations

import pytest

from router.engine.keys import DEDUP_KEY_CAP, base36, dedup_key, digest, episode_id


@pytest.mark.parametrize(("number", "expected"), [(0, "0"), (35, "z"), (36, "10"), (1_795_000_000_000, "mwm0nk74")])
def test_base36(number: int, expected: str) -> None:
    assert base36(number) == expected
    assert int(expected, 36) == number


def test_a_digest_tells_names_and_values_apart_and_never_changes() -> None:
    assert digest(("service", "name"), ("api", "Down")) == "7f0ea5378cb6db1b"
    assert digest(("a",), ("b",)) != digest(("b",), ("a",)) != digest(("a", "b"), ())
    assert digest(("a",), ("b", "c")) != digest(("a",), ("bc",))


def test_a_dedup_key_is_rule_group_episode() -> None:
    assert dedup_key("payment-errors", "55ef61a5e98b9ac4", episode_id(36, 37)) == "payment-errors/55ef61a5e98b9ac4/10-11"


def test_a_long_rule_id_is_cut_and_stays_unique() -> None:
    one, two = dedup_key("x" * 300 + "1", "0" * 16, "1-1"), dedup_key("x" * 300 + "2", "0" * 16, "1-1")
    assert one != two
    assert len(dedup_key("x" * 300, "0" * 16, episode_id(10**15, 10**12))) <= DEDUP_KEY_CAP
