"""One HTTP connection: bytes to requests, answers to bytes, and the ways a connection can die.

A protocol of its own on httptools instead of a web framework, because a framework hides the socket, and a stand-in
must be able to reset it, hang, trickle, or stop in the middle of a body.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from router.sandbox.answer import Answer, Behaviour, text_answer

MAX_HEAD_BYTES = 65_536
MAX_QUEUED_REQUESTS = 100
MIN_KEPT_BODY_BYTES = 1_048_576


class Application(Protocol):
    """What the connection asks."""

    def connect(self) -> Behaviour:
        """What becomes of a new connection."""
        ...

    def receive(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request."""
        ...

    def kept_body_bytes(self) -> int:
        """How much of a body is kept; the rest is read and thrown away."""
        ...


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered strictly one after the other."""

    def __init__(self, application: Application, open_connections: set[Connection], limit: int) -> None:
        self._application = application
        self._open = open_connections
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[str, str, dict[str, str], bytes, bool]] = deque()
        self._busy = False
        self._hanging = False
        self._timer: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._path = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # from the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or reset it when the fault plan or the bound says so."""
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)
        if len(self._open) > self._limit or self._application.connect() is not Behaviour.ANSWER:
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """Forget everything about it."""
        self._open.discard(self)
        self._transport = None
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is not HTTP is answered once and closed."""
        if self._hanging or self._transport is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._hanging = True  # the request itself has been answered; another protocol is not spoken here
            self._transport.close()
        except httptools.HttpParserError:
            self._refuse("This is not HTTP/1.1")

    def pause_writing(self) -> None:
        """The client does not read: take nothing more from it."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport is not None:
            self._transport.resume_reading()

    # from the parser

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._path += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; of several with one name the last counts."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is complete; a client that waits for permission gets it."""
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A piece of the body; past the bound it is counted and thrown away."""
        limit = max(self._application.kept_body_bytes(), MIN_KEPT_BODY_BYTES)
        if self._body_bytes < limit:
            self._body.append(data[: limit - self._body_bytes])
        self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        """A whole request is here: answer it now, or after the ones before it."""
        method = self._parser.get_method().decode("latin-1")
        keeps = self._parser.should_keep_alive()
        request = (method, self._path.decode("latin-1"), self._headers, b"".join(self._body), keeps)
        if len(self._waiting) >= MAX_QUEUED_REQUESTS:
            self.reset()
        elif self._busy:
            self._waiting.append(request)
        else:
            self._serve(*request)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse("The head is too large", 431)

    def _refuse(self, why: str, status: int = 400) -> None:
        if self._transport is not None and not self._hanging:
            self._hanging = True
            self._transport.write(_encode(text_answer(status, why), keeps=False, bodiless=False))
            self._transport.close()

    # answers

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes, keeps: bool) -> None:  # noqa: FBT001
        if self._hanging:
            return
        answer = self._application.receive(method, path, headers, body)
        if answer.behaviour in {Behaviour.RESET_BEFORE, Behaviour.RESET_AFTER}:
            self._later(answer.delay_ms, self.reset)
        elif answer.behaviour is Behaviour.HANG:
            self._hanging = True
        else:
            data = _encode(answer, keeps=keeps, bodiless=method == "HEAD")
            if answer.behaviour is Behaviour.DRIP:
                self._later(answer.delay_ms, lambda: self._drip(data, answer.drip_ms, keeps=keeps))
            elif answer.behaviour is Behaviour.CUT:
                cut = len(data) - max(1, len(answer.body) // 2)
                self._later(answer.delay_ms, lambda: self._write(data[:cut], keeps=False))
            else:
                self._later(answer.delay_ms, lambda: self._write(data, keeps=keeps))

    def _later(self, delay_ms: int, action: Callable[[], None]) -> None:
        if delay_ms:
            self._busy = True
            self._timer = self._loop.call_later(delay_ms / 1000, action)
        else:
            action()

    def _drip(self, data: bytes, pause_ms: int, *, keeps: bool) -> None:
        if self._transport is None:
            return
        self._busy = True
        if len(data) <= 1:
            self._write(data, keeps=keeps)
            return
        self._transport.write(data[:1])
        self._timer = self._loop.call_later(pause_ms / 1000, lambda: self._drip(data[1:], pause_ms, keeps=keeps))

    def _write(self, data: bytes, *, keeps: bool) -> None:
        self._busy = False
        if self._transport is None:
            return
        self._transport.write(data)
        if not keeps:
            self._hanging = True
            self._transport.close()
        elif self._waiting:
            self._serve(*self._waiting.popleft())

    def reset(self) -> None:
        """Break the connection the hard way: the client sees a reset, not an end."""
        transport = self._transport
        if transport is None:
            return
        self._hanging = True
        found = transport.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _encode(answer: Answer, *, keeps: bool, bodiless: bool) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"content-length: {len(answer.body)}")
    if not keeps:
        lines.append("connection: close")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1", "replace") + (b"" if bodiless else answer.body)
