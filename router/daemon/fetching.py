"""Fetching a small text over HTTPS: certificates of webhooks' senders, and the links that confirm a subscription.

Which addresses may be fetched the caller decides. Must never do: follow a redirect, send anything of ours, or take long.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from urllib.parse import urlsplit

MAX_FETCHED = 65_536
"""Bytes of an answer; a longer one is refused."""
TIMEOUT_SECONDS = 10.0


async def fetch(address: str) -> bytes:
    """The body behind an https address, in a thread; OSError if it cannot be had within ten seconds or is no 200."""
    return await asyncio.to_thread(fetch_now, address)


def fetch_now(address: str, context: ssl.SSLContext | None = None) -> bytes:
    """As ``fetch``, at once; ``context`` other than the system's certificates is for tests."""
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise OSError(f"{address[:256]} is no https address")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=context)
    try:
        connection.request("GET", target, headers={"Accept": "*/*"})
        answer = connection.getresponse()
        body = answer.read(MAX_FETCHED + 1)
    except ssl.SSLError:  # a ValueError too, when a certificate is not trusted
        raise
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{parts.hostname} does not answer properly: {error!r}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise OSError(f"{parts.hostname} answers {answer.status}")
    if len(body) > MAX_FETCHED:
        raise OSError(f"{parts.hostname} answers more than {MAX_FETCHED} bytes")
    return body
