"""The way out: HTTP/1.1 over pooled connections, as a lean ``post`` for events and as an httpx transport for the REST API.

Keeps these invariants: every call ends by its deadline, also when an answer drips; no more of an answer is kept than its
bound; redirects are answers like any other and never followed.

**A request may be sent twice** in one case: the server closed a kept-alive connection before it answered a single byte. It is
sent once more on a fresh connection. For events that is safe, because the second copy carries the same dedup key and lands on
the alert the first may have opened (a change event may appear twice in a timeline, which pages nobody). On the httpx side
only methods that HTTP calls idempotent are repeated.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol
from urllib.request import getproxies, proxy_bypass

import httpx
import msgspec

from router.wire.answer import Answer
from router.wire.connection import NetworkFailure
from router.wire.origin import Origin, parse_origin
from router.wire.pool import Pool

MAX_ORIGINS = 16
"""Servers one transport talks to; PagerDuty has an events host and a REST host for each region."""

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_FORBIDDEN_IN_FIELDS = frozenset(b"\r\n\0")
_OWN_FIELDS = frozenset({b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"te", b"upgrade", b"expect"})


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a transport; times in seconds."""

    connections: int = 64  # to one origin
    connect_seconds: float = 5.0
    total_seconds: float = 15.0  # of a request through httpx; ``post`` is told its own deadline
    idle_seconds: float = 30.0  # most load balancers close after 60
    max_body: int = 65_536  # bytes of an answer


class Target(msgspec.Struct, frozen=True):
    """Where a kind of request goes, and its head up to the length of the body: built once."""

    origin: Origin
    head: bytes


class Poster(Protocol):
    """What a client that sends bodies needs of a transport."""

    async def post(self, target: Target, body: bytes, *, deadline_seconds: float) -> Answer:
        """Send and wait for the answer."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections."""
        ...


