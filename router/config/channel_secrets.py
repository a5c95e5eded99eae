"""What is recognisably wrong with the address or token of a channel: of another service, or retired. Never shows it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from router.config.secrets import Problem, Purpose
from router.config.settings import is_loopback_host

CHANNEL_PURPOSES = frozenset({
    Purpose.SLACK_WEBHOOK, Purpose.SLACK_TOKEN, Purpose.DISCORD_WEBHOOK, Purpose.TEAMS_WEBHOOK, Purpose.HOOK_URL,
    Purpose.APPRISE_URL, Purpose.CHANNEL_PASSWORD, Purpose.HEADER,
})  # fmt: skip

_SLACK = re.compile(r"https://hooks\.slack(-gov)?\.com/services/\S+\Z")
_SLACK_TRIGGER = re.compile(r"https://hooks\.slack(-gov)?\.com/(workflows|triggers)/")
_DISCORD = re.compile(r"https://([a-z0-9-]+\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d+/[\w-]+/?(\?.*)?\Z")
_DISCORD_COMPATIBLE = re.compile(r"https://([a-z0-9-]+\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d+/[\w-]+/(slack|github)")
_TEAMS = re.compile(
    r"https://[a-z0-9.-]+\.(logic\.azure\.(com|us)|api\.powerplatform\.(com|us)|azure-apihub\.net)(:443)?/", re.IGNORECASE
)
_RETIRED = re.compile(r"(?i)https://([a-z0-9-]+\.webhook\.office(365)?\.com|outlook\.office(365)?\.com/webhook)")

_SERVICES = (
    ("slack", "an incoming webhook of Slack", re.compile(r"https://hooks\.slack(-gov)?\.com/")),
    ("discord", "a webhook of Discord", re.compile(r"https://([a-z0-9-]+\.)?discord(app)?\.com/api/")),
    ("teams", "a workflow of Teams", _TEAMS),
    ("teams", "a connector of Teams", _RETIRED),
)


def check_channel_secret(text: str, purpose: Purpose) -> Problem | None:
    """The mistake, or None. A stand-in on this machine may have any address."""
    match purpose:
        case Purpose.SLACK_TOKEN:
            return _check_slack_token(text)
        case Purpose.APPRISE_URL:
            return (
                None
                if "://" in text
                else Problem(
                    code="bad-url",
                    message="expected an address such as tgram://TOKEN/CHAT",
                    hint="apprise's documentation has the form for each service",
                )
            )
        case Purpose.HEADER | Purpose.CHANNEL_PASSWORD:
            return _check_one_line(text, purpose)
        case _:
            return _check_url(text, purpose)


def _check_one_line(text: str, purpose: Purpose) -> Problem | None:
    if text.isprintable() and (text.isascii() or purpose is Purpose.CHANNEL_PASSWORD):
        return None
    return Problem(
        code="bad-header",
        message=f"this {purpose} holds a line break or other characters that cannot be sent",
        hint="store it anew, on one line",
    )


def _check_slack_token(text: str) -> Problem | None:
    where = "Slack shows it under the app's OAuth & Permissions > Bot User OAuth Token"
    if text.startswith("xoxb-"):
        return None
    if text.startswith("https://hooks.slack"):
        message = "this is an incoming webhook, no token"
        return Problem(code="wrong-kind", message=message, hint="write url: instead of token: and leave channel: out")
    if text.startswith("xoxp-"):
        message = "this is a person's token: messages would come in that person's name, and end when that person leaves"
        return Problem(code="slack-user-token", message=message, hint=where, is_warning=True)
    what = "an app-level token" if text.startswith("xapp-") else "no token of a bot (xoxb-…)"
    if text.startswith("xoxe"):
        what = "a token that expires within hours (token rotation is on)"
    return Problem(code="wrong-kind", message=f"this is {what}", hint=where)


def _check_url(text: str, purpose: Purpose) -> Problem | None:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return Problem(
            code="bad-url",
            message="expected an address that begins with https://",
            hint="https://HOST/…, copied whole from the service that gave it",
        )
    if parts.scheme not in {"https", "http"} or not host:
        return Problem(
            code="bad-url",
            message="expected an address that begins with https://",
            hint="https://HOST/…, copied whole from the service that gave it",
        )
    if parts.username is not None:
        hint = "use secret_headers: {Authorization: env:…}"
        return Problem(code="bad-url", message="a user and password in the address are not sent", hint=hint)
    if is_loopback_host(host):
        return None
    if parts.scheme == "http" and purpose is not Purpose.HOOK_URL:
        return Problem(
            code="insecure-url",
            message="expected https: the address itself is the secret",
            hint="write https:// where it says http://",
        )
    if _RETIRED.match(text):
        message = "this is a connector of Office 365, which Microsoft has retired"
        hint = "in Teams: the channel's Workflows > Send webhook alerts to a channel; then kind: teams with its address"
        return Problem(code="retired-url", message=message, hint=hint)
    return None if purpose is Purpose.HOOK_URL else _check_service(text, purpose)


def _check_service(text: str, purpose: Purpose) -> Problem | None:
    expected, wanted = {
        Purpose.SLACK_WEBHOOK: (_SLACK, "https://hooks.slack.com/services/…"),
        Purpose.DISCORD_WEBHOOK: (_DISCORD, "https://discord.com/api/webhooks/ID/TOKEN"),
        Purpose.TEAMS_WEBHOOK: (_TEAMS, "https://….logic.azure.com/workflows/… or https://….api.powerplatform.com/…"),
    }[purpose]
    if expected.match(text):
        return None
    if purpose is Purpose.SLACK_WEBHOOK and _SLACK_TRIGGER.match(text):
        message = "this starts a workflow of Slack, which takes only the variables it names"
        return Problem(code="wrong-kind", message=message, hint="use kind: webhook with a body, or an incoming webhook")
    if purpose is Purpose.DISCORD_WEBHOOK and _DISCORD_COMPATIBLE.match(text):
        return Problem(
            code="wrong-kind", message="this address takes another service's form", hint="leave /slack or /github out"
        )
    for kind, what, pattern in _SERVICES:
        if pattern.match(text):
            return Problem(code="wrong-kind", message=f"this is {what}", hint=f"write kind: {kind}, or find {wanted}")
    return Problem(
        code="wrong-kind", message=f"this is no {purpose}; expected {wanted}", hint="for another service: kind: webhook"
    )
