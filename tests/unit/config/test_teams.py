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
