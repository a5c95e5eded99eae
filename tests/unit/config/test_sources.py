from __future__ import annotations

from tests.support.config_texts import ENVIRON, MINIMAL, diagnose, load


def test_doors_that_need_nothing_configured_are_there() -> None:
    sources = load(MINIMAL + "sources: {tools: {kind: pagerduty, keys: [env:INBOUND, env:TOKEN]}}").sources
    assert {name: source.kind for name, source in sources.items()} == {
        "tools": "pagerduty",
        "alertmanager": "alertmanager",
        "json": "json",
    }
    assert sources["tools"].keys == ("env:INBOUND", "env:TOKEN")
    assert sources["alertmanager"].service_labels == ("service", "job")
    assert (sources["alertmanager"].resolve_timeout_ms, sources["alertmanager"].resend_grace_ms) == (300_000, 120_000)
    assert sources["json"].resolve_timeout_ms == 0


def test_a_configured_source_takes_the_place_of_its_kind() -> None:
    sources = load(MINIMAL + "sources: {prom: {kind: alertmanager, name_label: rule, severity_label: level}}").sources
    assert sorted(sources) == ["json", "prom"]
    assert (sources["prom"].name_label, sources["prom"].severity_label) == ("rule", "level")


def test_literal_inbound_keys_are_references_of_their_own() -> None:
    text = f"sources: {{x: {{kind: pagerduty, keys: [{ENVIRON['TOKEN']}, {ENVIRON['INBOUND']}]}}}}"
    settings = load(MINIMAL + text)
    assert settings.sources["x"].keys == ("config:sources.x.keys[0]", "config:sources.x.keys[1]")
    assert [settings.secrets.resolve(key).reveal() for key in settings.sources["x"].keys] == [
        ENVIRON["TOKEN"],
        ENVIRON["INBOUND"],
    ]


def test_the_place_of_the_other_is_named() -> None:
    text = "sources:\n  x: {kind: json}\n  y: {kind: json}\n"
    (found,) = diagnose(MINIMAL + text)
    assert (found.code, str(found.span)) == ("source-kind-twice", "config.yaml:5:3")
    assert "'x'" in found.message


def test_an_inbound_key_in_shadow_names_where_its_events_go_on_to() -> None:
    settings = load(MINIMAL + "sources: {x: {kind: pagerduty, keys: [env:TOKEN, {key: env:INBOUND, shadow: env:KEY}]}}")
    source = settings.sources["x"]
    assert (source.keys, source.shadows) == (("env:TOKEN", "env:INBOUND"), {"env:INBOUND": "env:KEY"})


def test_a_key_in_shadow_is_checked_like_any_other() -> None:
    text = "sources:\n  x:\n    kind: pagerduty\n    keys:\n      - {key: env:INBOUND, shadow: env:MISSING}\n      - {key: env:INBOUND}\n"
    found = {each.code: str(each.span) for each in diagnose(MINIMAL + text)}
    assert "missing-key" in found, found
