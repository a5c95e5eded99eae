from __future__ import annotations

import pytest

from router.api.exchange import Refused
from router.api.matchers import Filter, Matcher, read_matcher, to_match, to_matchers
from router.model.pattern import Pattern
from router.model.severity import Severity
from router.model.silence import PlainMatch


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('a="b"', Matcher(name="a", value="b", isRegex=False)),
        ("a=b", Matcher(name="a", value="b", isRegex=False)),
        (' a != "b" ', Matcher(name="a", value="b", isRegex=False, isEqual=False)),
        ('a=~"b.*"', Matcher(name="a", value="b.*", isRegex=True)),
        ("a!~b|c", Matcher(name="a", value="b|c", isRegex=True, isEqual=False)),
        ('"größe 🙂"="x=\\"y\\""', Matcher(name="größe 🙂", value='x="y"', isRegex=False)),
        ("ключ=значение", Matcher(name="ключ", value="значение", isRegex=False)),
        ('a="line\\nline"', Matcher(name="a", value="line\nline", isRegex=False)),
        ("a=", Matcher(name="a", value="", isRegex=False)),
    ],
)
def test_matchers_are_read(text: str, matcher: Matcher) -> None:
    assert read_matcher(text) == matcher


@pytest.mark.parametrize("text", ["", "a", "=b", '"a=b'])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read_matcher(text)
    assert caught.value.status == 400


def test_all_of_a_filter_has_to_hold() -> None:
    both = Filter(['a="1"', "b=~x.*"])
    assert both.fits({"a": "1", "b": "xy"})
    assert not both.fits({"a": "1", "b": "wxy"})
    assert Filter(["c="]).fits({})
    assert not Filter(["c!="]).fits({})
    with pytest.raises(Refused, match="matcher 'a'"):
        Filter(["a=~("])


ODD = ["*", "?x", "[a]", "/x/", "!x", "a|b", "\\d", "web1", "a b", "größe", "x.y", "(", "a\nb", '"']


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("is_equal", [True, False])
def test_a_value_means_itself_whatever_it_looks_like(value: str, is_equal: bool) -> None:
    pattern = Pattern.parse(Matcher(name="a", value=value, isRegex=False, isEqual=is_equal).written())
    assert pattern.matches(value) is is_equal
    assert pattern.matches(value + "x") is not is_equal


def test_regular_expressions_match_the_whole_value() -> None:
    pattern = Pattern.parse(Matcher(name="a", value="x|y", isRegex=True).written())
    assert [pattern.matches(text) for text in ("x", "y", "xx", "xy")] == [True, True, False, False]


def test_a_silence_s_conditions_go_there_and_back() -> None:
    matchers = [
        Matcher(name="alertname", value="Disk", isRegex=False),
        Matcher(name="service", value="db.*", isRegex=True),
        Matcher(name="env", value="dev", isRegex=False, isEqual=False),
    ]
    match = to_match(matchers)
    assert (match.names, match.services) == (("Disk",), ("/^(?:db.*)$/",))
    assert {(one["name"], one["value"], one["isRegex"], one["isEqual"]) for one in to_matchers(match)} == {
        ("alertname", "Disk", False, True),
        ("service", "db.*", True, True),
        ("env", "dev", False, False),
    }


def test_a_silence_of_everything_is_refused() -> None:
    for matchers in (
        [],
        [Matcher(name="a", value=".*", isRegex=True)],
        [Matcher(name="a", value="b", isRegex=False, isEqual=False)],
    ):
        with pytest.raises(Refused, match="at least one matcher"):
            to_match(matchers)


def test_conditions_of_other_origin_are_shown_as_they_can_be() -> None:
    match = PlainMatch(
        services=("pay-*", "shop"), severities=(Severity.ERROR, Severity.CRITICAL), labels=(("path", ("/v[12]/", "!x")),)
    )
    shown = [(one["name"], one["value"], one["isEqual"]) for one in to_matchers(match)]
    assert shown == [
        ("service", "pay\\-.*|shop", True),
        ("severity", "critical|error", True),
        ("path", ".*(?:v[12]).*", True),
        ("path", "x", False),
    ]
