"""Sends webhooks over the wire: one plain HTTP/1.1 exchange each, only the status of the answer matters.

Only to addresses of this machine: the sandbox invents incidents, and nobody else should hear of them.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

import httptools

from router.sandbox.webhooks import Delivery, Outcome

_LOOPBACK = ("127.", "localhost", "::1")


async def send(delivery: Delivery, timeout_ms: int, trust: ssl.SSLContext | None) -> Outcome:
    """Post one webhook and say how it went; never raises for what the receiver does."""
    address = urlsplit(delivery.url)
    host = address.hostname or ""
    if not host.startswith(_LOOPBACK):
        return "unreachable"
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await _exchange(delivery, host, trust)
    except TimeoutError:
        return "timeout"
    except ssl.SSLError:
        return "tls"
    except (OSError, EOFError, httptools.HttpParserError):
        return "unreachable"


async def _exchange(delivery: Delivery, host: str, trust: ssl.SSLContext | None) -> int:
    address = urlsplit(delivery.url)
    secure = address.scheme == "https"
    port = address.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(host, port, ssl=(trust or True) if secure else None)
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        lines = [f"POST {target} HTTP/1.1", f"host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in delivery.headers]
        lines += [f"content-length: {len(delivery.body)}", "connection: close", "", ""]
        writer.write("\r\n".join(lines).encode("utf-8") + delivery.body)
        await writer.drain()
        answer = _Status()
        parser = httptools.HttpResponseParser(answer)
        while not answer.complete:
            data = await reader.read(65_536)
            if not data:
                raise EOFError
            parser.feed_data(data)
        return parser.get_status_code()
    finally:
        writer.transport.abort()


class _Status:
    """Waits for the head of the answer; its body does not matter."""

    complete = False

    def on_headers_complete(self) -> None:
        """The status is known."""
        self.complete = True
