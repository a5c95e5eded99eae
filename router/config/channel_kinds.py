"""The kinds of channels: what each needs besides what all have."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from router.config.channel_schema import ChannelSection
from router.config.fields import CallRate, Duration, FilePath, Reference, between
from router.model.pattern import Expression, PatternError
from router.yamldoc import Mistake
from router.yamldoc.sections import Maybe, Section, setting

ADDRESS_FORM = "an e-mail address such as ops@example.com"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")
_SENDER = re.compile(r"(?:[^<>\"\r\n,;:@]{1,80} )?<([^<>\r\n]+)>\Z")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_OWN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "expect", "upgrade", "te"}
)
_SHOWN = 60


def _check_address(text: str) -> str:
    if not _ADDRESS.match(text):
        raise Mistake(
            "bad-address", f"found {text[:_SHOWN]!r}; expected {ADDRESS_FORM}", hint="for example: oncall@example.com"
        )
    return text


def _check_sender(text: str) -> str:
    named = _SENDER.match(text)
    if not text.isascii():
        raise Mistake(
            "bad-address",
            f"found {text[:_SHOWN]!r}; expected letters of ASCII",
            hint="write the name without accents, or the address alone",
        )
    _check_address(named[1] if named else text)
    return text


def _check_header(name: str) -> str:
    if not _HEADER.match(name):
        raise Mistake(
            "bad-header",
            f"found {name[:_SHOWN]!r}; expected the name of an HTTP header",
            hint="letters, digits and dashes, as in X-Token",
        )
    if name.lower() in _OWN_HEADERS:
        raise Mistake("bad-header", f"{name} is set by the router itself", "leave it out")
    return name


def _check_header_value(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise Mistake(
            "bad-header",
            "expected printable ASCII on one line",
            hint="write it on one line, without accents; a secret belongs under secret_headers",
        )
    return text


def _check_regex(text: str) -> str:
    try:
        Expression(text)
    except PatternError as error:
        raise Mistake("bad-regex", f"the regular expression cannot be compiled: {error}", "RE2: no look-around") from error
    return text


Address: TypeAlias = Annotated[str, AfterValidator(_check_address), Field(json_schema_extra={"expected": ADDRESS_FORM})]
Sender: TypeAlias = Annotated[str, AfterValidator(_check_sender), Field(json_schema_extra={"expected": ADDRESS_FORM})]
HeaderName: TypeAlias = Annotated[str, AfterValidator(_check_header)]
HeaderValue: TypeAlias = Annotated[str, AfterValidator(_check_header_value), Field(max_length=4_096)]
Regex: TypeAlias = Annotated[str, AfterValidator(_check_regex), Field(min_length=1, max_length=1_024)]


class RedactSection(Section):
    """What must not leave this machine. Settings for all ways out and for one of them add up.

    See [what leaves this machine](../howto/channels.md#what-leaves-this-machine).
    """

    labels: list[str] | str = setting(
        [], "Labels and annotations whose value is taken out, wherever it stands: names or globs, in any case.",
        examples=[["customer_*", "email"]],
    )  # fmt: skip
    details: list[str] | str = setting(
        [], "Details likewise, at any depth; `a.b` means b inside of a.", examples=[["*_body", "request.headers"]]
    )
    patterns: list[Regex] = setting(
        [], "Regular expressions (RE2): what matches is taken out.", examples=[["\\bACME-[0-9]{8}\\b"]]
    )
    secrets: bool = setting(
        True,  # noqa: FBT003
        "Take out what looks like a secret too: tokens, private keys, card numbers, passwords in connection strings, and "
        "members called password, token and the like.",
    )


class KindSection(ChannelSection):
    """What the kinds have besides."""

    redact: RedactSection = setting({}, "What must not go to this channel, besides `redact` above.")


class SlackChannel(KindSection):
    """Slack: an incoming webhook (`url`), or a bot (`token` and `channel`) that keeps each episode in one thread."""

    kind: Literal["slack"]
    rate: CallRate = setting("1/1s", "Messages; Slack takes about one a second for each channel.")
    url: Maybe[Reference] = setting(None, "The incoming webhook: `https://hooks.slack.com/services/…`.")
    token: Maybe[Reference] = setting(None, "The bot's token, `xoxb-…`, with the scope `chat:write`.")
    channel: Maybe[str] = setting(
        None, "Where the bot posts: the channel's id, or its name. Invite the bot into it.", examples=["C0123ABCD", "#ops"]
    )
    api_url: str = setting("https://slack.com/api", "Slack's Web API; for GovSlack `https://slack-gov.com/api`.")


class DiscordChannel(KindSection):
    """Discord, by a webhook: one message an episode, kept up to date."""

    kind: Literal["discord"]
    rate: CallRate = setting("30/1m", "Messages; Discord takes about thirty a minute for each webhook.")
    url: Reference = Field(description="The webhook: `https://discord.com/api/webhooks/…`.")


class TeamsChannel(KindSection):
    """Microsoft Teams, by a workflow that posts an adaptive card."""

    kind: Literal["teams"]
    rate: CallRate = setting("1/1s", "Messages; Teams takes about four a second.")
    url: Reference = Field(description="The workflow's address, as Teams shows it. Connectors of Office 365 are retired.")


class EmailChannel(KindSection):
    """E-mail: plain and HTML, one thread an episode."""

    kind: Literal["email"]
    server: str = Field(
        description="The mail server: HOST or HOST:PORT; without a port 587, for `security: tls` 465, for `none` 25.",
        examples=["smtp.example.com", "smtp.example.com:2525"],
    )
    security: Literal["starttls", "tls", "none"] = setting(
        "starttls",
        "`starttls`: encrypted after the greeting; `tls`: from the first byte; `none`: not at all.",
    )
    username: str = setting("", "Who logs in; without `password` nobody does.")
    password: Maybe[Reference] = setting(None, "The password, or the app password.")
    from_: Sender = Field(alias="from", description="The sender's address.", examples=["Alerts <alerts@example.com>"])
    to: list[Address] | Address = Field(description="Who gets it.", min_length=1, examples=[["ops@example.com"]])
    subject_prefix: str = setting("", "Stands before every subject.", max_length=60, examples=["[alerts]"])
    ca_file: Maybe[FilePath] = setting(None, "A file of authorities (PEM) instead of the usual ones.")


class WebhookChannel(KindSection):
    """Any service that takes JSON."""

    kind: Literal["webhook"]
    url: Reference = Field(
        description="Where to; an address that lets anybody post is a secret, so it is a reference. No template reaches it."
    )
    method: Literal["POST", "PUT", "PATCH"] = setting("POST", "How it is called.")
    headers: dict[HeaderName, HeaderValue] = setting({}, "Headers besides.", examples=[{"X-Environment": "prod"}])
    secret_headers: dict[HeaderName, Reference] = setting(
        {}, "Headers whose value is a secret.", examples=[{"Authorization": "env:HOOK_AUTHORIZATION"}],
        json_schema_extra={"secret": True},
    )  # fmt: skip
    signing_secret: Maybe[Reference] = setting(
        None, "Sign each body with this (HMAC-SHA256 over timestamp and body), in `X-Alert-Router-Signature`."
    )
    body: Maybe[dict[str, Any]] = setting(
        None,
        "The body: any JSON object; its texts are templates, as in rules. Without: the router's own form.",
        examples=[{"text": "{{ summary }}", "alert": {"service": "{{ service }}", "state": "{{ state }}"}}],
    )
    allow_http: bool = setting(False, "Allow `http://` to hosts other than this machine: it travels unencrypted.")  # noqa: FBT003


class AppriseChannel(KindSection):
    """Whatever apprise can reach (needs `pip install 'alert-router[apprise]'`)."""

    kind: Literal["apprise"]
    timeout: Annotated[Duration, between(100, 120_000, "100ms to 2m")] = setting("30s", "For one message.")
    url: Reference = Field(description="The address in apprise's form, such as `tgram://TOKEN/CHAT`.")


AnyChannel: TypeAlias = Annotated[
    SlackChannel | DiscordChannel | TeamsChannel | EmailChannel | WebhookChannel | AppriseChannel, Field(discriminator="kind")
]
