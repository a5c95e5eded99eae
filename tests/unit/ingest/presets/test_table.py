from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from router.config.webhook_schema import PresetSource, SnsSource
from router.ingest.mapping import Mapping
from router.ingest.presets.table import PRESETS, complete
from router.model.severity import BY_WORD, Severity, SeverityScale
from router.model.webhook import EXPRESSION_FIELDS, LISTED_FIELDS, NAMED_FIELDS, Credentials, Signature, Webhook

PAGE = (Path(__file__).resolve().parents[4] / "docs/howto/sources.md").read_text()


def test_the_configuration_knows_exactly_these() -> None:
    kinds = get_args(PresetSource.model_fields["kind"].annotation) + get_args(SnsSource.model_fields["kind"].annotation)
    assert set(kinds) == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_expression_compiles(name: str) -> None:
    preset = PRESETS[name]
    Mapping(complete(Webhook(preset=name)), SeverityScale())
    for field, written in preset.mapping.items():
        assert field in EXPRESSION_FIELDS
        if isinstance(written, tuple):
            assert all(set(entry) <= set(LISTED_FIELDS[field]) for entry in written)
        elif isinstance(written, dict):
            assert field in NAMED_FIELDS


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_matters(name: str) -> None:
    preset = PRESETS[name]
    assert {"service", "name", "status", "summary", "links"} <= set(preset.mapping)
    assert "dedup_key" in preset.mapping or name == "alertmanager-webhook"
    assert set(preset.severities) <= set(BY_WORD)
    spellings = [spelling for each in (*preset.statuses.values(), *preset.severities.values()) for spelling in each]
    assert all(spelling == spelling.lower() for spelling in spellings)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_set_up(name: str) -> None:
    assert f"### `{name}`" in PAGE


def test_what_the_user_says_goes_first() -> None:
    webhook = complete(
        Webhook(
            preset="pingdom",
            mapping={"service": "'web'"},
            statuses={"down": "ignored"},
            severities={"high": Severity.CRITICAL},
        )
    )
    assert webhook.mapping["service"] == "'web'"
    assert webhook.mapping["name"] == "check_name"
    assert webhook.statuses["down"] == "ignored"
    assert webhook.severities["high"] == Severity.CRITICAL


def test_a_preset_knows_how_its_sender_signs() -> None:
    plain = complete(Webhook(preset="github-actions", credentials=Credentials(secret="s")))
    assert plain.credentials is not None
    assert plain.credentials.signature == Signature(header="X-Hub-Signature-256", prefix="sha256=")
    shown = complete(Webhook(preset="sentry", credentials=Credentials(secret="s", header="X-Token")))
    assert shown.credentials is not None
    assert shown.credentials.signature is None


def test_a_mapping_of_one_s_own_stays_as_it_is() -> None:
    webhook = Webhook(mapping={"service": "a"})
    assert complete(webhook) is webhook
