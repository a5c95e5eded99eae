"""What a secret that cannot be used costs at a start, and what it still ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from router.config.loading import load_settings
from router.config.secrets import SecretUnavailable
from router.config.settings import Settings
from router.errors import ConfigError
from tests.support.config_texts import ENVIRON, KEY

SLACK_TOKEN_URL = "https://hooks.slack.example/services/T0/B0/abcdefghijkl"
ENVIRONMENT = ENVIRON | {"SLACK": SLACK_TOKEN_URL, "NEWLINE": "a\nb", "HTTP": "http://discord.com/api/webhooks/1/x"}
THREE = """\
default_team: platform
teams:
  payments: {{services: ["payment-*"], pagerduty: {{routing_key: {payments}}}{fallback}}}
  platform: {{services: ["*"], pagerduty: {{routing_key: {platform}}}}}
  other: {{services: [other], pagerduty: {{routing_key: env:OTHER}}}}
"""
CHANNELS = {
    "slack": "{kind: slack, url: env:SLACK}",
    "missing": "{kind: slack, url: env:NOWHERE}",
    "bot": "{kind: slack, token: env:SHORT, channel: C1}",
    "discord": "{kind: discord, url: env:HTTP}",
    "teams": "{kind: teams, url: env:SLACK}",
    "mail": "{kind: email, server: smtp.example.com, from: a@example.com, to: b@example.com, username: me, password: env:NEWLINE}",
    "hook": "{kind: webhook, url: env:SHORT}",
    "literal": "{kind: webhook, url: not-an-address}",
    "header": "{kind: webhook, url: 'https://example.com/x', secret_headers: {X: env:NEWLINE}}",
    "signed": "{kind: webhook, url: 'https://example.com/x', signing_secret: file:nowhere}",
}


def everything(_subject: str) -> bool:
    return True


def teams(payments: str = "env:KEY", platform: str = "env:KEY", fallback: str = "") -> str:
    return THREE.format(payments=payments, platform=platform, fallback=fallback)


def start(text: str, may_be_out: Callable[[str], bool] = everything) -> Settings:
    return load_settings(text, "config.yaml", base=Path("/etc/router"), environ=ENVIRONMENT, may_be_out=may_be_out)


@pytest.mark.parametrize("name", CHANNELS)
def test_a_broken_secret_costs_its_channel(name: str) -> None:
    text = teams() + f"channels:\n  {name}: {CHANNELS[name]}\n  good: {{kind: webhook, url: 'https://example.com/y'}}\n"
    with pytest.raises(ConfigError):
        start(text, lambda _subject: False)
    settings = start(text)
    (outage,) = settings.outages
    assert (outage.kind, outage.subject) == ("channel", f"channel:{name}")
    assert (outage.diagnostic.level, outage.diagnostic.span.line) == ("error", 7)
    assert outage.diagnostic.code in {found.code for found in settings.warnings if found.level == "warning"}
    assert name in settings.channels, "what is said to it is written, to be sent when it is back"
    assert SLACK_TOKEN_URL not in str(outage.diagnostic)


def test_a_refused_secret_is_given_to_nobody_and_still_known_to_be_hidden() -> None:
    settings = start(teams() + "channels: {slack: {kind: slack, url: env:SLACK}, gone: {kind: slack, url: env:NOWHERE}}")
    with pytest.raises(SecretUnavailable):
        settings.secrets.resolve("env:SLACK")
    assert [secret.reveal() for secret in settings.secrets.known(["env:SLACK", "env:NOWHERE", "env:KEY"])] == [
        SLACK_TOKEN_URL,
        KEY,
    ]


@pytest.mark.parametrize("key", ["env:NOWHERE", "env:SHORT", "env:REST", "env:EMPTY", "file:nowhere"])
def test_a_broken_routing_key_costs_its_team_and_the_default_team_stands_in(key: str) -> None:
    settings = start(teams(payments=key))
    assert [(outage.kind, outage.subject) for outage in settings.outages] == [("team", "payments")]
    assert settings.teams["payments"].fallback == "platform"
    assert settings.teams["other"].fallback is None


def test_its_own_fallback_stays() -> None:
    assert start(teams(payments="env:SHORT", fallback=", fallback: other")).teams["payments"].fallback == "other"


def test_when_the_default_team_is_out_the_first_that_can_be_paged_stands_in() -> None:
    settings = start(teams(payments="env:SHORT", platform="env:NOWHERE"))
    assert {name: team.fallback for name, team in settings.teams.items()} == {
        "payments": "other",
        "platform": "other",
        "other": None,
    }


def test_where_nobody_could_be_paged_there_is_no_start() -> None:
    text = "default_team: a\nteams: {a: {pagerduty: {routing_key: env:NOWHERE}}}\n"
    text += "channels: {slack: {kind: slack, url: env:SLACK}}\n"
    with pytest.raises(ConfigError) as raised:
        start(text)
    assert [(found.code, found.level) for found in raised.value.diagnostics] == [
        ("secret-missing", "error"),
        ("wrong-kind", "warning"),
    ]


def test_a_door_without_its_secret_ends_the_start() -> None:
    for more in (
        "tokens: [{name: ops, token: env:NOWHERE, scopes: [read]}]",
        "sources: {x: {kind: pagerduty, keys: [env:NOWHERE]}}",
        "pagerduty: {webhook_secrets: [env:NOWHERE]}",
    ):
        with pytest.raises(ConfigError):
            start(teams() + more)


def test_what_a_door_needs_as_well_is_a_mistake() -> None:
    text = teams(payments="env:INBOUND") + "sources: {x: {kind: pagerduty, keys: [env:INBOUND]}}"
    with pytest.raises(ConfigError) as raised:
        start(text)
    assert "routing-key-length" in {found.code for found in raised.value.diagnostics if found.level == "error"}


def test_without_the_token_teams_paged_by_it_are_out() -> None:
    text = teams() + "pagerduty: {api_token: env:NOWHERE, from: a@example.com}\n"
    text = text.replace("pagerduty: {routing_key: env:OTHER}", "pagerduty: {via: incidents, service: PABC123}")
    settings = start(text)
    assert [(outage.kind, outage.subject) for outage in settings.outages] == [
        ("token", "pagerduty.api_token"),
        ("team", "other"),
    ]
    assert settings.teams["other"].fallback == "platform"


def test_only_what_may_be_is_out() -> None:
    text = teams(payments="env:SHORT") + "channels: {slack: {kind: slack, url: env:SLACK}}"
    with pytest.raises(ConfigError) as raised:
        start(text, {"payments"}.__contains__)
    assert [found.code for found in raised.value.diagnostics if found.level == "error"] == ["wrong-kind"]
