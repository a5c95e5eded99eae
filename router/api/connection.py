"""One connection: bytes to requests, answers to bytes, over llhttp's parser (httptools), which refuses contradictory framing.

Requests of a connection are answered one after another, in order. Every phase has a deadline, which the server's sweep looks
at: no timer is set per request. Must never do: keep more of a request than its limits allow.
"""

from __future__ import annotations

import asyncio
import http
from collections import deque
from collections.abc import Coroutine
from typing import Any, Literal, Protocol, cast
from urllib.parse import unquote

import httptools

from router.api.application import Api
from router.api.auth import Peer, is_lured
from router.api.exchange import Answer, Request, answer_error
from router.api.limits import (
    LINGER_SECONDS,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_URL_BYTES,
    RETRY_SECONDS,
    SMALL_BODY_BYTES,
    ServerLimits,
)
from router.api.routes import Found
from router.telemetry.logs import logger

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NEVER = float("inf")
_SINGLE = frozenset({b"host", b"authorization", b"content-type", b"transfer-encoding"})
log = logger("api")

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}


class Host(Protocol):
    """The server, as a connection needs it."""

    api: Api
    limits: ServerLimits
    date: bytes  # the Date header's value, renewed every second
    connections: set[Connection]
    is_stopping: bool
    bodies_held: int  # bytes that large bodies have taken of their common bound

    def now(self) -> float:
        """The loop's clock, in seconds."""
        ...

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """As a task of the server's group."""
        ...


class Pending:
    """A request whose body is complete (or was refused before it was)."""

    __slots__ = ("answer", "found", "held", "is_old", "keep_alive", "request")

    def __init__(self, found: Found | None, request: Request, answer: Answer | None, *, keep_alive: bool, held: int) -> None:
        """``held``: what its body has taken of the bound that large bodies share; given back once it is answered."""
        self.held = held
        self.found = found
        self.request = request
        self.answer = answer
        self.keep_alive = keep_alive
        # HTTP/1.0 clients wait for the word keep-alive; the others do not mind it.
        self.is_old = keep_alive and request.headers.get(b"connection", b"").lower() == b"keep-alive"


