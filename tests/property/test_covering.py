"""A rule that is said to take all of another does: no alert is found that shows otherwise."""

from __future__ import annotations

from hypothesis import assume, given

from router.engine.match import concerns
from router.model.alert import Alert
from router.model.ruleset import Match
from router.rules.covering import match_covers
from tests.property.test_tried import alerts, matches


@given(matches, matches, alerts())
def test_what_is_covered_is_matched(wide: Match, narrow: Match, alert: Alert) -> None:
    assume(concerns(narrow, alert))
    assert concerns(wide, alert) or not match_covers(wide, narrow)
