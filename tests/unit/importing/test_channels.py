from __future__ import annotations

from typing import Any

import pytest

from router.importing.channels import Reader, globals_of
from router.importing.notes import Notes
from router.yamldoc import read

GLOBAL = """\
global:
  slack_api_url: https://hooks.slack.com/services/SECRET
  smtp_smarthost: mail.example.com:587
  smtp_from: alerts@example.com
  smtp_auth_username: alerts
  smtp_auth_password: SECRET
receivers: []
"""


def built(kind: str, config: dict[str, Any], text: str = GLOBAL) -> tuple[dict[str, Any] | None, list[str]]:
    document = read(text, "am.yml")
    notes = Notes(document)
    reader = Reader(globals_of(document.data), notes)
    name = reader.read("Team X", kind, config, ("receivers",))
    said = [f"{note.kind}: {note.path}: {note.text}" for note in notes.all()]
    assert "SECRET" not in repr(reader.channels) + repr(said)
    assert name in ({None} if name is None else {f"team-x-{kind}"})
    return (None if name is None else reader.channels[name]), said


MAIL = {"kind": "email", "server": "mail.example.com:587", "from": "alerts@example.com", "to": ["a@b.example"]}
LOGIN = {"username": "alerts", "password": "env:SMTP_PASSWORD"}


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        ("slack", {}, {"kind": "slack", "url": "env:SLACK_URL"}),
        ("slack", {"api_url": "https://SECRET"}, {"kind": "slack", "url": "env:SLACK_URL_TEAM_X_SLACK"}),
        ("slack", {"api_url_file": "/etc/slack"}, {"kind": "slack", "url": "file:/etc/slack"}),
        ("email", {"to": "a@b.example"}, MAIL | LOGIN),
        ("email", {"to": "a@b.example, c@d.example"}, MAIL | {"to": ["a@b.example", "c@d.example"]} | LOGIN),
        ("email", {"to": "a@b.example", "smarthost": "m:465"}, MAIL | {"server": "m:465", "security": "tls"} | LOGIN),
        ("email", {"to": "a@b.example", "require_tls": "false"}, MAIL | {"security": "none"} | LOGIN),
        ("webhook", {"url": "https://SECRET"}, {"kind": "webhook", "url": "env:WEBHOOK_URL_TEAM_X_WEBHOOK"}),
        ("discord", {"webhook_url": "https://SECRET"}, {"kind": "discord", "url": "env:DISCORD_URL_TEAM_X_DISCORD"}),
        ("msteamsv2", {"webhook_url_file": "/etc/teams"}, {"kind": "teams", "url": "file:/etc/teams"}),
        ("email", {"to": "{{ .x }}"}, None),
        ("webhook", {}, None),
        ("discord", {}, None),
        ("opsgenie", {"api_key": "SECRET"}, None),
    ],
)
def test_receivers_become_channels(kind: str, config: dict[str, Any], expected: dict[str, Any] | None) -> None:
    channel, notes = built(kind, config)
    assert channel == expected
    assert notes or kind in ("discord", "slack", "msteamsv2")


def test_notes_say_what_to_supply_and_what_is_lost() -> None:
    assert built("slack", {"channel": "#ops", "text": "x"})[1] == [
        "to do: global.slack_api_url: put this into the environment variable SLACK_URL of the router",
        "lost: receivers: channel, text: the channel is told the rule's summary and details",
    ]
    assert built("slack", {}, "a: b")[1] == ["error: receivers: there is no address of an incoming webhook"]
    assert "apprise" in built("telegram", {})[1][0]
    assert any("own form" in note for note in built("webhook", {"url": "https://SECRET"})[1])
