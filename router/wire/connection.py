"""One HTTP/1.1 connection to one origin: a request goes out, an answer comes back, nothing else.

Why it exists: httpx's pooled stack manages some 600 posts a second here and gets slower with concurrency; this one costs a
tenth. Parsing is httptools' (llhttp), which is strict about framing. Must never do: pipeline, retry, follow a redirect, keep
more of an answer than its bound.
"""

from __future__ import annotations

import asyncio
from typing import cast

import httptools

from router.wire.answer import Answer

MAX_HEAD_BYTES = 32_768
"""Header names and values of one answer together."""

_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101


class NetworkFailure(Exception):
    """No answer can be had. ``untouched``: not one byte came back on a connection that had served before.

    ``phase`` is what was going on: connect, send, read, pool, deadline or protocol.
    """

    def __init__(self, cause: str, *, phase: str, untouched: bool = False) -> None:
        """Keep what the callers tell apart."""
        super().__init__(cause)
        self.phase = phase
        self.untouched = untouched


class Connection(asyncio.Protocol):
    """Serves one request at a time; ``is_usable`` says whether another may follow."""

    __slots__ = (
        "_answered",
        "_body",
        "_failure",
        "_has_body",
        "_head_bytes",
        "_head_done",
        "_headers",
        "_max_body",
        "_parser",
        "_size",
        "_status",
        "_touched",
        "_transport",
        "_waiter",
        "idle_since",
        "is_usable",
        "served",
    )

    def __init__(self, max_body: int) -> None:
        """``max_body``: bytes of an answer's body that are kept."""
        self._max_body = max_body
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: NetworkFailure | None = None
        self.is_usable = False
        self.served = 0
        self.idle_since = 0.0
        self._has_body = True
        self._renew()

    def _renew(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._body = b""
        self._size = 0
        self._head_done = False
        self._answered = False
        self._touched = False

    # what the pool calls

    async def exchange(self, request: bytes, *, has_body: bool = True) -> Answer:
        """Send these bytes and wait for the answer; the caller sets the deadline and closes on cancellation.

        ``has_body`` is False for HEAD. NetworkFailure if the status line never came whole.
        """
        transport = self._transport
        if transport is None or not self.is_usable:
            raise self._failure or NetworkFailure("the connection is closed", phase="send", untouched=self.served > 0)
        self._has_body = has_body
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        transport.write(request)
        try:
            await waiter
        except BaseException:
            self.is_usable = False  # given up half way: what still comes belongs to nobody
            raise
        finally:
            self._waiter = None
        answer = Answer(status=self._status, headers=self._headers, body=self._body, complete=self._answered)
        self.served += 1
        if self.is_usable:
            self._renew()
        return answer

    def answer_so_far(self) -> Answer | None:
        """What there is of an answer whose status line and headers came, when the deadline ends the wait for the rest."""
        if not self._head_done:
            return None
        return Answer(status=self._status, headers=self._headers, body=self._body, complete=False)

    def close(self) -> None:
        """Let go of the socket at once."""
        self.is_usable = False
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_usable = True

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; bytes nobody asked for end the connection."""
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        self._touched = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the server switched protocols", phase="protocol")
        except httptools.HttpParserError as error:
            if not self._answered:
                self._fail(f"the answer is not HTTP/1.1: {error}"[:200], phase="protocol")
            else:
                self.is_usable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: before the answer, within it, or while idle."""
        self.is_usable = False
        self._transport = None
        if self._waiter is None:
            return
        if self._head_done:
            # Without a length the end of the connection is the end of the body; with one it is cut, and the status stands.
            length_known = "content-length" in self._headers or "transfer-encoding" in self._headers
            self._answered = self._answered or not length_known
            self._finish()
            return
        how = f"{type(exc).__name__}: {exc}" if exc is not None else "the server closed the connection"
        what = "in the middle of the answer's head" if self._touched else "before it answered"
        self._fail(f"{how}, {what}", phase="read", untouched=not self._touched and self.served > 0)

    # what the parser calls; after the answer it is deaf, so that a second one nobody asked for cannot overwrite the first

    def on_message_begin(self) -> None:
        """An answer begins; a second one to one request makes the connection suspect."""
        if self._answered:
            self.is_usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        if self._answered:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(f"the answer's headers are longer than {MAX_HEAD_BYTES} bytes", phase="protocol")
            return
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The status line and the headers are whole."""
        if self._answered:
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            return
        self._status = status
        self._head_done = True
        if not self._has_body:
            self._answered = True
            self.is_usable = False  # llhttp cannot be told that HEAD has no body: this connection ends here
            self._finish()

    def on_body(self, data: bytes) -> None:
        """Part of the body; what is above the bound ends the connection, the status stands."""
        if self._answered:
            return
        self._size += len(data)
        if self._size > self._max_body:
            self._body = (self._body + data)[: self._max_body]
            self.close()
            self._finish()
            return
        self._body = self._body + data if self._body else data

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one (1xx) is thrown away."""
        if self._answered or self._transport is None:
            return
        if not self._head_done:
            self._headers = {}
            return
        self._answered = True
        if not self._parser.should_keep_alive():
            self.is_usable = False
        self._finish()

    def _finish(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, cause: str, *, phase: str, untouched: bool = False) -> None:
        failure = NetworkFailure(cause, phase=phase, untouched=untouched)
        self._failure = failure
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_exception(failure)
        self.close()
