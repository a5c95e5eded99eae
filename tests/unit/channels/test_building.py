"""Every kind is built, and none of them writes what was not redacted."""

from __future__ import annotations

import typing

import pytest

from router.channels.building import build, no_thread
from router.clock import SystemClock
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, Redaction, SlackBot, SlackHook, Teams
from router.rules.template import compile_template
from tests.support.channels import COMMON, make_event
from tests.support.dispatch import make_delivery

KINDS = {
    SlackHook: {"url": "env:U"},
    SlackBot: {"token": "env:T", "conversation": "#ops", "api_url": "https://slack.com/api"},
    Discord: {"url": "env:U"},
    Teams: {"url": "env:U"},
    Mail: {
        "host": "mail.example", "port": 25, "security": "none", "username": "", "password": "", "sender": "a@example.com",
        "to": ("b@example.com",), "prefix": "", "ca_file": "",
    },
    Hook: {
        "url": "env:U", "method": "POST", "headers": {}, "secret_headers": {}, "signing_secret": "",
        "body": {"all": "{{ summary }} {{ labels.customer }} {{ details.password }} {{ annotations.note }}"},
    },
    LongTail: {"url": "env:U"},
}  # fmt: skip
PLANTED = "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789"


def test_no_kind_is_forgotten() -> None:
    assert set(KINDS) == set(typing.get_args(ChannelSettings))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_what_leaves_by_a_channel_holds_no_secret_and_nothing_denied(kind) -> None:
    settings = kind(**COMMON, **KINDS[kind], redaction=Redaction(patterns=(r"ACME-\d+",)))
    channel = build(
        settings,
        resolve={"env:U": "https://hooks.example/x"}.__getitem__,
        clock=SystemClock(),
        compile_template=lambda text: compile_template(text)[0],
        redaction=Redaction(labels=("customer",)),
        known=lambda: ("our-own-routing-key",),
    )
    details = {
        "labels": {"customer": "acme-corp"}, "password": "hunter2", "annotations": {"note": f"{PLANTED} our-own-routing-key"},
        "runbook": "https://wiki.example/acme-corp",
    }  # fmt: skip
    body = channel.encode(make_event(summary="acme-corp ACME-17 failed", details=details)).decode()
    for secret in ("acme-corp", "ACME-17", "hunter2", PLANTED, "our-own-routing-key"):
        assert secret not in body
    assert "[redacted]" in body
    assert channel.endpoint
    await channel.aclose()


def test_without_a_record_nothing_was_said_before() -> None:
    assert no_thread(make_delivery(1)) is None
