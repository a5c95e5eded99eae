"""E-mail against a real SMTP server: TLS, authentication, refusals, and one that never finishes."""

from __future__ import annotations

import ssl

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from router.model.channel import Mail
from router.model.delivery import Accepted, Rejected, Unavailable
from tests.support.channels import COMMON, Conversation, make_event
from tests.support.mail import Inbox, mail_server
from tests.support.peer import make_authority, peer

PASSWORD = "correct horse battery"


def check_login(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"router", PASSWORD.encode())
    return AuthResult(success=good, handled=good)


def conversation(port, authority="", **changes):
    values = {
        "host": "127.0.0.1", "port": port, "security": "none", "username": "", "password": "", "sender": "Alerts <alerts@example.com>",
        "to": ("ops@example.com", "lead@example.com"), "prefix": "", "ca_file": str(authority),
    }  # fmt: skip
    return Conversation(Mail(**(COMMON | values | changes)), {"env:P": PASSWORD, "env:WRONG": "wrong password"})


async def test_an_episode_arrives_as_one_thread():
    inbox = Inbox()
    with mail_server(inbox) as port:
        mail = conversation(port)
        assert await mail.episode() == [Accepted(status=250)] * 4
        await mail.aclose()
    mails = inbox.mails
    assert [mail["Subject"].split("]")[0] for mail in mails] == ["[ERROR", "[CRITICAL", "[ACKNOWLEDGED", "[RESOLVED"]
    assert {mail["References"] for mail in mails[1:]} == {mails[0]["Message-ID"]}
    assert "env=prod" in mails[3].get_body(("plain",)).get_content(), "what was said first is still there"
    assert inbox.envelopes[0].rcpt_tos == ["ops@example.com", "lead@example.com"]
    assert inbox.envelopes[0].mail_from == "alerts@example.com"


async def test_no_line_of_an_alert_ends_the_mail_or_is_a_command():
    """A line with nothing but a dot is the end of a mail; what stands behind it would be the next command."""
    inbox = Inbox()
    text = "before\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<ada@example.com>\r\nDATA\r\nforged\r\n.\r\nbehind"
    with mail_server(inbox) as port:
        mail = conversation(port)
        assert await mail.tell(make_event(summary=text, details={"description": text, "x": text})) == Accepted(status=250)
        await mail.aclose()
    (arrived,) = inbox.mails
    (envelope,) = inbox.envelopes
    assert envelope.mail_from == "alerts@example.com"
    assert envelope.rcpt_tos == ["ops@example.com", "lead@example.com"]
    assert "behind" in arrived.get_body(("plain",)).get_content().split("forged")[-1]
    assert "</html>" in arrived.get_body(("html",)).get_content()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not see that all of it is TLS
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_password_goes_over_tls_to_a_server_that_is_who_it_says(tmp_path, security):
    authority, context = make_authority(tmp_path)
    inbox = Inbox()
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    with mail_server(
        inbox, authenticator=check_login, auth_required=True, auth_require_tls=security == "starttls", **options
    ) as port:
        mail = conversation(port, authority, security=security, username="router", password="env:P")
        assert await mail.tell(make_event()) == Accepted(status=250)
        assert len(inbox.mails) == 1
        wrong = conversation(port, authority, security=security, username="router", password="env:WRONG")
        outcome = await wrong.tell(make_event())
        assert isinstance(outcome, Rejected)
        assert outcome.status == 535
        assert "wrong password" not in outcome.cause
        await mail.aclose()
        await wrong.aclose()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_is_not_good_is_never_accepted(tmp_path, security):
    authority, context = make_authority(tmp_path, host="127.0.0.2")
    inbox = Inbox()
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    with mail_server(inbox, **options) as port:
        mail = conversation(port, authority, security=security)
        outcome = await mail.tell(make_event())
        await mail.aclose()
    assert isinstance(outcome, Unavailable)
    assert "certificate is not good" in outcome.cause
    assert inbox.mails == []


async def test_without_starttls_nothing_is_sent():
    inbox = Inbox()
    with mail_server(inbox) as port:
        mail = conversation(port, security="starttls")
        outcome = await mail.tell(make_event())
        await mail.aclose()
    assert isinstance(outcome, Rejected)
    assert "STARTTLS" in outcome.cause
    assert inbox.mails == []


@pytest.mark.parametrize(
    ("at", "said", "kind"),
    [
        ("at_data", "550 5.7.1 no such thing", Rejected),
        ("at_data", "451 4.3.0 later", Unavailable),
        ("at_data", "552 too large", Rejected),
    ],
)
async def test_the_outcome_table(at, said, kind):
    inbox = Inbox()
    setattr(inbox, at, said)
    with mail_server(inbox) as port:
        mail = conversation(port)
        outcome = await mail.tell(make_event())
        await mail.aclose()
    assert isinstance(outcome, kind)
    assert outcome.cause == f"SMTP {said[:3]}: {said[4:]}"
    assert outcome.status == int(said[:3])


@pytest.mark.parametrize(("said", "kind"), [("550 unknown user", Rejected), ("450 greylisted", Unavailable)])
async def test_when_every_recipient_is_refused_so_is_the_mail(said, kind):
    inbox = Inbox()
    inbox.at_rcpt = said
    with mail_server(inbox) as port:
        both, one = conversation(port), conversation(port, to=("ops@example.com",))
        assert await both.tell(make_event()) == Accepted(status=250), "one of two is enough: it was told"
        outcome = await one.tell(make_event())
        await both.aclose()
        await one.aclose()
    assert isinstance(outcome, kind)


async def test_nobody_listens():
    mail = conversation(9, timeout_ms=2_000)
    outcome = await mail.tell(make_event())
    assert isinstance(outcome, Unavailable)
    assert "127.0.0.1:9" in outcome.cause
    await mail.aclose()


async def test_a_server_that_never_finishes_costs_the_timeout_and_no_more():
    async def drip(link):
        await link.send(b"220 hello\r\n")
        while line := await link.reader.readline():
            await link.send(b"250-still\r\n" if line.startswith(b"ehlo") else b"250 ok\r\n")

    async with peer(drip) as running:
        mail = conversation(int(running.url.rpartition(":")[2]), timeout_ms=300)
        assert await mail.tell(make_event()) == Unavailable(cause="the mail server did not finish within the timeout")
        await mail.aclose()


async def test_what_is_no_mail_server_is_an_outage():
    async def web(link):
        await link.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with peer(web) as running:
        mail = conversation(int(running.url.rpartition(":")[2]))
        assert isinstance(await mail.tell(make_event()), Unavailable)
        await mail.aclose()


async def test_a_password_that_cannot_be_read_is_a_rejection_that_names_the_reference():
    mail = conversation(9, username="router", password="env:GONE")
    assert await mail.tell(make_event()) == Rejected(cause="env:GONE cannot be read")
    await mail.aclose()


def test_the_usual_authorities_are_asked_by_default():
    assert ssl.create_default_context(cafile=None).verify_mode is ssl.CERT_REQUIRED
