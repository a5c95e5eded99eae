from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.engine.match import any_matches
from router.importing.alternatives import as_patterns
from router.model.pattern import Pattern, PatternError

PLAIN = {
    "foo": ["foo"],
    "foo|bar": ["foo", "bar"],
    "^(foo1|foo2|baz)$": ["foo1", "foo2", "baz"],
    "(?:foo|bar)": ["foo", "bar"],
    "^foo|bar$": ["foo", "bar"],
    "payment-.*": ["payment-*"],
    ".*-db": ["*-db"],
    ".+": ["?*"],
    ".*": ["*"],
    "": [""],
    "foo|": ["foo", ""],
    "a\\.b|c": ["a.b", "c"],
    "a.c": ["a?c"],
    "a\\*b.*": ["a[*]b*"],
    "a\\*b": ["/^a\\*b$/"],
    "foo|foo": ["foo"],
    "foo|ba[rz]": ["foo", "/^ba[rz]$/"],
    "x(a|b)": ["/^x(a|b)$/"],
    "(a)(b)": ["/^(a)(b)$/"],
    "(?i)foo|bar": ["/^(?:(?i)foo|bar)$/"],
    "[|]|b": ["/^[|]$/", "b"],
    "[]|]|b": ["/^[]|]$/", "b"],
    "[[:alpha:]|]|b": ["/^[[:alpha:]|]$/", "b"],
    "[\\]|]|b": ["/^[\\]|]$/", "b"],
    "\\d+": ["/^\\d+$/"],
    "\\Qa|b\\E|c": ["/^\\Qa|b\\E$/", "c"],
    "fo+": ["/^fo+$/"],
    "a\\$": ["a$"],
    "!foo": ["/^!foo$/"],
    "!foo.*": ["/^!foo.*$/"],
    ")(": ["/^(?:)()$/"],
    "/x/": ["/^/x/$/"],
}


@pytest.mark.parametrize("regex", PLAIN)
def test_the_plainest_patterns_that_match_the_same(regex: str) -> None:
    assert as_patterns(regex, is_regex=True) == PLAIN[regex]


@pytest.mark.parametrize("value", ["foo", "a*b", "!x", "/x/", "", "a[1]", "what?", "ünï", "a\nb"])
def test_a_value_is_meant_literally(value: str) -> None:
    (written,) = as_patterns(value, is_regex=False)
    pattern = Pattern.parse(written)
    assert pattern.matches(value)
    assert not any(pattern.matches(other) for other in ("foo2", "aXb", "x", "a1", "wha"))


parts = st.sampled_from(
    ["a", "b", ".", "*", "+", "?", "|", "(", ")", "(?:", "^", "$", "[ab]", "[^a]", "\\.", "\\|", "{2}", "\\w", "/", "!"]
)


@given(st.lists(parts, max_size=8).map("".join), st.lists(st.sampled_from("ab.|/!c"), max_size=5).map("".join))
def test_alternatives_match_exactly_what_the_whole_does(regex: str, text: str) -> None:
    try:
        whole = Pattern(f"^(?:{regex})$", kind="regex")
    except PatternError:
        return
    patterns = [Pattern.parse(each) for each in as_patterns(regex, is_regex=True)]
    assert any_matches(patterns, text) is whole.matches(text)
    negated = [Pattern.parse(f"!{each}") for each in as_patterns(regex, is_regex=True)]
    assert any_matches(negated, text) is not whole.matches(text)
