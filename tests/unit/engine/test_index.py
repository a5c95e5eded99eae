from __future__ import annotations

import pytest

from router.engine.index import NameIndex, literals, pieces
from router.model.pattern import Pattern


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("pay-*", ["\x02pay-"]),
        ("*-api", ["-api\x03"]),
        ("*", []),
        ("?", []),
        ("a?b", ["\x02a", "b\x03"]),
        ("*mid*", ["mid"]),
        ("x[ab]y", ["\x02x", "y\x03"]),
        ("x[!ab]y", ["\x02x", "y\x03"]),
        ("x[]]y", ["\x02x", "y\x03"]),
        ("x[!]]y", ["\x02x", "y\x03"]),
        ("x[y", ["\x02x[y\x03"]),
        ("*[", ["[\x03"]),
        ("", ["\x02\x03"]),
    ],
)
def test_the_literal_runs_of_a_glob(glob: str, expected: list[str]) -> None:
    assert literals(glob) == expected


def test_pieces_are_all_parts_of_a_length() -> None:
    assert pieces("abcd", 3) == ["abc", "bcd"]


def test_an_empty_index_finds_nothing() -> None:
    assert NameIndex([]).find("api") == set()


def test_every_kind_of_pattern_is_found() -> None:
    written = ["api", "pay-*", "*-api", "*y-a*", "p?y-api", "*", "/^pay/", "!web", "a*", "[p]ay-api", "nothing-*", "nothing"]
    index = NameIndex((Pattern.parse(text), position) for position, text in enumerate(written))
    assert index.find("pay-api") == {1, 2, 3, 4, 5, 6, 7, 9}
    assert index.find("api") == {0, 5, 7, 8}
    assert index.find("web") == {5}


def test_beginnings_and_ends_are_looked_up_whatever_the_length_of_the_name() -> None:
    written = ["pay-*", "pay-api*", "*-api", "*i", "pa?", "?ay-api", "p[*", "pay-**"]
    index = NameIndex((Pattern.parse(text), position) for position, text in enumerate(written))
    assert index.find("pay-api") == {0, 1, 2, 3, 5, 7}
    assert index.find("pay") == {4}
    assert index.find("i") == {3}
    assert index.find("p[x") == {6}
    assert index.find("") == set()


def test_a_position_may_have_several_patterns() -> None:
    index = NameIndex([(Pattern("api"), 7), (Pattern("web*"), 7), (Pattern("api"), 8)])
    assert index.find("api") == {7, 8}
    assert index.find("website") == {7}


def test_thousands_of_globs_are_not_tried_one_by_one() -> None:
    index = NameIndex((Pattern(f"*-svc{position:05}-*"), position) for position in range(5_000))
    assert index.find("eu-svc01234-api") == {1234}
    filed = [tried for _, by_piece in index._filed for tried in by_piece.values()]
    assert max(map(len, filed)) < 60
