"""The walk that explains and the index that decides answer alike, for any rules and any alert."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.engine.policy import Policy
from router.engine.tried import walk
from router.model.alert import Alert
from router.model.pattern import Pattern
from router.model.ruleset import DEFAULT_RULE_ID, LabelTest, Match, NumberTest, Rule, Standing, Team
from router.model.severity import Severity
from tests.support.engine import fire, ruleset

texts = st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "?", "[ab]", "!a", "!*b", "/^a/", "!/b$/", ""])
patterns = st.lists(texts.map(Pattern.parse), max_size=3).map(tuple)
values = st.sampled_from(["", "a", "b", "ab", "ba"])
numbers = st.builds(
    NumberTest,
    field=st.sampled_from("xy"),
    operator=st.sampled_from(["lt", "lte", "gt", "gte"]),
    value=st.sampled_from([0.0, 1.0]),
)


def matches_unless(unless: st.SearchStrategy[list[Match]]) -> st.SearchStrategy[Match]:
    return st.builds(
        Match,
        services=patterns,
        names=patterns,
        severities=st.none() | st.frozensets(st.sampled_from(Severity), min_size=1),
        sources=patterns,
        labels=st.lists(st.builds(LabelTest, label=st.sampled_from("xy"), patterns=patterns), max_size=2).map(tuple),
        where=st.lists(numbers, max_size=2).map(tuple),
        unless=unless.map(tuple),
    )


matches = matches_unless(st.lists(matches_unless(st.just([])), max_size=2))
owners = st.sampled_from([(), (), ("platform",), ("payments",), ("payments", "platform")])
rules = st.lists(st.tuples(matches, st.sampled_from(["", "", "noise"]), st.booleans(), owners), max_size=6)
fields = st.dictionaries(st.sampled_from("xy"), st.sampled_from(["", "a", "0", "1", "2", "nan", "ab"]))


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    return fire(
        draw(values),
        draw(values),
        draw(st.sampled_from(["info", "warning", "error", "critical"])),
        source=draw(values),
        labels=draw(fields),
        details=draw(fields),
    ).alert


@given(rules, alerts())
def test_the_walk_ends_where_matching_does(drawn: list[tuple[Match, str, bool, tuple[str, ...]]], alert: Alert) -> None:
    made = [
        Rule(id=f"r{number}", match=match, drop=drop, goes_on=goes_on, standing=Standing(owners=owners))
        for number, (match, drop, goes_on, owners) in enumerate(drawn)
    ]
    # Half of the names that are drawn are owned by payments.
    given = ruleset(*made, given=[Team(name="payments", routing_key="env:PAYMENTS", services=(Pattern("a*"),))])
    found = [ready.id for ready in Policy(given).find(alert)]
    walked = list(walk(given, alert))
    matched = [tried.rule.id for tried in walked if tried.failure is None]
    assert (matched or [DEFAULT_RULE_ID]) == found
    assert [tried.rule for tried in walked] == made[: len(walked)]
    assert all(not tried.ends for tried in walked[:-1])
