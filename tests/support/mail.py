"""A real SMTP server for tests, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP


class Inbox:
    """Keeps what it is handed; ``at_rcpt`` and ``at_data`` are said instead, if there is something."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.at_rcpt = ""
        self.at_data = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """The library's name; whoever begins with ``lead`` is always taken."""
        if self.at_rcpt and not address.startswith("lead"):
            return self.at_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Likewise."""
        if self.at_data:
            return self.at_data
        self.envelopes.append(envelope)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@contextlib.contextmanager
def mail_server(inbox: Inbox, *, ssl_context: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """Its port, while the block runs; with ``ssl_context`` it speaks TLS from the first byte."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    making = loop.create_server(lambda: SMTP(inbox, loop=loop, **options), "127.0.0.1", 0, ssl=ssl_context)

    async def open_it() -> asyncio.Server:
        return await making

    server = asyncio.run_coroutine_threadsafe(open_it(), loop).result(10)

    async def close_it() -> None:
        server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0)

    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(close_it(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
