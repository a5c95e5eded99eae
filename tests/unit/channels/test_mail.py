"""What a mail looks like: two forms, one thread, and no header that an alert's text began."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import msgspec
import pytest

from router.channels.mail import compose, plain, rich
from router.channels.message import message_of
from router.model.alert import Link
from router.model.channel import Mail
from router.model.severity import Severity
from tests.support.channels import COMMON, make_event

CHANNEL = Mail(
    **COMMON, host="mail.example", port=587, security="starttls", username="", password="",
    sender="Alerts <alerts@example.com>", to=("ops@example.com", "lead@example.com"), prefix="[prod]", ca_file="",
)  # fmt: skip


def mail(event, number=7, *, is_first=True):
    return message_from_bytes(compose(message_of(event), CHANNEL, number=number, is_first=is_first), policy=default)


def test_a_mail_has_a_plain_and_a_rich_form_and_says_what_it_is():
    made = mail(make_event())
    assert made["Subject"] == "[prod] [CRITICAL] payment-api: CardError - Cards are declined"
    assert made["From"] == "Alerts <alerts@example.com>"
    assert made["To"] == "ops@example.com, lead@example.com"
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["Importance"] == "high"
    assert made["Date"] == "Mon, 21 Sep 2026 14:13:20 +0000"
    assert made.get_content_type() == "multipart/alternative"
    text = made.get_body(("plain",)).get_content()
    html = made.get_body(("html",)).get_content()
    for part in (text, html):
        assert "Every second card." in part
        assert "env=prod" in part
    assert "runbook: https://wiki.example/cards" in text
    assert '<a href="https://prometheus.example/graph?a=1&amp;b=2">Graph</a>' in html


def test_the_mails_of_an_episode_are_one_thread_and_those_of_another_are_not():
    first = mail(make_event())
    second = mail(make_event(is_update=True), 8, is_first=False)
    third = mail(make_event(action="resolve"), 9, is_first=False)
    other = mail(make_event(dedup_key="payment-errors/0123456789abcdef/1a2b-4"))
    assert first["Message-ID"].endswith("@example.com>")
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == third["In-Reply-To"] == first["Message-ID"]
    assert second["References"] == first["Message-ID"]
    assert len({made["Message-ID"] for made in (first, second, third, other)}) == 4


def test_the_same_delivery_is_the_same_bytes():
    message = message_of(make_event())
    assert compose(message, CHANNEL, number=7, is_first=True) == compose(message, CHANNEL, number=7, is_first=True)


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\r\n\r\nbody", "x\u2028Bcc: a@b", "\x00\x85x"]
)
def test_no_text_of_an_alert_can_begin_a_header_or_end_the_body(evil):
    made = mail(
        make_event(
            summary=evil, source=evil, dedup_key=evil, rule=evil, details={evil: evil, "description": f"{evil}\r\n.\r\nx"}
        )
    )
    assert made["Bcc"] is None
    assert len(made.get_all("Subject")) == 1
    assert made["To"] == "ops@example.com, lead@example.com"
    assert made.get_content_type() == "multipart/alternative"
    assert not made.defects


def test_nothing_of_an_alert_is_html():
    evil = '"><img src=x onerror=y>'
    links = (Link(href=f"https://a/{evil}".replace(" ", "%20"), text=evil),)
    html = rich(
        message_of(
            make_event(summary="<script>alert(1)</script>", source=evil, details={evil: evil, "description": evil}, links=links)
        )
    )
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert html.count("&lt;img") == 6, "service, fact and its name, text, a link's address and words"


def test_lines_are_never_longer_than_mail_allows():
    raw = compose(
        message_of(make_event(details={"description": "é" * 20_000, "x": "y" * 5_000})), CHANNEL, number=1, is_first=True
    )
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_only_a_new_critical_problem_is_important():
    assert mail(make_event(severity=Severity.ERROR))["Importance"] is None
    assert mail(make_event(action="resolve"))["Importance"] is None


def test_the_plain_form_has_what_there_is():
    message = msgspec.structs.replace(message_of(make_event(details={}, links=())), text="", rule="")
    assert plain(message) == (
        "[CRITICAL] payment-api: CardError - Cards are declined\n\nservice: payment-api\nalert: CardError\n"
        "time: 2026-09-21 14:13:20 UTC\n"
    )
