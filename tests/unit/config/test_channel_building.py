"""Channels as values, and what is wrong with them beyond the form of each key."""

from __future__ import annotations

import pytest

from router.config import channel_building
from router.config.loading import examine
from router.daemon.templates import check_body
from router.model.channel import Hook, Mail, SlackBot, SlackHook
from tests.support.config_texts import ENVIRON, MINIMAL, diagnose, load

BOT = "xoxb-1111111111-2222222222-" + "abcdefghijklmnop"
SECRETS = {
    "BOT": BOT,
    "HOOK": "https://hooks.slack.com/services/T0/B0/abcdefghijklmnop",
    "PASSWORD": "correct horse",
    "AUTH": "Bearer x",
}


def found_in(channel, tmp_path):
    examined = examine(
        f"{MINIMAL}channels:\n  ops: {{{channel}}}\n",
        "config.yaml",
        base=tmp_path,
        environ=ENVIRON | SECRETS,
        check_template=check_body,
    )
    return [(found.code, found.level, found.path) for found in examined.diagnostics]


def build(channel):
    return load(f"{MINIMAL}channels:\n  ops: {{{channel}}}\n", environ=ENVIRON | SECRETS).channels["ops"]


def test_slack_in_both_forms():
    hook, bot = build("kind: slack, url: env:HOOK"), build("kind: slack, token: env:BOT, channel: C0123ABCD")
    assert isinstance(hook, SlackHook)
    assert hook.url == "env:HOOK"
    assert isinstance(bot, SlackBot)
    assert (bot.token, bot.conversation, bot.api_url) == ("env:BOT", "C0123ABCD", "https://slack.com/api")


@pytest.mark.parametrize(
    ("channel", "found"),
    [
        ("kind: slack", [("missing-key", "error", "channels.ops")]),
        ("kind: slack, token: env:BOT", [("missing-key", "error", "channels.ops")]),
        ("kind: slack, url: env:HOOK, token: env:BOT, channel: C1", [("slack-twice", "error", "channels.ops.url"), ("useless-key", "error", "channels.ops.channel")]),
        ("kind: slack, url: env:HOOK, channel: C1", [("useless-key", "error", "channels.ops.channel")]),
        ("kind: slack, url: env:BOT", [("bad-url", "error", "channels.ops.url")]),
        ("kind: slack, token: env:HOOK, channel: C1", [("wrong-kind", "error", "channels.ops.token")]),
        ("kind: slack, token: env:BOT, channel: C1, api_url: 'http://slack.example'", [("bad-url", "error", "channels.ops.api_url")]),
        (f"kind: slack, url: '{SECRETS['HOOK']}'", [("literal-secret", "warning", "channels.ops.url")]),
        ("kind: slack, url: env:NOT_SET", [("secret-missing", "error", "channels.ops.url")]),
    ],
)  # fmt: skip
def test_mistakes_with_slack(channel, found, tmp_path):
    assert found_in(channel, tmp_path) == found


def test_mail_has_the_port_of_its_security_unless_it_says():
    base = "kind: email, from: a@example.com, to: b@example.com, server: "
    ports = [
        build(f"{base}{rest}")
        for rest in ("m.example", "m.example, security: tls", "localhost, security: none", "'m.example:2525'")
    ]
    assert [(mail.host, mail.port, mail.security) for mail in ports if isinstance(mail, Mail)] == [
        ("m.example", 587, "starttls"), ("m.example", 465, "tls"), ("localhost", 25, "none"), ("m.example", 2525, "starttls"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("server: 'https://m.example'", [("bad-server", "error", "channels.ops.server")]),
        ("server: 'm.example:x'", [("bad-server", "error", "channels.ops.server")]),
        ("server: m.example, password: env:PASSWORD", [("missing-key", "error", "channels.ops.password")]),
        ("server: m.example, username: a", [("missing-key", "error", "channels.ops.username")]),
        ("server: m.example, security: none", [("insecure-mail", "warning", "channels.ops.security")]),
        ("server: m.example, security: none, username: a, password: env:PASSWORD", [("insecure-mail", "error", "channels.ops.security")]),
        ("server: localhost, security: none, username: a, password: env:PASSWORD", []),
        ("server: 'm.example:465'", [("unusual-port", "warning", "channels.ops.server")]),
        ("server: m.example, ca_file: gone.pem", [("missing-file", "error", "channels.ops.ca_file")]),
    ],
)  # fmt: skip
def test_mistakes_with_mail(rest, found, tmp_path):
    assert found_in(f"kind: email, from: a@example.com, to: b@example.com, {rest}", tmp_path) == found


