from __future__ import annotations

import msgspec

from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match, NumberTest
from router.model.severity import Severity
from router.model.silence import PlainMatch, Silence


def test_conditions_come_back_from_their_text() -> None:
    match = Match(
        services=(Pattern("pay-*"), Pattern.parse("!pay-web")),
        names=(Pattern.parse("/^Err/"),),
        severities=frozenset({Severity.ERROR, Severity.INFO}),
        sources=(Pattern("prometheus"),),
        labels=(LabelTest(label="env", patterns=(Pattern("prod"),)),),
        where=(NumberTest(field="score", operator="lt", value=0.5),),
        unless=(Match(names=(Pattern("ErrSoft"),), unless=(Match(services=(Pattern("pay-db"),)),)),),
    )
    silence = Silence(id="s", match=PlainMatch.of(match), until=5, reason="x")
    again = msgspec.json.decode(msgspec.json.encode(silence), type=Silence)
    assert again == silence
    assert again.match.compile() == match
    assert PlainMatch.of(Match()).compile() == Match()
