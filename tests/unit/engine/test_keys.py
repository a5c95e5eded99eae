from __future__ import annotations

import pytest

from router.engine.keys import DEDUP_KEY_CAP, base36, dedup_key, digest, episode_id, read_key


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


def test_a_key_is_taken_apart_and_others_keys_are_none() -> None:
    at = 1_795_000_000_000
    own = read_key(dedup_key("storm.a/b", digest(("a",), ("b",)), episode_id(at, 37)))
    assert own == ("storm.a/b", digest(("a",), ("b",)), at)
    assert read_key(dedup_key("x" * 300, "0" * 16, episode_id(10**15, 10**12))).opened_at == 10**15
    for other in (
        "",
        "srv01/HTTP",
        "a/b/c",
        "rule/00112233/1-1",
        "rule/7F0EA5378CB6DB1B/1-1",
        "rule/7f0ea5378cb6db1b/1",
        "0" * 255,
    ):
        assert read_key(other) is None, other