def target_of(
    origin: Origin, path: str, headers: dict[str, str], *, method: str = "POST", content_type: str = "application/json"
) -> Target:
    """The target of requests with a body to this path. ValueError for a header or path that would break the framing."""
    lines = [f"{method} {path or '/'} HTTP/1.1", f"Host: {origin.host_header}", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any(not line.isascii() or not line.isprintable() for line in lines) or " " in path or " " in method:
        raise ValueError("header fields and paths must be printable ASCII")
    return Target(origin, "\r\n".join([*lines, "Content-Length: "]).encode())


class Transport(httpx.AsyncBaseTransport):
    """One per daemon and event loop. Close it when the last call is done."""

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None, limits: Limits | None = None) -> None:
        """``ssl_context``: None for the usual authorities."""
        self._limits = limits or Limits()
        self._ssl = ssl_context
        self._pools: dict[Origin, Pool] = {}

    async def post(self, target: Target, body: bytes, *, deadline_seconds: float) -> Answer:
        """Send a body; NetworkFailure when no status line came within ``deadline_seconds``."""
        pool = self._pools.get(target.origin) or self._open_pool(target.origin)
        deadline_at = asyncio.get_running_loop().time() + deadline_seconds
        request = b"%b%d\r\n\r\n%b" % (target.head, len(body), body)
        return await pool.exchange(request, deadline_at=deadline_at, repeatable=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx calls it. Raises httpx's own errors."""
        body = await request.aread()
        origin, head = _head_of(request, len(body))
        pool = self._pools.get(origin) or self._open_pool(origin)
        deadline_at = asyncio.get_running_loop().time() + self._limits.total_seconds
        try:
            answer = await pool.exchange(
                b"%b%b" % (head, body),
                deadline_at=deadline_at,
                repeatable=request.method in _REPEATABLE,
                has_body=request.method != "HEAD",
            )
        except NetworkFailure as failure:
            raise _httpx_error(failure, request) from failure
        if not answer.complete:
            raise httpx.RemoteProtocolError("the answer broke off, dripped past the deadline or was too long", request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    def _open_pool(self, origin: Origin) -> Pool:
        if len(self._pools) >= MAX_ORIGINS:
            raise ValueError(f"one transport talks to {MAX_ORIGINS} servers at most")
        if self._ssl is None and origin.scheme == "https":
            self._ssl = httpx.create_ssl_context(trust_env=False)
        limits = self._limits
        pool = self._pools[origin] = Pool(
            origin,
            ssl_context=self._ssl,
            limit=limits.connections,
            connect_seconds=limits.connect_seconds,
            idle_seconds=limits.idle_seconds,
            max_body=limits.max_body,
        )
        return pool

    def open_connections(self) -> int:
        """To all origins together."""
        return sum(pool.open_connections for pool in self._pools.values())

    async def aclose(self) -> None:
        """Close every connection; requests in flight fail."""
        for pool in self._pools.values():
            pool.close()


class HttpxPoster:
    """``post`` through an httpx transport: for a proxy, which ``Transport`` does not speak to. About a tenth of the pace."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, max_body: int = 65_536) -> None:
        """``max_body``: bytes of an answer that are kept."""
        self._transport = transport
        self._max_body = max_body

    async def post(self, target: Target, body: bytes, *, deadline_seconds: float) -> Answer:
        """As ``Transport.post``."""
        request = _request_of(target, body, deadline_seconds)
        status, headers, received = 0, dict[str, str](), b""
        try:
            async with asyncio.timeout(deadline_seconds):
                response = await self._transport.handle_async_request(request)
                status, headers = response.status_code, dict(response.headers)
                try:
                    async for part in response.aiter_bytes():
                        received += part[: self._max_body + 1 - len(received)]
                        if len(received) > self._max_body:
                            return Answer(status=status, headers=headers, body=received[:-1], complete=False)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TransportError, OSError) as error:
            if status:
                return Answer(status=status, headers=headers, body=received, complete=False)
            if isinstance(error, TimeoutError):
                raise NetworkFailure("no answer within the deadline", phase="deadline") from error
            raise NetworkFailure(f"{type(error).__name__}: {error}"[:200], phase="read") from error
        return Answer(status=status, headers=headers, body=received)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._transport.aclose()


def proxy_of(origin: Origin) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) names for this server."""
    proxies = getproxies()
    found = proxies.get(origin.scheme) or proxies.get("all")
    return None if not found or proxy_bypass(f"{origin.host}:{origin.port}") else found


def open_poster(
    origin: Origin,
    *,
    proxy: str | None = None,
    trust_env: bool = False,
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> Poster:
    """The way out to this server: our own transport, or httpx's when a proxy is in between.

    ``proxy``: its URL; with ``trust_env`` the environment may name one and may name authorities (SSL_CERT_FILE, SSL_CERT_DIR).
    ValueError if the proxy's URL cannot be used.
    """
    limits = limits or Limits()
    transport = _open(origin, proxy, limits, ssl_context, trust_env=trust_env)
    return transport if isinstance(transport, Transport) else HttpxPoster(transport, max_body=limits.max_body)


def open_transport(url: str, *, trust_env: bool, limits: Limits) -> httpx.AsyncBaseTransport:
    """The way to the REST API for httpx, by the same choice. ValueError if the URL or the proxy's cannot be used."""
    origin, _ = parse_origin(url, allow_http=True)
    return _open(origin, None, limits, None, trust_env=trust_env)


def _open(
    origin: Origin, proxy: str | None, limits: Limits, ssl_context: ssl.SSLContext | None, *, trust_env: bool
) -> Transport | httpx.AsyncHTTPTransport:
    if ssl_context is None and trust_env:
        ssl_context = httpx.create_ssl_context(trust_env=True)
    found = proxy or (proxy_of(origin) if trust_env else None)
    if not found:
        return Transport(ssl_context=ssl_context, limits=limits)
    pool = httpx.Limits(
        max_connections=limits.connections,
        max_keepalive_connections=limits.connections,
        keepalive_expiry=limits.idle_seconds,
    )
    verify = ssl_context if ssl_context is not None else True
    return httpx.AsyncHTTPTransport(proxy=found, verify=verify, trust_env=False, limits=pool)


def _request_of(target: Target, body: bytes, deadline_seconds: float) -> httpx.Request:
    first, *fields = target.head.decode("ascii").split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields[:-1])
    method, path, _ = first.split(" ")
    url = f"{target.origin}{path}"
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), deadline_seconds)
    return httpx.Request(method, url, headers=headers, content=body, extensions={"timeout": timeout})


def _head_of(request: httpx.Request, length: int) -> tuple[Origin, bytes]:
    url = request.url
    if url.scheme not in {"http", "https"} or not url.host:
        raise httpx.UnsupportedProtocol(f"only http and https are spoken, not {url.scheme!r}", request=request)
    default_port = 443 if url.scheme == "https" else 80
    origin = Origin(scheme=url.scheme, host=url.raw_host.decode("ascii"), port=url.port or default_port)
    fields = [(name, value) for name, value in request.headers.raw if name.lower() not in _OWN_FIELDS]
    if length or request.method in {"POST", "PUT", "PATCH"}:
        fields.append((b"Content-Length", b"%d" % length))
    first = b"%b %b HTTP/1.1" % (request.method.encode("ascii"), url.raw_path)
    lines = [first, *(b"%b: %b" % field for field in fields)]
    if any(not _FORBIDDEN_IN_FIELDS.isdisjoint(line) for line in lines):
        raise httpx.LocalProtocolError("a header field holds a line break", request=request)
    return origin, b"\r\n".join([*lines, b"\r\n"])


def _httpx_error(failure: NetworkFailure, request: httpx.Request) -> httpx.TransportError:
    kinds: dict[str, type[httpx.TransportError]] = {
        "connect": httpx.ConnectError,
        "pool": httpx.PoolTimeout,
        "deadline": httpx.ReadTimeout,
        "protocol": httpx.RemoteProtocolError,
        "send": httpx.WriteError,
    }
    return kinds.get(failure.phase, httpx.ReadError)(str(failure), request=request)
