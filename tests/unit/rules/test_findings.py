from __future__ import annotations

from router.model.pattern import Pattern
from router.model.severity import Severity
from router.rules.findings import OWN_SOURCE, Findings, Names
from router.yamldoc import read
from tests.support.rule_texts import SCALE, SOURCES, TEAMS


def findings(**names: object) -> Findings:
    given = {"teams": TEAMS, "scale": SCALE, "sources": SOURCES} | names
    return Findings(read("a: {b: c}", "a.yaml"), Names(**given))  # type: ignore[arg-type]


def test_places_and_levels() -> None:
    found = findings()
    found.complain(("a", "b"), "x", "error at the value")
    found.warn(("a", "b"), "y", "warning at the key", key=True)
    found.complain_empty(("a",))
    assert [(each.code, each.level, str(each.span)) for each in found.diagnostics] == [
        ("x", "error", "a.yaml:1:8"),
        ("y", "warning", "a.yaml:1:5"),
        ("empty-list", "error", "a.yaml:1:4"),
    ]


def test_severities() -> None:
    found = findings()
    assert found.severity((), " FATAL ") is Severity.CRITICAL
    assert found.severity((), "nope") is None
    assert [each.code for each in found.diagnostics] == ["unknown-severity"]


def test_teams() -> None:
    found = findings()
    assert found.team((), "payments")
    assert found.team((), "owner")
    assert not found.team((), "nobody")
    assert [each.hint for each in found.diagnostics] == ["teams are payments, platform"]
    assert findings(teams=None).team((), "nobody")


def test_sources() -> None:
    found = findings()
    for text in ("prometheus", "prom*", OWN_SOURCE, "!gone"):
        found.check_source((), Pattern.parse(text))
    assert found.diagnostics == []
    found.check_source((), Pattern("gone-*"))
    assert [(each.code, each.hint) for each in found.diagnostics] == [("unknown-source", "sources are prometheus, json")]
    unknowing = findings(sources=None)
    unknowing.check_source((), Pattern("gone"))
    assert unknowing.diagnostics == []


def test_templates() -> None:
    found = findings()
    assert found.template((), None) is None
    assert found.template((), "{{ service }}") is not None
    assert found.template((), "{{ f() }}") is None
    assert found.template((), "{{ nope }}") is not None
    assert [(each.code, each.level) for each in found.diagnostics] == [
        ("bad-template", "error"),
        ("template-unknown-field", "warning"),
    ]
    assert found.template_again("{{ f() }}") is None
    assert found.template_again("x") is not None
    assert len(found.diagnostics) == 2
