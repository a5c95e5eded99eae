"""Addresses and tokens of the wrong service, retired, or of another kind are told apart, and never shown."""

from __future__ import annotations

import pytest

from router.config.channel_secrets import check_channel_secret
from router.config.secrets import Purpose

SLACK = "https://hooks.slack.com/services/T000/B000/abcdefghijklmnop"
DISCORD = "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnop"
TEAMS = "https://prod-12.westeurope.logic.azure.com:443/workflows/abc/triggers/manual/paths/invoke?sig=abcdefghijklmnop"
FLOW = "https://default1.2e.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/a/x?sig=abcdefghijklmnop"
RETIRED = "https://acme.webhook.office.com/webhookb2/abcdefghijklmnop/IncomingWebhook/x/y"
BOT = "xoxb-1111111111-2222222222-" + "abcdefghijklmnop"


@pytest.mark.parametrize(
    ("text", "purpose"),
    [
        (SLACK, Purpose.SLACK_WEBHOOK),
        (SLACK.replace("slack.com", "slack-gov.com"), Purpose.SLACK_WEBHOOK),
        (BOT, Purpose.SLACK_TOKEN),
        (DISCORD, Purpose.DISCORD_WEBHOOK),
        (DISCORD.replace("discord.com/api", "ptb.discord.com/api/v10"), Purpose.DISCORD_WEBHOOK),
        (DISCORD.replace("discord.com", "discordapp.com"), Purpose.DISCORD_WEBHOOK),
        (TEAMS, Purpose.TEAMS_WEBHOOK),
        (FLOW, Purpose.TEAMS_WEBHOOK),
        ("https://anything.example/x?y=z", Purpose.HOOK_URL),
        ("http://127.0.0.1:1/x", Purpose.SLACK_WEBHOOK),
        ("tgram://token/chat", Purpose.APPRISE_URL),
        ("pässword", Purpose.CHANNEL_PASSWORD),
        ("Bearer abc", Purpose.HEADER),
    ],
)
def test_what_is_right(text, purpose):
    assert check_channel_secret(text, purpose) is None


@pytest.mark.parametrize(
    ("text", "purpose", "code", "said"),
    [
        (DISCORD, Purpose.SLACK_WEBHOOK, "wrong-kind", "kind: discord"),
        (SLACK, Purpose.DISCORD_WEBHOOK, "wrong-kind", "kind: slack"),
        (TEAMS, Purpose.SLACK_WEBHOOK, "wrong-kind", "kind: teams"),
        (SLACK, Purpose.TEAMS_WEBHOOK, "wrong-kind", "kind: slack"),
        (RETIRED, Purpose.TEAMS_WEBHOOK, "retired-url", "Workflows"),
        (RETIRED, Purpose.HOOK_URL, "retired-url", "kind: teams"),
        ("https://outlook.office.com/webhook/abcdefghijklmnop", Purpose.TEAMS_WEBHOOK, "retired-url", "Workflows"),
        ("https://hooks.slack.com/workflows/T0/A0/1/abcdefghijklmnop", Purpose.SLACK_WEBHOOK, "wrong-kind", "kind: webhook"),
        (f"{DISCORD}/slack", Purpose.DISCORD_WEBHOOK, "wrong-kind", "/slack"),
        ("https://x.example/abcdefghijklmnop", Purpose.SLACK_WEBHOOK, "wrong-kind", "hooks.slack.com"),
        (SLACK.replace("https", "http"), Purpose.SLACK_WEBHOOK, "insecure-url", "https"),
        ("ftp://x.example", Purpose.HOOK_URL, "bad-url", "https://"),
        ("abcdefghijklmnop", Purpose.HOOK_URL, "bad-url", "https://"),
        ("https://[::1", Purpose.HOOK_URL, "bad-url", "https://"),
        ("https://ada:abcdefghijklmnop@x.example", Purpose.HOOK_URL, "bad-url", "secret_headers"),
        (SLACK, Purpose.SLACK_TOKEN, "wrong-kind", "url:"),
        ("xoxp-1-abcdefghijklmnop", Purpose.SLACK_TOKEN, "slack-user-token", "Bot User OAuth Token"),
        ("xapp-1-abcdefghijklmnop", Purpose.SLACK_TOKEN, "wrong-kind", "app-level"),
        ("xoxe.xoxb-1-abcdefghijklmnop", Purpose.SLACK_TOKEN, "wrong-kind", "rotation"),
        ("abcdefghijklmnop", Purpose.SLACK_TOKEN, "wrong-kind", "xoxb-"),
        ("no address", Purpose.APPRISE_URL, "bad-url", "tgram"),
        ("a\nb", Purpose.HEADER, "bad-header", "line break"),
        ("é", Purpose.HEADER, "bad-header", "characters"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_without_showing_it(text, purpose, code, said):
    problem = check_channel_secret(text, purpose)
    assert problem is not None
    assert problem.code == code
    assert said in f"{problem.message} {problem.hint}"
    assert "abcdefghijklmnop" not in f"{problem.message} {problem.hint}"
    assert problem.is_warning == (code == "slack-user-token")
