"""Fetching a small text over HTTPS: certificates of webhooks' senders, and the links that confirm a subscription.

Which addresses may be fetched the caller decides. Must never do: follow a redirect, send anything of ours, or take long.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import threading
from urllib.parse import urlsplit

MAX_FETCHED = 65_536
"""Bytes of an answer; a longer one is refused."""
TIMEOUT_SECONDS = 10.0


async def fetch(address: str) -> bytes:
    """The body behind an https address, in a thread; OSError if it cannot be had within ten seconds or is no 200."""
    return await asyncio.to_thread(fetch_now, address)


def fetch_now(address: str, context: ssl.SSLContext | None = None, *, seconds: float = TIMEOUT_SECONDS) -> bytes:
    """As ``fetch``, at once; ``context`` other than the system's certificates, and other ``seconds``, are for tests."""
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise OSError(f"{address[:256]} is no https address")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = http.client.HTTPSConnection(parts.hostname, parts.port)
    alarm = _Alarm(seconds)
    try:
        plain = socket.create_connection((connection.host, connection.port), timeout=seconds)
        # Known to the alarm before it waits for anything: http.client hands a socket on, and wrapping detaches one.
        connection.sock = alarm.opened = (context or ssl.create_default_context()).wrap_socket(
            plain, server_hostname=parts.hostname, do_handshake_on_connect=False
        )
        if alarm.has_rung:
            raise TimeoutError
        alarm.opened.do_handshake()
        connection.request("GET", target, headers={"Accept": "*/*"})
        answer = connection.getresponse()
        body = answer.read(MAX_FETCHED + 1)
    except OSError as error:  # of TLS a ValueError too, when a certificate is not trusted
        if alarm.has_rung:
            raise TimeoutError(f"{parts.hostname} does not answer within {seconds:g} seconds") from error
        raise
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{parts.hostname} does not answer properly: {error!r}") from error
    finally:
        alarm.cancel()
        connection.close()
    if alarm.has_rung:
        raise TimeoutError(f"{parts.hostname} does not answer within {seconds:g} seconds")
    if answer.status != http.client.OK:
        raise OSError(f"{parts.hostname} answers {answer.status}")
    if len(body) > MAX_FETCHED:
        raise OSError(f"{parts.hostname} answers more than {MAX_FETCHED} bytes")
    return body


class _Alarm:
    """Ends what is waited for on a socket when the time is over: what drips keeps within the timeout of every single wait."""

    def __init__(self, seconds: float) -> None:
        """Runs from now on."""
        self.opened: ssl.SSLSocket | None = None
        self.has_rung = False
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        self._timer.start()
        self.cancel = self._timer.cancel

    def _ring(self) -> None:
        self.has_rung = True
        if self.opened is not None:
            with contextlib.suppress(OSError):
                self.opened.shutdown(socket.SHUT_RDWR)
