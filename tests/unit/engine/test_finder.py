from __future__ import annotations

from router.engine.finder import Finder
from router.engine.match import concerns
from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match
from router.model.severity import Severity
from tests.support.engine import fire, services

MATCHES = [
    services("pay-*"),
    Match(names=(Pattern("Down"),)),
    Match(severities=frozenset({Severity.CRITICAL})),
    Match(services=(Pattern("pay-*"), Pattern.parse("!pay-web")), names=(Pattern("Slow"),)),
    Match(labels=(LabelTest(label="env", patterns=(Pattern("prod"),)),)),
]


def test_what_is_found_is_what_concerns_the_alert() -> None:
    finder = Finder(MATCHES)
    for alert in [
        fire("pay-api").alert,
        fire("pay-web", "Slow", "critical").alert,
        fire("pay-api", "Slow").alert,
        fire("web", "Down", "info", labels={"env": "prod"}).alert,
    ]:
        assert finder.find(alert) == [n for n, match in enumerate(MATCHES) if concerns(match, alert)]
    assert finder.find(fire("pay-api", "Slow").alert) == [0, 3]
    assert finder
    assert not Finder([])
    assert Finder([]).find(fire().alert) == []
