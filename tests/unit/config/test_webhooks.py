from __future__ import annotations

from pathlib import Path

import pytest

from router.config.loading import examine, load_settings
from router.errors import Diagnostic
from router.ingest.checking import check_webhook
from router.model.severity import Severity
from router.model.webhook import Credentials, Signature, Webhook
from tests.support.config_texts import ENVIRON, MINIMAL, diagnose, load


def check(text: str, base: Path = Path("/etc/router")) -> list[Diagnostic]:
    return examine(MINIMAL + text, "config.yaml", base=base, environ=ENVIRON, check_webhook=check_webhook).diagnostics


def webhook(text: str) -> Webhook:
    found = load(MINIMAL + "sources:\n  x: " + text).sources["x"].webhook
    assert found is not None
    return found


def test_a_preset_needs_a_name_and_a_secret() -> None:
    assert webhook("{kind: grafana, auth: env:TOKEN}") == Webhook(preset="grafana", credentials=Credentials(secret="env:TOKEN"))


def test_all_of_a_mapping_arrives() -> None:
    found = webhook(
        "{kind: webhook, statuses: {firing: Broken, resolved: [fine]}, severities: {critical: [RED]}, "
        "mapping: {service: a, labels: {x: b}, details: c, links: [{href: d, text: e}], images: f}}"
    )
    assert found.mapping == {
        "service": "a",
        "labels": {"x": "b"},
        "details": "c",
        "links": ({"href": "d", "text": "e"},),
        "images": "f",
    }
    assert (found.statuses, found.severities) == ({"broken": "firing", "fine": "resolved"}, {"red": Severity.CRITICAL})


def test_a_sender_may_sign() -> None:
    found = webhook(
        "{kind: grafana, auth: {secret: env:TOKEN, user: u, header: H, query: '', signature: {header: S, prefix: 'v='}}}"
    )
    assert found.credentials == Credentials(
        secret="env:TOKEN", user="u", header="H", query="", signature=Signature(header="S", prefix="v=")
    )


def test_sources_of_webhooks_may_be_many() -> None:
    sources = load(
        MINIMAL + "sources: {a: {kind: grafana}, b: {kind: grafana}, c: {kind: webhook, mapping: {service: x}}}"
    ).sources
    assert [sources[name].kind for name in "abc"] == ["webhook"] * 3


def test_a_secret_in_the_configuration_is_a_reference_of_its_own() -> None:
    settings = load(MINIMAL + "sources: {x: {kind: grafana, auth: correct-horse-battery}}")
    found = settings.sources["x"].webhook
    assert found is not None
    assert found.credentials is not None
    assert found.credentials.secret == "config:sources.x.auth"


COMPLAINTS = {
    "sources: {x: {kind: grafana, auth: env:NOT_THERE}}": ("secret-missing", "sources.x.auth"),
    "sources: {x: {kind: webhook}}": ("missing-key", "sources.x.mapping"),
    "sources: {x: {kind: webhook, mapping: {servce: a}}}": ("unknown-key", "sources.x.mapping.servce"),
    "sources: {x: {kind: webhook, mapping: {links: [{hef: a}]}}}": ("unknown-key", "sources.x.mapping.links[0].hef"),
    "sources: {x: {kind: grafana, statuses: {firing: a, resolved: A}}}": ("status-conflict", "sources.x.statuses.resolved"),
    "sources: {x: {kind: grafana, severities: {error: a, info: [A]}}}": ("severity-conflict", "sources.x.severities.info"),
    "sources: {x: {kind: cloudwatch-sns}}": ("unguarded-source", "sources.x"),
    "sources: {x: {kind: cloudwatch-sns, topics: a, verify_signature: false}}": (
        "unguarded-source",
        "sources.x.verify_signature",
    ),
    "sources: {json: {kind: grafana}}": ("reserved-name", "sources.json"),
    "sources: {x: {kind: grafana, sample: none.json}}": ("missing-file", "sources.x.sample"),
    "sources: {x: {kind: webhook, mapping: {service: 'lowr(a)'}}}": ("bad-expression", "sources.x.mapping.service"),
}


@pytest.mark.parametrize("text", COMPLAINTS)
def test_complaints_name_the_place(text: str) -> None:
    assert COMPLAINTS[text] in [(found.code, found.path) for found in check(text)]


def test_the_place_inside_an_expression_is_named() -> None:
    (found,) = check('sources:\n  x:\n    kind: webhook\n    mapping:\n      service: "a.b c"\n')
    line = (MINIMAL + "sources:\n  x:\n    kind: webhook\n    mapping:\n").count("\n") + 1
    assert str(found.span) == f"config.yaml:{line}:21"
    assert "at character 5" in found.message


def test_a_sample_is_tried(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"host": "a"}')
    text = "sources: {x: {kind: webhook, sample: s.json, mapping: {service: %s}}}"
    assert check(text % "host", tmp_path) == []
    (found,) = check(text % "hots", tmp_path)
    assert (found.code, found.path) == ("sample-without-service", "sources.x.mapping.service")
    (tmp_path / "s.json").unlink()
    (tmp_path / "s.json").mkdir()
    assert [found.code for found in check(text % "host", tmp_path)] == ["unreadable-file"]
    (tmp_path / "s.json").rmdir()
    (tmp_path / "s.json").write_bytes(b" " * 1_048_577)
    assert [found.code for found in check(text % "host", tmp_path)] == ["unreadable-file"]


def test_without_a_checker_expressions_are_taken_as_they_stand() -> None:
    assert diagnose(MINIMAL + "sources: {x: {kind: webhook, mapping: {service: 'lowr(a)'}}}") == []
    loaded = load_settings(MINIMAL, "config.yaml", base=Path("/"), environ=ENVIRON, check_webhook=check_webhook)
    assert sorted(loaded.sources) == ["alertmanager", "json"]
