"""Channels as plain values that ``router.channels`` works by, and what is wrong with them beyond the form of each key."""

from __future__ import annotations

import importlib.util
import pathlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from router.config.channel_kinds import (
    AnyChannel,
    AppriseChannel,
    DiscordChannel,
    EmailChannel,
    RedactSection,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)
from router.config.findings import Findings
from router.config.secrets import Purpose, is_reference
from router.config.settings import is_loopback_host
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, Redaction, SlackBot, SlackHook, Teams
from router.yamldoc import Path

MAX_BODY_TEXTS = 200
MAX_BODY_DEPTH = 10
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LAST_PORT = 65_535


class TemplateMistake(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a template."""

    code: str
    message: str
    hint: str = ""
    is_warning: bool = False


TemplateCheck = Callable[[str], list[TemplateMistake]]
"""Checks one template; ``router.daemon`` has the one there is."""


def build_channels(
    sections: Mapping[str, AnyChannel], findings: Findings, check_template: TemplateCheck | None = None
) -> dict[str, ChannelSettings]:
    """By name; what cannot be used is left out, after a complaint."""
    channels = {}
    for name, section in sections.items():
        built = _build(section, ("channels", name), _common(name, section), findings, check_template)
        if built is not None:
            channels[name] = built
    return channels


def build_redaction(section: RedactSection) -> Redaction:
    """What must not leave."""
    return Redaction(
        labels=_listed(section.labels),
        details=_listed(section.details),
        patterns=tuple(section.patterns),
        secrets=section.secrets,
    )


def _common(name: str, section: AnyChannel) -> dict[str, Any]:
    return {
        "name": name,
        "rate": section.rate,
        "timeout_ms": section.timeout,
        "retry_for_ms": section.retry_for,
        "use_environment_proxy": section.use_environment_proxy,
        "redaction": build_redaction(section.redact),
    }


def _build(
    section: AnyChannel, path: Path, common: dict[str, Any], findings: Findings, check_template: TemplateCheck | None
) -> ChannelSettings | None:
    match section:
        case SlackChannel():
            return _build_slack(section, path, common, findings)
        case DiscordChannel():
            return Discord(url=findings.refer((*path, "url"), section.url, Purpose.DISCORD_WEBHOOK), **common)
        case TeamsChannel():
            return Teams(url=findings.refer((*path, "url"), section.url, Purpose.TEAMS_WEBHOOK), **common)
        case EmailChannel():
            return _build_mail(section, path, common, findings)
        case WebhookChannel():
            return _build_hook(section, path, common, findings, check_template)
        case AppriseChannel():
            if importlib.util.find_spec("apprise") is None:
                message = "apprise is not installed here: nothing can be sent to this channel"
                findings.warn((*path, "kind"), "missing-extra", message, "pip install 'alert-router[apprise]'")
            return LongTail(url=findings.refer((*path, "url"), section.url, Purpose.APPRISE_URL), **common)


def _build_slack(section: SlackChannel, path: Path, common: dict[str, Any], findings: Findings) -> ChannelSettings | None:
    if section.url is not None and section.token is not None:
        message = "url and token stand side by side; a channel has one of them"
        findings.complain((*path, "url"), "slack-twice", message, "with token the bot keeps threads; leave url out", key=True)
    if section.url is not None:
        if section.channel is not None:
            message = "channel goes with token: a webhook posts where it was made for"
            findings.complain(
                (*path, "channel"), "useless-key", message, key=True, hint="leave channel out, or write token: instead of url:"
            )
        return SlackHook(url=findings.refer((*path, "url"), section.url, Purpose.SLACK_WEBHOOK), **common)
    if section.token is None:
        findings.complain(path, "missing-key", "expected url, or token and channel", "url: env:SLACK_WEBHOOK", key=True)
        return None
    if not section.channel:
        findings.complain(path, "missing-key", "expected channel: where the bot posts", "channel: C0123ABCD", key=True)
    parts = urlsplit(section.api_url)
    is_local = is_loopback_host(parts.hostname or "")
    if not parts.hostname or (parts.scheme != "https" and not is_local):
        findings.complain((*path, "api_url"), "bad-url", "expected a URL that begins with https://", "https://slack.com/api")
    return SlackBot(
        token=findings.refer((*path, "token"), section.token, Purpose.SLACK_TOKEN),
        conversation=section.channel or "",
        api_url=section.api_url.rstrip("/"),
        **common,
    )


def _is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def _build_mail(section: EmailChannel, path: Path, common: dict[str, Any], findings: Findings) -> ChannelSettings:
    host, port = _server(section, path, findings)
    is_local = is_loopback_host(host)
    if section.password is not None and not section.username:
        findings.complain(
            (*path, "password"),
            "missing-key",
            "a password without username logs nobody in",
            key=True,
            hint="give username too, or leave password out",
        )
    if section.username and section.password is None:
        findings.complain(
            (*path, "username"),
            "missing-key",
            "a username without password logs nobody in",
            key=True,
            hint="give password too: password: env:SMTP_PASSWORD",
        )
    if section.security == "none" and not is_local:
        if section.password is not None:
            message = "the password would travel unencrypted"
            findings.complain((*path, "security"), "insecure-mail", message, "write security: starttls", key=True)
        else:
            findings.warn((*path, "security"), "insecure-mail", "mails travel unencrypted", "security: starttls", key=True)
    ca_file = findings.resolve_path(section.ca_file) if section.ca_file else None
    if ca_file is not None and not _is_file(ca_file):
        findings.complain(
            (*path, "ca_file"),
            "missing-file",
            f"there is no file {ca_file}",
            hint="a file in PEM form; a relative path starts where the configuration stands",
        )
    password = (
        "" if section.password is None else findings.refer((*path, "password"), section.password, Purpose.CHANNEL_PASSWORD)
    )
    return Mail(
        host=host,
        port=port,
        security=section.security,
        username=section.username,
        password=password,
        sender=section.from_,
        to=_listed(section.to),
        prefix=section.subject_prefix,
        ca_file=str(ca_file) if ca_file else "",
        **common,
    )


def _server(section: EmailChannel, path: Path, findings: Findings) -> tuple[str, int]:
    written = section.server.strip()
    port = _PORTS[section.security]
    try:
        parts = urlsplit(f"//{written}")
        host, port = parts.hostname or "", parts.port or port
        is_good = bool(host) and not parts.path and parts.username is None and "://" not in written
    except ValueError:
        host, is_good = "", False
    if not is_good:
        message = f"found {written[:80]!r}; expected HOST or HOST:PORT"
        findings.complain((*path, "server"), "bad-server", message, "smtp.example.com:587")
    if {(section.security, port)} & {("starttls", 465), ("tls", 587)}:
        other = "tls" if section.security == "starttls" else "starttls"
        message = f"port {port} is usually that of security: {other}"
        findings.warn((*path, "server"), "unusual-port", message, f"if mails do not go out, write security: {other}")
    return host, port


def _build_hook(
    section: WebhookChannel, path: Path, common: dict[str, Any], findings: Findings, check_template: TemplateCheck | None
) -> ChannelSettings:
    url = section.url.strip()
    reference = url
    if is_reference(url):
        reference = findings.refer((*path, "url"), url, Purpose.HOOK_URL)
    else:
        _check_literal_url(section, url, path, findings)
        reference = findings.keep((*path, "url"), url, Purpose.HOOK_URL)
    if section.body is not None:
        _check_body(section.body, (*path, "body"), findings, check_template)
    both = {name.lower() for name in section.headers} & {name.lower() for name in section.secret_headers}
    for name in sorted(both):
        findings.complain(
            (*path, "headers"),
            "header-twice",
            f"{name} stands in headers and in secret_headers",
            key=True,
            hint="leave it in one of them: secret_headers if it is a secret",
        )
    return Hook(
        url=reference,
        method=section.method,
        headers=dict(section.headers),
        secret_headers={
            name: findings.refer((*path, "secret_headers", name), value, Purpose.HEADER)
            for name, value in section.secret_headers.items()
        },
        signing_secret=""
        if section.signing_secret is None
        else findings.refer((*path, "signing_secret"), section.signing_secret, Purpose.WEBHOOK_SECRET),
        body=section.body,
        **common,
    )


def _check_literal_url(section: WebhookChannel, url: str, path: Path, findings: Findings) -> None:
    """An address without a secret in it may stand in the configuration; one with a query hardly has none."""
    try:
        parts = urlsplit(url)
        host, query = parts.hostname or "", parts.query
    except ValueError:
        return  # the check of the address itself says so
    if "{{" in url or "{%" in url:
        message = "an address is no template: what an alert holds must not decide where this machine calls"
        findings.complain((*path, "url"), "templated-url", message, "put it into the body")
    if query:
        hint = "keep it elsewhere and refer to it: env:NAME, file:PATH or credential:NAME"
        findings.warn((*path, "url"), "literal-secret", "the address has a query, which often holds a secret", hint)
    if parts.scheme == "http" and host and not is_loopback_host(host) and not section.allow_http:
        message = f"expected https: what is sent would travel to {host} unencrypted"
        findings.complain((*path, "url"), "insecure-url", message, "set allow_http: true if that is meant")


def _check_body(body: Any, path: Path, findings: Findings, check_template: TemplateCheck | None) -> None:
    count = 0
    waiting: list[tuple[Path, Any, int]] = [(path, body, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > MAX_BODY_DEPTH or count > MAX_BODY_TEXTS:
            message = f"the body is too large: more than {MAX_BODY_TEXTS} texts or {MAX_BODY_DEPTH} levels"
            findings.complain(path, "body-too-large", message, key=True, hint="leave out what the other side does not need")
            return
        if isinstance(value, str):
            count += 1
            for mistake in check_template(value) if check_template else ():
                report = findings.warn if mistake.is_warning else findings.complain
                report(place, mistake.code, mistake.message, mistake.hint)
        elif isinstance(value, dict):
            waiting += [((*place, key), member, depth + 1) for key, member in value.items()]
        elif isinstance(value, list):
            waiting += [((*place, index), member, depth + 1) for index, member in enumerate(value)]


def _listed(written: list[str] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)
