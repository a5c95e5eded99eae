"""E-mail, sent: one connection for each mail, TLS verified, bounded in time whatever the server does.

Facts: RFC 5321 (4xx: try again; 5xx: refused for good; after the final dot the mail is the server's), RFC 3207 (STARTTLS; what
was said before it does not count), RFC 4954 (authentication; 535 refused). The standard library's client speaks the protocol,
in a thread of this channel's own; when the time is over its socket is shut, which ends the thread.

Must never do: send a password over a connection that is not encrypted, or to a server whose certificate is not good, unless the
server is this machine.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from router.channels.calling import Resolve, reveal
from router.channels.chat import ThreadOf
from router.channels.mail import compose
from router.channels.message import decode
from router.model.channel import Mail
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Unavailable
from router.telemetry.logs import logger
from router.wire.answer import cause_line

THREADS = 4
"""As many mails as dispatch has in flight for one channel."""

_ACCEPTED = 250
_TRY_LATER = range(400, 500)
_SERVICE_CLOSING = 421

log = logger("channels")


class MailChannel:
    """Fits a channel of ``router.daemon``."""

    def __init__(self, channel: Mail, *, resolve: Resolve, thread_of: ThreadOf) -> None:
        """Parts as wired."""
        self.endpoint = f"{channel.host}:{channel.port}"
        self._channel = channel
        self._resolve = resolve
        self._thread_of = thread_of
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"mail-{channel.name}")

    async def send(self, delivery: Delivery) -> Outcome:
        """Hand it to the server once."""
        password = ""
        if self._channel.password:
            found = reveal(self._resolve, self._channel.password)
            if isinstance(found, Rejected):
                return found
            password = found
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        is_first = message.state == "firing" and thread is None
        mail = compose(thread.about(message) if thread else message, self._channel, number=delivery.id, is_first=is_first)
        session = _Session(self._channel, password)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._channel.timeout_ms / 1000):
                return await loop.run_in_executor(self._threads, session.send, mail)
        except TimeoutError:
            session.shut()
            return Unavailable(cause="the mail server did not finish within the timeout")

    async def aclose(self) -> None:
        """Let go of the threads; none of them outlives its timeout by much."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Session:
    """One mail to one server, in a thread."""

    def __init__(self, channel: Mail, password: str) -> None:
        self._channel = channel
        self._password = password
        self._client: smtplib.SMTP | None = None
        self._is_shut = False

    def shut(self) -> None:
        """From another thread: whatever it waits for ends now."""
        self._is_shut = True
        opened = getattr(self._client, "sock", None)
        if opened is not None:
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # closed already

    def send(self, mail: bytes) -> Outcome:
        """The outcome; nothing is raised for what a server or a network can do."""
        try:
            return self._try_to_send(mail)
        except smtplib.SMTPResponseException as error:
            return self._outcome(error.smtp_code, error.smtp_error)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = max(error.recipients.values(), key=lambda refusal: refusal[0] in _TRY_LATER)
            return self._outcome(code, said)
        except smtplib.SMTPNotSupportedError as error:
            return Rejected(cause=cause_line(str(error)))
        except smtplib.SMTPException as error:
            return Unavailable(cause=self._words(f"{type(error).__name__}: {error}"))
        except ssl.SSLCertVerificationError as error:
            return Unavailable(cause=f"the mail server's certificate is not good: {error.verify_message}")
        except (OSError, ValueError, EOFError) as error:
            return Unavailable(cause=self._words(f"no answer from {self._channel.host}:{self._channel.port}: {error}"))
        finally:
            if self._client is not None:
                self._client.close()

    def _try_to_send(self, mail: bytes) -> Outcome:
        channel = self._channel
        seconds = channel.timeout_ms / 1000
        context = ssl.create_default_context(cafile=channel.ca_file or None)
        if channel.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(timeout=seconds, context=context)
        else:
            client = smtplib.SMTP(timeout=seconds)
        self._client = client
        # What ``SMTP_SSL`` and ``starttls`` check the certificate against; ``connect`` does not set it.
        client._host = channel.host  # type: ignore[attr-defined]  # noqa: SLF001
        code, said = client.connect(channel.host, channel.port)
        if code != 220:  # noqa: PLR2004 -- ready
            return self._outcome(code, said)
        client.ehlo_or_helo_if_needed()
        if channel.security == "starttls":
            client.starttls(context=context)
            client.ehlo()
        if self._password:
            client.login(channel.username, self._password)
        if self._is_shut:
            return Unavailable(cause="the mail server did not finish within the timeout")
        refused = client.sendmail(channel.sender.rpartition("<")[2].rstrip(">"), list(channel.to), mail)
        if refused:
            log.warning("recipients_refused", channel=channel.name, recipients=sorted(refused))
        return Accepted(status=_ACCEPTED)

    def _outcome(self, code: int, said: bytes | str) -> Outcome:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        cause = self._words(f"SMTP {code}: {text}")
        if code in _TRY_LATER or code < 0:
            return Unavailable(cause=cause, status=max(code, 0))
        return Rejected(cause=cause, status=code)

    def _words(self, text: str) -> str:
        return cause_line(text, (self._password,))
