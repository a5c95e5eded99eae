"""The kinds of channels as a configuration writes them: forms that are refused, with what would be right."""

from __future__ import annotations

import typing

import pytest

from router.config.channel_kinds import AnyChannel, RedactSection
from tests.support.config_texts import MINIMAL, diagnose, load

MAIL = "channels: {mail: {kind: email, server: mail.example, from: %s, to: %s}}\n"
HOOK = "channels: {hook: {kind: webhook, url: 'https://x.example/a', %s}}\n"


def codes(text):
    return [found.code for found in diagnose(MINIMAL + text) if found.level == "error"]


@pytest.mark.parametrize("address", ["a@example.com", "a.b+c@mail.example.co", "Alerts <a@example.com>"])
def test_good_senders(address):
    assert codes(MAIL % (f"'{address}'", "[b@example.com]")) == []


@pytest.mark.parametrize(
    "address", ["a", "a@b c", '"a\\r\\nBcc: x@y"', "é@example.com", "a@example.com, b@example.com", "Ä <a@example.com>"]
)
def test_bad_addresses(address):
    quoted = address if address.startswith('"') else f"'{address}'"
    assert codes(MAIL % (quoted, "[b@example.com]")) == ["bad-address"]
    assert codes(MAIL % ("a@example.com", f"[{quoted}]")) == ["bad-address"]


@pytest.mark.parametrize(
    "headers", ["{'X Y': a}", "{'X:': a}", "{Host: a}", "{content-length: '3'}", '{X-Y: "a\\nb"}', "{X-Y: é}"]
)
def test_bad_headers(headers):
    assert codes(HOOK % f"headers: {headers}") == ["bad-header"]


@pytest.mark.parametrize("pattern", ["(", "a{9999}", "(?=x)"])
def test_bad_patterns(pattern):
    assert codes(f"redact: {{patterns: ['{pattern}']}}\n") == ["bad-regex"]


def test_an_unknown_kind_names_those_there_are():
    (found,) = [each for each in diagnose(MINIMAL + "channels: {a: {kind: slak}}\n") if each.level == "error"]
    assert "slack" in found.message + found.hint
    assert "email" in found.message + found.hint


def test_every_kind_has_a_pace_of_its_own_and_redacts():
    text = (
        "channels:\n  a: {kind: slack, url: 'http://127.0.0.1:1/x'}\n  b: {kind: discord, url: 'http://127.0.0.1:1/x'}\n"
        "  c: {kind: teams, url: 'http://127.0.0.1:1/x'}\n"
        "  d: {kind: webhook, url: 'https://x.example/a', rate: unlimited, redact: {labels: a, details: [b], secrets: false}}\n"
    )
    channels = load(MINIMAL + text).channels
    assert [channel.rate and (channel.rate.calls, channel.rate.per_ms) for channel in channels.values()] == [
        (1, 1_000), (30, 60_000), (1, 1_000), None,
    ]  # fmt: skip
    redaction = channels["d"].redaction
    assert (redaction.labels, redaction.details, redaction.secrets) == (("a",), ("b",), False)
    assert channels["a"].redaction.secrets


def test_every_key_of_every_kind_is_described():
    kinds = typing.get_args(typing.get_args(AnyChannel)[0])
    assert len(kinds) == 6
    for section in (*kinds, RedactSection):
        for name, field in section.model_fields.items():
            assert name == "kind" or field.description, f"{section.__name__}.{name}"
