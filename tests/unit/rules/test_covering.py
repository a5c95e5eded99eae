from __future__ import annotations

import pytest

from router.model.pattern import Pattern
from router.model.ruleset import Match
from router.rules.covering import covers, list_covers, match_covers
from tests.support.rule_texts import compile_rules


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("*", "anything"), ("*", "/regex/"), ("*", "a*b?"), ("**", "*"), ("pay-*", "pay-api"), ("pay-*", "pay-a*"), ("pay-*", "pay-*"),
        ("*-api", "pay-*-api"), ("*a*", "ba?c*"), ("a?c", "abc"), ("a?c", "a[xy]c"), ("[ab]x", "ax"), ("[ab]*", "[ab]c*"),
        ("/^pay/", "pay-api"), ("/x/", "/x/"), ("a*c", "ab*c"), ("*", ""), ("??*", "a?b"),
    ],
)  # fmt: skip
def test_covered(wide: str, narrow: str) -> None:
    assert covers(Pattern.parse(wide), Pattern.parse(narrow))


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("pay-api", "pay-*"), ("pay-a*", "pay-*"), ("?", "*"), ("a?c", "a*c"), ("[ab]x", "[abc]x"), ("/^pay/", "pay-*"), ("a*", "/^a/"),
        ("a*c", "a*"), ("*b", "b*"), ("?*", "*"), ("", "*"), ("x", ""),
    ],
)  # fmt: skip
def test_not_covered_or_not_sure(wide: str, narrow: str) -> None:
    assert not covers(Pattern.parse(wide), Pattern.parse(narrow))


def listed(*written: str) -> list[Pattern]:
    return [Pattern.parse(text) for text in written]


def test_lists_with_exclusions() -> None:
    assert list_covers(listed(), listed("a", "!b"))
    assert list_covers(listed("a*", "b"), listed("ab", "b"))
    assert not list_covers(listed("a*"), listed("ab", "b"))
    assert not list_covers(listed("a*"), listed())
    assert list_covers(listed("!b"), listed("!b"))
    assert list_covers(listed("!bc"), listed("!b*"))
    assert not list_covers(listed("!b*"), listed("!bc"))
    assert list_covers(listed("*", "!dev-*"), listed("prod-*"))
    assert list_covers(listed("!*-dev"), listed("*-prod"))
    assert not list_covers(listed("!*dev*"), listed("prod-*"))
    assert list_covers(listed("!dev"), listed("prod"))
    assert not list_covers(listed("!/dev/"), listed("prod-*"))


def matched(written: str) -> Match:
    return compile_rules(f"id: a, match: {{{written}}}")[0].match


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("", "service: a, severity: error, labels: {x: y}, where: {n: {lt: 1}}", True),
        ("service: a*", "service: ab, name: X", True),
        ("service: a*, name: X", "service: ab", False),
        ("min_severity: error", "severity: critical", True),
        ("severity: critical", "min_severity: error", False),
        ("severity: critical", "service: a", False),
        ("labels: {env: prod}", "labels: {env: prod, x: y}", True),
        ("labels: {env: [prod, dev]}", "labels: {env: dev}", True),
        ("labels: {env: prod}", "service: a", False),
        ('labels: {env: "!dev"}', "service: a", False),
        ('labels: {env: "!dev"}', "labels: {env: prod}", True),
        ("source: json", "source: [json]", True),
        ("source: json", "source: prometheus", False),
        ("where: {n: {lt: 5}}", "where: {n: {lt: 4}}", True),
        ("where: {n: {lt: 5}}", "where: {n: {lte: 5}}", False),
        ("where: {n: {lte: 5}}", "where: {n: {lt: 5}}", True),
        ("where: {n: {gte: 5}}", "where: {n: {gt: 5, lt: 9}}", True),
        ("where: {n: {gt: 5}}", "where: {n: {gte: 5}}", False),
        ("where: {n: {gt: 5}}", "where: {m: {gt: 9}}", False),
        ("unless: {name: X}", "service: a", False),
        ("unless: {name: X}", 'unless: {name: "X*"}', True),
        ("unless: {name: X}", "service: a, unless: [{name: X}, {name: Y}]", True),
    ],
)
def test_matches(wide: str, narrow: str, *, expected: bool) -> None:
    assert match_covers(matched(wide), matched(narrow)) is expected