def test_a_webhook_with_all_there_is():
    hook = build(
        "kind: webhook, url: 'https://x.example/a', method: PUT, headers: {X-A: b}, secret_headers: {Authorization: env:AUTH}, "
        "signing_secret: env:TOKEN, body: {a: '{{ summary }}'}"
    )
    assert isinstance(hook, Hook)
    assert hook.url == "config:channels.ops.url"
    assert (hook.method, hook.headers, hook.secret_headers) == ("PUT", {"X-A": "b"}, {"Authorization": "env:AUTH"})
    assert (hook.signing_secret, hook.body) == ("env:TOKEN", {"a": "{{ summary }}"})


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("url: 'https://x.example/a?token=b'", [("literal-secret", "warning", "channels.ops.url")]),
        ("url: 'http://x.example/a'", [("insecure-url", "error", "channels.ops.url")]),
        ("url: 'http://x.example/a', allow_http: true", []),
        ("url: 'http://127.0.0.1:1/a'", []),
        ("url: 'https://x.example/{{ service }}'", [("templated-url", "error", "channels.ops.url")]),
        ("url: 'https://[::1'", [("bad-url", "error", "channels.ops.url")]),
        ("url: 'https://x.example', headers: {X-A: b}, secret_headers: {x-a: env:AUTH}", [("header-twice", "error", "channels.ops.headers")]),
        ("url: 'https://x.example', body: {a: ['{{ summary']}", [("bad-template", "error", "channels.ops.body.a[0]")]),
        ("url: 'https://x.example', body: {a: '{{ sumary }}'}", [("template-unknown-field", "warning", "channels.ops.body.a")]),
        ("url: 'https://x.example', body: {a: '{{ state }} {{ action }} {{ dedup_key }} {{ at }}'}", []),
    ],
)  # fmt: skip
def test_mistakes_with_webhooks(rest, found, tmp_path):
    assert found_in(f"kind: webhook, {rest}", tmp_path) == found


def test_a_missing_extra_is_told_with_its_remedy(monkeypatch):
    text = f"{MINIMAL}channels:\n  ops: {{kind: apprise, url: env:HOOK}}\n"
    assert diagnose(text, environ=ENVIRON | SECRETS) == []
    monkeypatch.setattr(channel_building.importlib.util, "find_spec", lambda _name: None)
    (found,) = diagnose(text, environ=ENVIRON | SECRETS)
    assert (found.code, found.level) == ("missing-extra", "warning")
    assert "pip install" in found.hint


def test_a_body_has_bounds(tmp_path):
    many = ", ".join(f"k{number}: a" for number in range(300))
    deep = "{a: " * 15 + "b" + "}" * 15
    for body in (f"{{{many}}}", deep):
        assert found_in(f"kind: webhook, url: 'https://x.example', body: {body}", tmp_path) == [
            ("body-too-large", "error", "channels.ops.body")
        ]


def test_redaction_is_for_all_ways_out_for_pagerduty_and_for_each_channel():
    text = "redact: {labels: [a], patterns: ['x+']}\npagerduty: {redact: {details: b}}\n"
    settings = load(MINIMAL + text)
    assert (settings.redaction.labels, settings.redaction.patterns) == (("a",), ("x+",))
    assert settings.pagerduty.redaction.details == ("b",)


def test_what_the_schema_refuses_of_one_channel_hides_nothing_of_another_and_nothing_of_the_table():
    text = "channels: {a: {kind: pigeon}, b: {kind: slack}}\nseverity_channels: {critical: [page, a], error: c}\n"
    assert sorted(found.code for found in diagnose(MINIMAL + text)) == ["missing-key", "not-a-choice", "unknown-channel"]


def test_what_is_wrong_with_one_channel_hides_nothing_of_another():
    text = "channels: {a: {kind: slack}, b: {kind: email, server: '', from: a@example.com, to: b@example.com}}\n"
    assert {found.code for found in diagnose(MINIMAL + text)} == {"missing-key", "bad-server"}
