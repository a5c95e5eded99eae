from __future__ import annotations

from typing import Any

import pytest

from router.importing.matchers import BadMatcher, Matcher, read_matchers, to_match


def shown(text: str) -> list[str]:
    return [str(matcher) for matcher in read_matchers(text)]


READ = {
    'foo="bar"': ['foo="bar"'],
    " foo = bar ": ['foo="bar"'],
    "foo=~bar.*": ['foo=~"bar.*"'],
    "foo!~bar": ['foo!~"bar"'],
    "foo!=": ['foo!=""'],
    '{foo="a,b",bar=~"c"}': ['foo="a,b"', 'bar=~"c"'],
    "{foo=a, bar!=b,}": ['foo="a"', 'bar!="b"'],
    'foo="a\\"b"': ['foo="a"b"'],
    'foo="a\\nb"': ['foo="a\nb"'],
    'foo="a\\\\b\\d"': ['foo="a\\b\\d"'],
    "foo=a=b": ['foo="a=b"'],
    '"foo.bar"="x"': ['foo.bar="x"'],
    "foo.bar=x": ['foo.bar="x"'],
    "\u00fcni=~x": ['\u00fcni=~"x"'],
    '{"a b"!="x","c"=~"\\u00fc"}': ['a b!="x"', 'c=~"\u00fc"'],
    '"a\\u0062"=x': ['ab="x"'],
}


@pytest.mark.parametrize("text", READ)
def test_both_syntaxes_are_read(text: str) -> None:
    assert shown(text) == READ[text]


@pytest.mark.parametrize("text", ["foo", "=bar", 'foo="bar', 'foo=ba"r', "foo bar=x", '"a"b=x', '"a\\x"=x'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(BadMatcher):
        read_matchers(text)


def matcher(text: str) -> Matcher:
    (found,) = read_matchers(text)
    return found


MATCHES: list[tuple[str, Any]] = [
    ("", {}),
    ("alertname=Down", {"name": "Down"}),
    ("alertname!=Down", {"name": "!Down"}),
    ("alertname=", {"labels": {"alertname": ""}}),
    ("alertname!=", {"labels": {"alertname": "!"}}),
    ("service=a severity=b", {"labels": {"service": "a", "severity": "b"}}),
    ("env=~a|b.*", {"labels": {"env": ["a", "b*"]}}),
    ("env!~a|b.*", {"labels": {"env": ["!a", "!b*"]}}),
    ("env=~.*", {}),
    ("env!~.*", None),
    ("env=~.+", {"labels": {"env": "?*"}}),
    ("env=a env=b", None),
    ("env=a env=~a|b", {"labels": {"env": "a"}}),
    ("env=~a|b|c env=~b|c|d env!=c", {"labels": {"env": "b"}}),
    ("env=~a|b env!~a|b", None),
    ("env=~a.*|b.* env!~a.*", {"labels": {"env": ["b*", "!a*"]}}),
    ("env=~a.* env!~a.*", None),
    ("env=a.b env=~a.b", {"labels": {"env": "a.b"}}),
    ("env=~a.* env=~.*b", {"labels": {"env": "a*"}, "unless": [{"labels": {"env": "!*b"}}]}),
    ("env=~a.* env=~.*b|.*c", {"labels": {"env": "a*"}, "unless": [{"labels": {"env": ["!*b", "!*c"]}}]}),
    ("env!=a env!=b", {"labels": {"env": ["!a", "!b"]}}),
]


@pytest.mark.parametrize(("texts", "expected"), MATCHES)
def test_matchers_together_are_one_match(texts: str, expected: Any) -> None:
    assert to_match([matcher(text) for text in texts.split()]) == expected


def test_what_cannot_be_taken_over_says_why() -> None:
    assert "cannot be used" in matcher("a=~(").problem()
    assert "longer than 1,024" in Matcher(label="a", value="[x]" * 500, is_regex=True).problem()
    assert matcher("a=~b").problem() == ""
    assert Matcher(label="a", value="|".join(["x" * 30] * 100), is_regex=True).problem() == ""
