"""Imported routes choose the receivers that Alertmanager chooses: raced against Debian's amtool, label set by label set.

IMPORT_RACES=500 races that many generated configurations instead of the few of every run.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from router.config.loading import examine
from router.importing.translating import translate_alertmanager
from router.rules.compiling import compile_ruleset
from tests.support.importing import Labels, Ours, race

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
RACES = int(os.environ.get("IMPORT_RACES", "12"))
SETS_EACH = 8
NAMES = ("alertname", "service", "severity", "team", "path")
VALUES = ("foo", "bar", "foobar", "baz", "a.b", "critical", "x+y", "")
REGEXES = (
    *("foo|bar", "^(foo|bar)$", "(?:foo)", "f.*", ".*bar", ".+", ".*", "", "a\\.b", "fo+", "ba[rz]", "foo.?", "(?i)FOO"),
    *("^foo", "bar$", "f.*|ba(r|z)", "(foo)(bar)?", "[^f].*", "x\\+y|foo", "fo{2}", "a.b", "|foo", "\\w+", "(|foo|[|]x)"),
)


def test_the_routes_of_the_sample(tmp_path: Path) -> None:
    text = (SAMPLES / "alertmanager-conf.good.yml").read_text()
    values = {
        "service": [None, "foo1", "foo2", "foo3", "baz", "files", "database"],
        "severity": [None, "critical", "warning"],
        "owner": [None, "team-Y"],
        "owner2": [None, "team-X", "team-Y"],
    }
    sets = [
        {"alertname": "A"} | {name: value for name, value in zip(values, each, strict=True) if value}
        for each in itertools.product(*values.values())
    ]
    assert race(text, sets, tmp_path) == len(sets)


def test_routes_that_tell_nobody(tmp_path: Path) -> None:
    text = (SAMPLES / "alertmanager-karma-mock-config.yml").read_text()
    assert race(text, [{"alertname": "A"}, {"service": "x"}, {"alertname": "A", "severity": "critical"}], tmp_path) == 0


@pytest.mark.parametrize("seed", range(RACES))
def test_generated_trees(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    sets = [_labels(chance) for _ in range(SETS_EACH)]
    race(_configuration(chance), sets, tmp_path)


def _labels(chance: random.Random) -> Labels:
    labels = {name: chance.choice(VALUES) for name in NAMES if chance.random() < 0.7}
    return {name: value for name, value in labels.items() if value} or {"other": "x"}


def _configuration(chance: random.Random) -> str:
    pages = [{"routing_key": "0" * 32}]
    receivers = [{"name": f"r{n}", **({"pagerduty_configs": pages} if chance.random() < 0.8 else {})} for n in range(6)]
    root: dict[str, Any] = {"receiver": "r0", "routes": [_route(chance, 1) for _ in range(chance.randint(1, 4))]}
    return json.dumps({"route": root, "receivers": receivers})


def _route(chance: random.Random, depth: int) -> dict[str, Any]:
    route: dict[str, Any] = {}
    if chance.random() < 0.9:
        route["receiver"] = f"r{chance.randrange(6)}"
    if chance.random() < 0.5:
        route["continue"] = True
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3))):
        name = chance.choice(NAMES)
        match chance.randrange(4):
            case 0:
                route.setdefault("match", {})[name] = chance.choice(VALUES)
            case 1:
                route.setdefault("match_re", {})[name] = chance.choice(REGEXES)
            case _:
                route.setdefault("matchers", []).append(_matcher(chance, name))
    if depth < 3 and chance.random() < 0.6:
        route["routes"] = [_route(chance, depth + 1) for _ in range(chance.randint(1, 3))]
    return route


def _matcher(chance: random.Random, name: str) -> str:
    operator = chance.choice(("=", "!=", "=~", "!~"))
    value = chance.choice(REGEXES if "~" in operator else VALUES)
    quoted = '"' + value.replace("\\", "\\\\") + '"'
    return f"{name} {operator} {quoted}" if chance.random() < 0.5 else f"{{{name}{operator}{quoted}}}"


def test_every_generated_configuration_is_loaded_without_a_complaint() -> None:
    several = excepted = 0
    for seed in range(200):
        chance = random.Random(1_000 + seed)
        ours = Ours(_configuration(chance))
        several += any(len(ours.receivers(_labels(chance))) > 1 for _ in range(SETS_EACH))
        excepted += any(rule.match.unless for rule in ours.ruleset.rules)
    # Neither is rare in what is generated, so that the race is about something.
    assert several > 30
    assert excepted > 100


WORDS = (
    *(
        "global",
        "route",
        "receivers",
        "inhibit_rules",
        "time_intervals",
        "mute_time_intervals",
        "templates",
        "receiver",
        "routes",
    ),
    *("matchers", "match", "match_re", "continue", "group_by", "name", "pagerduty_configs", "slack_configs", "email_configs"),
    *(
        "webhook_configs",
        "to",
        "url",
        "api_url",
        "routing_key",
        "severity",
        "description",
        "details",
        "links",
        "images",
        "equal",
    ),
    *(
        "source_match",
        "target_matchers",
        "source_matchers",
        "times",
        "weekdays",
        "days_of_month",
        "months",
        "years",
        "location",
    ),
    *("start_time", "end_time", "active_time_intervals", "smtp_smarthost", "smtp_from", "resolve_timeout", "pagerduty_url"),
    *("href", "src", "text", "alt", "send_resolved", "auth_password", "smtp_auth_password", "smtp_auth_username"),
)
TEXTS = (
    *(
        "a",
        'x=~"b.*"',
        "{a=b,c!=d}",
        "a=",
        "(",
        "=",
        "12:00",
        "24:00",
        "monday:friday",
        "1:5",
        "-1",
        "2026",
        "Europe/Berlin",
        "Mars",
    ),
    *(
        "...",
        "{{ .CommonLabels.x }}",
        "{{ range .Alerts }}",
        "{{ if }}",
        "true",
        "5m",
        "0s",
        "5x",
        "https://h/x",
        "http://h",
        "\u2028",
    ),
    *("'\"", "a" * 2_000, "", "owner", "default", "!x", "/x/", "*", "critical"),
)


def _anything(chance: random.Random, depth: int) -> Any:
    kind = chance.random()
    if depth == 0 or kind < 0.45:
        return chance.choice(TEXTS)
    if kind < 0.6:
        return [_anything(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    if kind < 0.7:
        return chance.choice((None, 1, True, 0.5))
    return {chance.choice(WORDS): _anything(chance, depth - 1) for _ in range(chance.randint(0, 5))}


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_whatever_stands_in_it_what_is_written_can_be_loaded(first: int) -> None:
    for seed in range(first, first + 100):
        chance = random.Random(seed)
        document = json.loads(_configuration(chance))
        for part in (document, document["route"], *document["receivers"]):
            for _ in range(chance.randint(0, 2)):
                part[chance.choice(WORDS)] = _anything(chance, 4)
        imported = translate_alertmanager(json.dumps(document), "alertmanager.yml")
        if not imported.files:
            assert imported.notes
            continue
        examined = examine(imported.files["config.yaml"].encode(), "config.yaml", base=Path(), read_secrets=False)
        settings = examined.settings
        assert settings is not None, f"{seed}: {examined.diagnostics}"
        rules = [("rules.yaml", imported.files["rules/alertmanager.yaml"])]
        ruleset, diagnostics = compile_ruleset(
            rules, teams=settings.teams, default_team=settings.default_team, scale=settings.scale, channels=settings.notify
        )
        assert ruleset is not None, f"{seed}: {[found for found in diagnostics if found.level == 'error']}"
