"""The most specific pattern wins: the definition as a table, and the index against trying every pattern."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.model.ownership import CACHED_NAMES, Ownership, specificity
from router.model.pattern import Pattern
from router.model.ruleset import Team


def teams(**services: list[str]) -> dict[str, Team]:
    return {
        name: Team(name=name, services=tuple(map(Pattern.parse, patterns)), routing_key="env:X")
        for name, patterns in services.items()
    }


@pytest.mark.parametrize(
    ("service", "loser", "winner"),
    [
        ("payment-api", "payment-ap?", "payment-api"),  # exact beats glob
        ("payment-api", "payment-*", "payment-api*"),  # more characters spelled out
        ("payment-api", "*", "*-api"),
        ("payment-api", "pay*", "*ment-api"),  # also against a longer beginning
        ("payment-api", "*-api", "payment-*"),
        ("payment-api", "*ment*", "ment*".replace("ment", "paym")),  # equal: the longer beginning
        ("payment-api", "payment-???", "payment-[ab]??"),  # equal: more sets
        ("payment-api", "payment-*", "payment-???"),  # equal: more question marks
        ("payment-api", "payment-*a*", "payment-a*"),  # the longer beginning
        ("payment-api", "payment-**", "payment-*"),  # fewer stars
        ("payment-api", "/^payment-api$/", "p*"),  # a regular expression spells nothing
        ("a[b", "a*", "a[b"),  # a bracket that is not closed is a character
        ("]x", "[!]]*", "]*"),
    ],
)
def test_the_more_specific_pattern_wins_in_whatever_order(service: str, loser: str, winner: str) -> None:
    assert Ownership(teams(first=[loser], second=[winner])).owner(service) == "second"
    assert Ownership(teams(first=[winner], second=[loser])).owner(service) == "first"


def test_a_tie_goes_to_the_team_named_first() -> None:
    assert Ownership(teams(b=["x*y"], a=["*xy"])).owner("xy") == "b"  # the longer beginning, no tie yet
    assert Ownership(teams(b=["*x?"], a=["*?y"])).owner("axy") == "b"
    assert Ownership(teams(a=["*?y"], b=["*x?"])).owner("axy") == "a"
    assert Ownership(teams(b=["same"], a=["same"])).owner("same") == "b"


def test_nobody_owns_what_no_pattern_matches() -> None:
    owner = Ownership(teams(a=["payment-*"], b=["!nothing", "!*"])).owner
    assert owner("search") is None
    assert owner("") is None


def test_the_empty_name_and_odd_ones() -> None:
    owner = Ownership(teams(all=["*"], one=["?"], dots=["a.b/*"])).owner
    assert (owner(""), owner("x"), owner("a.b/c\n"), owner("é")) == ("all", "one", "dots", "one")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", (0, 0, 0, 0, -1)),
        ("ab*", (2, 2, 0, 0, -1)),
        ("a?b[cd]*", (2, 1, 1, 1, -1)),
        ("[!]a]b", (1, 0, 1, 0, 0)),
        ("a[b*", (3, 3, 0, 0, -1)),
        ("/ab/", (0, 0, 0, 0, -1)),
    ],
)
def test_specificity(text: str, expected: tuple[int, ...]) -> None:
    assert specificity(Pattern.parse(text)) == expected


pieces = st.text(alphabet="ab*?[]!-", min_size=1, max_size=6)
names = st.text(alphabet="ab-[]!", max_size=6)


@given(patterns=st.lists(pieces, max_size=12), service=names)
@example(patterns=["a[b", "a*"], service="a[b")
@example(patterns=["[!]]*", "]*"], service="]x")
def test_the_index_finds_what_trying_every_pattern_finds(patterns: list[str], service: str) -> None:
    owners = {f"t{number}": [text] for number, text in enumerate(patterns)}
    assert Ownership(teams(**owners)).owner(service) == naive_owner(teams(**owners), service)


def naive_owner(candidates: dict[str, Team], service: str) -> str | None:
    ranked = [
        ((pattern.kind == "exact", *specificity(pattern)) if pattern.kind != "exact" else (True, 0, 0, 0, 0, 0), -order, name)
        for order, (name, team) in enumerate(candidates.items())
        for pattern in team.services
        if not pattern.negated and pattern.matches(service)
    ]
    return max(ranked)[2] if ranked else None


def test_the_cache_is_bounded() -> None:
    ownership = Ownership(teams(a=["*"]))
    for number in range(CACHED_NAMES + 100):
        ownership.owner(f"service-{number}")
    assert ownership.owner.cache_info().currsize == CACHED_NAMES


def test_ten_thousand_patterns_are_not_tried_one_by_one() -> None:
    tried: list[str] = []

    class Watched(Pattern):
        def matches(self, text: str) -> bool:
            tried.append(str(self))
            return super().matches(text)

    services = [Watched(text) for number in range(5_000) for text in (f"service-{number}-*", f"*-suffix-{number}")]
    team = Team(name="a", services=tuple(services), routing_key="env:X")
    owner = Ownership({"a": team}).owner
    assert owner("service-77-x") == "a"
    assert owner("x-suffix-77") == "a"
    assert owner("unknown") is None
    assert len(tried) <= 4
