"""E-mail: what a message looks like, with its headers. Pure; sending it is ``router.channels.smtp``.

Facts: RFC 5322 (Message-ID, In-Reply-To and References make a thread; a line has at most 998 characters), RFC 3834
(Auto-Submitted keeps holiday notes from answering). Keeps these invariants: the ids follow from the dedup key alone, so every
mail of an episode joins the same thread, also after a restart and when the first is sent twice; no text of an alert can begin a
header or end the body; in the HTML every text is escaped and only web addresses are links.
"""

from __future__ import annotations

import hashlib
import html
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from router.channels.message import Message, utc
from router.model.channel import Mail
from router.wire.text import clean_line, cut

MAX_SUBJECT = 200

# Folded, a subject of about one line would begin on the next one, and some programs show the blank that is left.
_UNFOLDED = SMTP.clone(max_line_length=998)

_COLOURS = {"critical": "#c0392b", "error": "#d35400", "warning": "#b7950b", "info": "#2471a3"}
_RESOLVED_COLOUR = "#1e8449"
_LAST_SECOND = 253_402_300_799


def compose(message: Message, channel: Mail, *, number: int, is_first: bool) -> bytes:
    """The mail as it goes over the wire. ``number`` tells the mails of one episode apart; the same one gives the same bytes."""
    digest = hashlib.blake2b(message.key.encode("utf-8", "replace"), digest_size=12).hexdigest()
    domain = channel.sender.rpartition("@")[2].rstrip(">")
    root = f"<{digest}@{domain}>"
    subject = _subject(message, channel.prefix)
    mail = EmailMessage(policy=SMTP if not subject.isascii() else _UNFOLDED)
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.to)
    mail["Subject"] = subject
    mail["Date"] = datetime.fromtimestamp(min(max(message.at // 1000, 0), _LAST_SECOND), tz=UTC)
    mail["Message-ID"] = root if is_first else f"<{digest}.{number}@{domain}>"
    if not is_first:
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if message.severity == "critical" and message.state == "firing":
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content(plain(message))
    mail.add_alternative(rich(message), subtype="html")
    mail.set_boundary(f"=_{digest}_{number}")
    return mail.as_bytes()


def _subject(message: Message, prefix: str) -> str:
    # Mail programs keep a thread together by the references; the words in brackets are what changes.
    words = f"{prefix} {message.headline}".strip()
    return cut(clean_line(words), MAX_SUBJECT)


def plain(message: Message) -> str:
    """The text for programs, and people, that show no HTML."""
    parts = [message.headline, ""]
    if message.text:
        parts += [message.text, ""]
    parts += [f"{name}: {value}" for name, value in _facts(message)]
    if message.links:
        parts.append("")
        parts += [f"{words or 'link'}: {href}" for href, words in message.links]
    return "\n".join(parts) + "\n"


def rich(message: Message) -> str:
    """The same as HTML, with nothing that is fetched from anywhere."""
    colour = _RESOLVED_COLOUR if message.is_over else _COLOURS[message.severity]
    rows = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#555;vertical-align:top">{html.escape(name)}</td>'
        f'<td style="padding:2px 0;white-space:pre-wrap">{html.escape(value)}</td></tr>\r\n'
        for name, value in _facts(message)
    )
    text = f'<p style="white-space:pre-wrap">{html.escape(message.text)}</p>\r\n' if message.text else ""
    links = "".join(
        f'<li><a href="{html.escape(href)}">{html.escape(words or href)}</a></li>\r\n' for href, words in message.links
    )
    return (
        '<!doctype html><html><body style="font-family:sans-serif;font-size:14px">\r\n'
        f'<h2 style="border-left:6px solid {colour};padding-left:10px;font-size:17px">{html.escape(message.headline)}</h2>\r\n'
        f"{text}<table>\r\n{rows}</table>\r\n{f'<ul>{links}</ul>' if links else ''}</body></html>\r\n"
    )


def _facts(message: Message) -> list[tuple[str, str]]:
    own = [("service", message.service), ("alert", message.name), ("rule", message.rule), ("time", utc(message.at))]
    return [(name, value) for name, value in own if value] + list(message.facts)
