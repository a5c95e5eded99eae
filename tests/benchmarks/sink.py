"""A PagerDuty that is as fast as it can be: answers 202 and remembers when each alert's token arrived.

Control, on the same port: ``GET /_stats``; ``GET /_dump`` (a line per page and token: nanoseconds, token, action,
status, digest of the dedup key); ``POST /_reset``; ``POST /_mode``
with ``{"status": 429, "for_seconds": 30, "retry_after": 30}`` or ``{}``.
Runs as a process of its own: ``python -m tests.benchmarks.sink PORT``.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import zlib
from collections import Counter
from typing import Any

import httptools
import uvloop

_TOKEN = re.compile(rb"uid_[a-z0-9]+_\d+")
_DEDUP_KEY = re.compile(rb'"dedup_key"\s*:\s*"([^"]*)"')
_REASONS = {200: b"OK", 202: b"Accepted", 400: b"Bad Request", 429: b"Too Many Requests", 503: b"Service Unavailable"}
_ACCEPTED = 202
_REFUSED_FROM = 300


def _answer(status: int, body: bytes, extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, _REASONS[status], len(body))
    return head + extra + b"\r\n" + body


class Sink:
    """What has arrived so far, and how to answer the next."""

    def __init__(self) -> None:
        self.connections = 0
        self.most_connections = 0
        self.mode: dict[str, Any] = {}
        self.mode_ends = 0
        self.reset()

    def reset(self) -> None:
        """Forget what arrived."""
        self.records: list[tuple[int, bytes, bytes, int, int]] = []
        self.posts: Counter[int] = Counter()
        self.tokens: set[bytes] = set()

    def take(self, body: bytes) -> bytes:
        """Record one event and answer it."""
        now = time.monotonic_ns()
        status = self.mode["status"] if now < self.mode_ends else _ACCEPTED
        action = b"resolve" if b'"resolve"' in body else b"trigger"
        match = _DEDUP_KEY.search(body)
        key = match.group(1) if match else b""
        self.posts[status] += 1
        for token in set(_TOKEN.findall(body)):
            self.records.append((now, token, action, status, zlib.crc32(key)))
            if status < _REFUSED_FROM:
                self.tokens.add(token)
        if status == _ACCEPTED:
            return _answer(status, b'{"status":"success","message":"Event processed","dedup_key":"%s"}' % key)
        extra = b"Retry-After: %d\r\n" % self.mode["retry_after"] if "retry_after" in self.mode else b""
        return _answer(status, b'{"status":"error","message":"not now","errors":["not now"]}', extra)

    def control(self, path: bytes, body: bytes) -> bytes:
        """The questions and orders of the benchmark."""
        if path == b"/_stats":
            figures = {"tokens": len(self.tokens), "posts": self.posts.total(), "by_status": self.posts}
            return _answer(200, json.dumps(figures | {"most_connections": self.most_connections}).encode())
        if path == b"/_dump":
            return _answer(200, b"".join(b"%d %s %s %d %d\n" % record for record in self.records))
        if path == b"/_reset":
            self.reset()
        elif path == b"/_mode":
            self.mode = json.loads(body)
            self.mode_ends = time.monotonic_ns() + int(self.mode.get("for_seconds", 0) * 1e9)
        return _answer(200, b"{}")


class _Connection(asyncio.Protocol):
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._sink.connections += 1
        self._sink.most_connections = max(self._sink.connections, self._sink.most_connections)

    def connection_lost(self, _error: Exception | None) -> None:
        self._sink.connections -= 1

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        url, body = self._url, b"".join(self._body)
        self._url, self._body = b"", []
        self._transport.write(self._sink.control(url, body) if url.startswith(b"/_") else self._sink.take(body))


async def _serve(port: int) -> None:
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(sink), "127.0.0.1", port, backlog=16_384)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
