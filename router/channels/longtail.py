"""The long tail: whatever the optional ``apprise`` library can reach, by its own kind of address.

apprise answers yes or no and logs the reason, so what its log said becomes the cause; it does not tell a refusal from an
outage, so a failure is tried again until the channel's ``retry_for`` is over. It runs in threads of this channel's own, because
it blocks.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from router.channels.calling import Resolve, reveal
from router.channels.chat import ThreadOf
from router.channels.mail import plain
from router.channels.message import Message, decode
from router.model.channel import LongTail
from router.model.delivery import Accepted, Delivery, Outcome, Rejected, Unavailable
from router.wire.answer import cause_line

THREADS = 4
MISSING = "apprise is not installed: pip install 'alert-router[apprise]'"
_TYPES = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}


def load_apprise() -> Any | None:
    """The library, or None if it is not installed."""
    try:
        return importlib.import_module("apprise")
    except ImportError:
        return None


class _Heard(logging.Handler):
    """Keeps what apprise says while it sends."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.lines) < 20:  # noqa: PLR2004 -- the first say why
            self.lines.append(record.getMessage())


class LongTailChannel:
    """Fits a channel of ``router.daemon``."""

    def __init__(self, channel: LongTail, *, resolve: Resolve, thread_of: ThreadOf) -> None:
        """Parts as wired."""
        self.endpoint = f"channel:{channel.name}"
        self._channel = channel
        self._resolve = resolve
        self._thread_of = thread_of
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"apprise-{channel.name}")

    async def send(self, delivery: Delivery) -> Outcome:
        """Let apprise send it once."""
        url = reveal(self._resolve, self._channel.url)
        if isinstance(url, Rejected):
            return url
        message = decode(delivery.body)
        thread = self._thread_of(delivery)
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._threads, self._send, url, thread.about(message) if thread else message)
        try:
            async with asyncio.timeout(self._channel.timeout_ms / 1000):
                return await sending
        except TimeoutError:
            return Unavailable(cause="apprise did not finish within the timeout")

    def _send(self, url: str, message: Message) -> Outcome:
        apprise = load_apprise()
        if apprise is None:
            return Rejected(cause=MISSING)
        heard = _Heard()
        log = logging.getLogger("apprise")
        log.addHandler(heard)
        try:
            # No attachments, no configuration from elsewhere, and a text that is only text.
            target = apprise.Apprise()
            if not target.add(url):
                return Rejected(cause="apprise does not know this kind of address")
            kind = "success" if message.is_over else _TYPES[message.severity]
            was_sent = target.notify(body=plain(message), title=message.headline, notify_type=kind, body_format="text")
        except Exception as error:  # noqa: BLE001 -- a library of many hands: whatever it raises costs this attempt alone
            return Unavailable(cause=cause_line(f"apprise: {type(error).__name__}: {error}", (url,)))
        finally:
            log.removeHandler(heard)
        if was_sent:
            return Accepted(status=0)
        return Unavailable(cause=cause_line("apprise: " + ("; ".join(heard.lines) or "not sent"), (url,)))

    async def aclose(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