class Connection(asyncio.Protocol):
    """Made by the server for every connection it accepts."""

    __slots__ = (
        "_answer",
        "_body",
        "_body_size",
        "_fields_size",
        "_found",
        "_has_ended",
        "_head_size",
        "_headers",
        "_held",
        "_host",
        "_is_answering",
        "_is_closing",
        "_is_paused",
        "_is_unix",
        "_parser",
        "_peer",
        "_phase",
        "_ready",
        "_request",
        "_transport",
        "_url",
        "_waits_for_writing",
        "deadline",
    )

    def __init__(self, host: Host, *, is_unix: bool) -> None:
        """``is_unix``: accepted on a unix socket."""
        self._host = host
        self._is_unix = is_unix
        self._ready: deque[Pending] = deque()
        self._is_answering = False
        self._is_closing = False  # nothing more is read as a request
        self._is_paused = False
        self._has_ended = False  # the peer sends no more
        self._waits_for_writing: asyncio.Future[None] | None = None
        self._phase: Literal["head", "body", "idle", "closing"] = "head"
        self._head_size = 0
        self._held = 0  # of the body that is being read
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._fields_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._found: Found | None = None
        self._answer: Answer | None = None
        self._request: Request | None = None

    # -- transport -----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it; one too many is told so and closed."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is not derived from it
        host = self._host
        self._parser = httptools.HttpRequestParser(self)
        self.deadline = host.now() + host.limits.header_seconds
        host.connections.add(self)
        name = None if self._is_unix else transport.get_extra_info("peername")
        # A peer that is gone already has no name: not known is not local.
        self._peer = Peer(str(name[0]) if name else "", self._is_unix)
        if len(host.connections) > host.limits.connections:
            self._write(answer_error(503, "too many connections", ((b"retry-after", b"5"),)), keep_alive=False)
            self._close()

    def connection_lost(self, _error: Exception | None) -> None:
        """A request under way is finished all the same: what it brought may be durable already."""
        self._host.connections.discard(self)
        self._is_closing = True
        self._give_back()
        while self._ready:
            self._host.bodies_held -= self._ready.popleft().held
        self.resume_writing()

    def pause_writing(self) -> None:
        """The peer does not read: the next answer waits, within a deadline."""
        if self._waits_for_writing is None:
            self._waits_for_writing = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The peer reads again, or is gone."""
        if self._waits_for_writing is not None:
            if not self._waits_for_writing.done():
                self._waits_for_writing.set_result(None)
            self._waits_for_writing = None

    def eof_received(self) -> bool:
        """The peer sends no more; answers under way still go out (TLS cannot do that)."""
        self._has_ended = True
        return self._is_answering and self._transport.get_extra_info("sslcontext") is None

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what it objects to is answered 400."""
        if self._is_closing:
            return
        if self._phase == "idle" and not self._is_answering:
            self._phase = "head"
            self.deadline = self._host.now() + self._host.limits.header_seconds
        if self._phase == "head":
            self._head_size += len(data)
        self._feed(data)
        if self._phase == "head" and self._head_size > MAX_HEAD_BYTES and not self._is_closing:
            self._refuse(431, f"the head of a request has at most {MAX_HEAD_BYTES} bytes")

    def _feed(self, data: bytes) -> None:
        while data and not self._is_closing:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._parser.get_method() == b"CONNECT":
                    self._refuse(405, "this is no proxy")
                    return
                data = self._without_offer() + data[upgrade.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError as error:
                if not self._is_closing:
                    self._refuse(400, f"the request is no valid HTTP/1.1: {error}")
                return
            else:
                return

    def _without_offer(self) -> bytes:
        """The head once more, without the offer to speak another protocol, which we pass over, as one may.

        The parser stops behind a head with such an offer, and would take the body for something else.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self._url, version)]
        closes = b"close" in self._headers.get(b"connection", b"").lower()
        left_out = (b"upgrade", b"http2-settings", b"connection")
        lines += [b"%b: %b" % (name, value) for name, value in self._headers.items() if name not in left_out]
        lines.append(b"connection: close" if closes else b"connection: keep-alive")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    # -- parser ---------------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._reset()
        self._phase = "head"
        self._head_size = 1

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers after a chunked body are passed over."""
        if self._phase != "head" or self._is_closing:
            return
        name = name.lower()
        headers = self._headers
        if name in _SINGLE and name in headers:
            self._refuse(400, f"the header {name.decode('latin-1')} is given twice")
            return
        headers[name] = value
        # A head that came in one piece was not counted as it arrived.
        self._fields_size += len(name) + len(value)
        if len(headers) > MAX_HEADERS or self._fields_size > MAX_HEAD_BYTES:
            self._refuse(431, f"the head of a request has at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        """Who asks for what: decided before the body is read."""
        if self._is_closing or self._parser.should_upgrade():
            return
        self._phase = "body"
        self.deadline = self._host.now() + self._host.limits.body_seconds
        headers = self._headers
        method = self._parser.get_method().decode("ascii")
        if len(self._url) > MAX_URL_BYTES:
            self._refuse(414, f"a URL has at most {MAX_URL_BYTES} bytes")
            return
        if b"host" not in headers and self._parser.get_http_version() == "1.1":
            self._refuse(400, "the header Host is missing")
            return
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            self._refuse(400, "the URL cannot be read")
            return
        path = (url.path or b"").decode("latin-1")
        if "%" in path:
            path = unquote(path)
        self._request = Request(method=method, path=path, query_text=url.query or b"", headers=headers)
        peer = self._peer
        if not self._is_unix and is_lured(headers):
            peer = Peer(peer.host, is_lured=True)
        admitted = self._host.api.admit(method, path, headers, peer)
        if isinstance(admitted, Answer):
            self._answer = admitted
        else:
            self._found = admitted
        self._look_at_body()

    def _look_at_body(self) -> None:
        """Refuse now what would be too large, ask for the body if the sender waits to be asked."""
        headers = self._headers
        length = headers.get(b"content-length")
        limit = self._host.limits.body_bytes
        if length is not None and int(length) > limit:
            self._refuse_body(413, f"a body has at most {limit} bytes, this one has {length.decode('latin-1')[:20]}")
            return
        if length is not None and int(length) > SMALL_BODY_BYTES and not self._hold(int(length)):
            return
        expect = headers.get(b"expect")
        if expect is None:
            return
        if expect.lower() != b"100-continue":
            self._refuse(417, "the only expectation that is met is 100-continue")
        elif self._answer is not None:
            self._finish(self._answer)  # refused: the sender need not begin
        elif not self._is_answering:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of the body, kept only if somebody will read it."""
        if self._is_closing:
            return
        self._body_size += len(body)
        if self._body_size > self._host.limits.body_bytes:
            self._refuse_body(413, f"a body has at most {self._host.limits.body_bytes} bytes")
        elif self._found is not None and (self._body_size <= SMALL_BODY_BYTES or self._hold(self._body_size)):
            self._body.append(body)

    def _hold(self, size: int) -> bool:
        """Whether there is room for a large body of this size beside the others; if not, its sender is told to come back."""
        more = size - self._held
        if more <= 0 or self._found is None:
            return True
        host = self._host
        if host.bodies_held + more > host.limits.bodies_bytes:
            text = f"large bodies hold {host.bodies_held} of {host.limits.bodies_bytes} bytes (limits.bodies); come back"
            self._refuse_body(503, text, ((b"retry-after", b"%d" % RETRY_SECONDS),))
            return False
        host.bodies_held += more
        self._held = size
        return True

    def _give_back(self) -> None:
        """The body that was being read is kept no more."""
        self._host.bodies_held -= self._held
        self._held = 0
        self._body = []

    def on_message_complete(self) -> None:
        """The request is whole: answer it, after those before it."""
        if self._is_closing or self._request is None:
            return
        request = self._request
        request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        keep_alive = self._parser.should_keep_alive()
        self._ready.append(Pending(self._found, request, self._answer, keep_alive=keep_alive, held=self._held))
        self._held = 0
        self._phase = "idle"
        self.deadline = _NEVER
        if self._is_answering:
            self._is_paused = True
            self._transport.pause_reading()
        else:
            self._is_answering = True
            self._host.run(self._answer_all())

    # -- answering ------------------------------------------------------------------------------------------------------

    async def _answer_all(self) -> None:
        api = self._host.api
        try:
            while self._ready:
                pending = self._ready.popleft()
                answer = pending.answer
                try:
                    if answer is None:
                        assert pending.found is not None
                        answer = await api.answer(pending.found, pending.request)
                finally:
                    self._host.bodies_held -= pending.held
                if self._transport.is_closing():
                    return
                is_last = not self._ready and (self._host.is_stopping or self._is_closing or self._has_ended)
                keep_alive = pending.keep_alive and not is_last
                self._write(answer, keep_alive=keep_alive, is_old=pending.is_old, is_head=pending.request.method == "HEAD")
                if not keep_alive:
                    self._close()
                    return
                if self._waits_for_writing is not None:
                    self.deadline = self._host.now() + self._host.limits.body_seconds
                    await self._waits_for_writing
                    self.deadline = _NEVER
        except Exception as error:  # a mistake of ours costs this connection, and neither another one nor the process
            log.exception("connection_failed", cause=repr(error))
            self.abort()
        finally:
            self._is_answering = False
        if not self._is_closing:
            self._await_next()

    def _await_next(self) -> None:
        limits = self._host.limits
        seconds = {"idle": limits.idle_seconds, "head": limits.header_seconds}.get(self._phase, limits.body_seconds)
        self.deadline = self._host.now() + seconds
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _write(self, answer: Answer, *, keep_alive: bool, is_old: bool = False, is_head: bool = False) -> None:
        head = [
            _STATUS.get(answer.status) or b"HTTP/1.1 %d \r\n" % answer.status,
            b"date: ",
            self._host.date,
            b"\r\ncontent-length: %d\r\n" % len(answer.body),
        ]
        if answer.body:
            head += (b"content-type: ", answer.content_type, b"\r\n")
        for name, value in answer.headers:
            head += (name, b": ", value, b"\r\n")
        if not keep_alive:
            head.append(b"connection: close\r\n")
        elif is_old:
            head.append(b"connection: keep-alive\r\n")
        head.append(b"\r\n")
        if not is_head:
            head.append(answer.body)
        self._transport.write(b"".join(head))

    def _refuse(self, status: int, text: str) -> None:
        """A request that is not fit to be read on: answered, then closed."""
        self._host.api.count("unreadable", status)
        self._finish(answer_error(status, text))

    def _refuse_body(self, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        if self._found is not None:
            self._finish(self._host.api.refuse(self._found, status, text, headers))
        else:
            self._finish(self._answer or answer_error(status, text))

    def _finish(self, answer: Answer) -> None:
        """The last answer on this connection, unless earlier ones are still under way: then just the end."""
        self._give_back()
        if self._is_closing:
            return
        if self._is_answering:
            self._is_closing = True
            return
        self._write(answer, keep_alive=False)
        self._linger()

    def _linger(self) -> None:
        """Closing with unread data resets the connection, and the sender never reads the answer: go on reading, for a while."""
        self._is_closing = True
        self._phase = "closing"
        if self._transport.get_extra_info("sslcontext") is None and self._transport.can_write_eof():
            self.deadline = self._host.now() + LINGER_SECONDS
            self._transport.write_eof()
        else:
            self._transport.close()

    def _close(self) -> None:
        self._is_closing = True
        self._transport.close()
        self.deadline = self._host.now() + self._host.limits.body_seconds

    # -- the server's side ------------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        if self._is_closing or self._waits_for_writing is not None:
            self._transport.abort()
        elif self._phase == "body":
            text = f"the body did not arrive within {self._host.limits.body_seconds:g} seconds"
            self._refuse_body(408, text)
        elif self._phase == "head" and self._head_size:
            self._refuse(408, f"the head did not arrive within {self._host.limits.header_seconds:g} seconds")
        else:
            self._is_closing = True
            self._transport.close()

    def shut_down(self) -> None:
        """The server stops: close now if idle, else after the answers under way."""
        if not self._is_answering and self._phase != "body":
            self._is_closing = True
            self._transport.close()

    def abort(self) -> None:
        """The grace is over."""
        self._is_closing = True
        self._transport.abort()
