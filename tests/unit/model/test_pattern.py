"""Patterns: exact, glob, regular expression, negated; never slow, whatever the text."""

import pytest

from router.model.pattern import Pattern, PatternError


@pytest.mark.parametrize(
    ("written", "text", "matches"),
    [
        ("payment-api", "payment-api", True),
        ("payment-api", "payment-api-2", False),
        ("payment-*", "payment-", True),
        ("payment-*", "payment-x/a.b", True),
        ("payment-*", "Payment-api", False),
        ("*-db", "orders-db", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[ab]x", "bx", True),
        ("[!ab]x", "bx", False),
        ("*", "", True),
        ("*", "two\nlines", True),
        ("!true", "false", True),
        ("!true", "true", False),
        ("!pay-*", "pay-api", False),
        ("/^v[12]$/", "v1", True),
        ("/^v[12]$/", "v11", False),
        ("/error/", "an error here", True),
        ("!/error/", "an error here", False),
        ("/", "/", True),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_what_is_meant(written: str, text: str, matches: bool) -> None:
    assert Pattern.parse(written).matches(text) is matches


@pytest.mark.parametrize("written", ["payment-api", "payment-*", "!true", "/^v[12]$/", "!/x/", "a[!b]c"])
def test_it_prints_as_it_was_written_and_equals_its_like(written: str) -> None:
    pattern = Pattern.parse(written)
    assert str(pattern) == written
    assert pattern == Pattern.parse(written)
    assert hash(pattern) == hash(Pattern.parse(written))
    assert pattern != Pattern.parse("other")
    assert pattern != written
    assert repr(pattern) == f"Pattern({written!r})"


def test_kinds() -> None:
    assert [Pattern.parse(text).kind for text in ("a", "a*", "/a/", "a?", "[a]")] == ["exact", "glob", "regex", "glob", "glob"]


@pytest.mark.parametrize("written", ["/(/", "/(?=a)/", r"/(a)\1/"])
def test_what_cannot_be_compiled_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(written)
    assert str(caught.value)
    assert "b'" not in str(caught.value)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("written", ["*a" * 30 + "b", "/(x+x+)+y/"])
def test_nothing_backtracks(written: str) -> None:
    assert not Pattern.parse(written).matches("a" * 500 + "x" * 5_000)
