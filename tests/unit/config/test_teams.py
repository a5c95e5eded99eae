from __future__ import annotations

from router.model.ruleset import Limit
from tests.support.config_texts import diagnose, load


def teams(**bodies: str) -> str:
    lines = "".join(f"  {name}: {{pagerduty: {{routing_key: env:KEY}}{body}}}\n" for name, body in bodies.items())
    return f"default_team: {next(iter(bodies))}\nteams:\n{lines}"


def test_teams_keep_their_order_and_all_they_say() -> None:
    settings = load(teams(b=", services: x-*, limit: {incidents: 2, per: 1m}, fallback: a", a=""))
    assert list(settings.teams) == ["b", "a"]
    assert settings.teams["b"].limit == Limit(incidents=2, per_ms=60_000)
    assert settings.teams["a"].services == ()


def test_a_conflict_names_the_other_place() -> None:
    (found,) = diagnose(teams(a=", services: [x, y-*]", b=", services: y-*"))
    assert (found.code, str(found.span)) == ("ownership-conflict", "config.yaml:4:52")
    assert "team 'a' already, at config.yaml:3:56" in found.message


def test_patterns_that_overlap_are_no_conflict() -> None:
    assert diagnose(teams(a=', services: ["*", y-*]', b=", services: y-z*")) == []


def test_a_circle_of_fallbacks_is_reported_once() -> None:
    (found,) = diagnose(teams(a=", fallback: b", b=", fallback: c", c=", fallback: a", d=", fallback: a"))
    assert (found.code, str(found.span)) == ("fallback-cycle", "config.yaml:3:52")
    assert found.message.endswith("a > b > c > a")


def test_unknown_teams_are_named_with_a_guess() -> None:
    found = diagnose(teams(payments=", fallback: platfrom", platform=", fallback: nobody"))
    assert [each.hint for each in found] == ['did you mean "platform"?', "teams are payments, platform"]


def by_rest(pagerduty: str, more: str = "pagerduty: {api_token: env:TOKEN, from: ada@example.test}") -> str:
    return f"default_team: a\nteams:\n  a: {{pagerduty: {{{pagerduty}}}}}\n{more}\n"


def test_a_team_paged_by_incidents() -> None:
    settings = load(by_rest("via: incidents, service: PABC123, escalation_policy: PXYZ987, urgency: high"))
    assert settings.teams["a"].routing_key == "incidents:PABC123/PXYZ987/high"
    assert load(by_rest("via: incidents, service: PABC123")).teams["a"].routing_key == "incidents:PABC123//severity"


def test_what_does_not_go_together() -> None:
    for pagerduty, more, code in (
        ("via: incidents", None, "missing-key"),
        ("via: incidents, service: nothing", None, "invalid-value"),
        ("via: incidents, service: PABC123", "", "no-token"),
        ("via: incidents, service: PABC123", "pagerduty: {api_token: env:TOKEN}", "no-token"),
        ("via: incidents, service: PABC123, routing_key: env:KEY", None, "useless-key"),
        ("routing_key: env:KEY, service: PABC123", None, "useless-key"),
        ("confirm_within: 5m", None, "missing-key"),
    ):
        found = diagnose(by_rest(pagerduty) if more is None else by_rest(pagerduty, more))
        assert code in {each.code for each in found}, (pagerduty, found)
