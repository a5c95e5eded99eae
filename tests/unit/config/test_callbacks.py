"""Which sources are told, and what is refused."""

from __future__ import annotations

import pytest

from router.model.ruleset import Callback
from tests.support.config_texts import MINIMAL, diagnose, load

CHANNELS = """
channels:
  back: {kind: webhook, url: "https://zabbix.example.com/back"}
  slow: {kind: webhook, url: "https://x.example.com/", digest: {every: 1h}}
"""


def test_by_source() -> None:
    sources = "sources:\n  tools: {kind: json, callback: {channel: back}}\n  prom: {kind: alertmanager}\n"
    settings = load(f"{MINIMAL}{CHANNELS}{sources}")
    assert settings.notify.callbacks == {"tools": Callback(channel="back", on=("acknowledged", "resolved"))}


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        ("{channel: bakc}", "unknown-channel"),
        ("{channel: slow}", "no-webhook"),
        ("{channel: back, on: [closed]}", "not-a-choice"),
        ("{channel: back, on: []}", "invalid-value"),
        ("{}", "missing-key"),
    ],
)
def test_what_is_refused(callback: str, code: str) -> None:
    found = diagnose(f"{MINIMAL}{CHANNELS}sources:\n  tools: {{kind: json, callback: {callback}}}\n")
    assert code in {each.code for each in found}, found
