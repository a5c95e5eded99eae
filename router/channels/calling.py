"""One call over HTTP and what its status says when the service has nothing better to say. Shared by every kind that uses HTTP.

Keeps these invariants: an address that is a secret is looked up at the last moment and is in no cause; a redirect is refused;
whatever happens on the network is a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

from router.clock import Clock
from router.errors import RouterError
from router.model.channel import Channel
from router.model.delivery import Accepted, Outcome, Rejected, Throttled, Unavailable
from router.wire.answer import Answer, cause_line, retry_after_ms
from router.wire.connection import NetworkFailure
from router.wire.origin import Origin, parse_origin
from router.wire.transport import Limits, Poster, open_poster, target_of

USER_AGENT = "alert-router"
SHORTEST_PIECE = 12
"""Letters a part of an address has at least to be taken for what makes it a secret."""

TOO_MANY_CALLS = 429
REQUEST_TIMEOUT = 408
_SAFE_IN_URLS = "%!#$&'()*+,/:;=?@[]~"

Resolve = Callable[[str], str]
"""Reference -> secret; raises if it cannot be read."""


class Caller:
    """Calls one server for one channel."""

    def __init__(self, channel: Channel, clock: Clock, *, poster: Poster | None = None) -> None:
        """Without ``poster`` one is opened at the first call."""
        self.clock = clock
        self._channel = channel
        self._poster = poster
        self._deadline_seconds = channel.timeout_ms / 1000

    async def call(
        self, url: str, body: bytes, headers: dict[str, str] | None = None, *, method: str = "POST"
    ) -> Answer | Rejected | Unavailable:
        """One request; an outcome if there is no answer."""
        try:
            origin, path = split_url(url)
            target = target_of(
                origin, path, {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}, method=method
            )
        except ValueError as error:
            return Rejected(cause=f"the address cannot be used: {error}")
        if self._poster is None:
            self._poster = open_poster(
                origin, trust_env=self._channel.use_environment_proxy, limits=Limits(connections=4, max_body=65_536)
            )
        try:
            return await self._poster.post(target, body, deadline_seconds=self._deadline_seconds)
        except NetworkFailure as failure:
            return Unavailable(cause=str(failure))

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._poster is not None:
            await self._poster.aclose()


def split_url(url: str) -> tuple[Origin, str]:
    """Server and path with query; ValueError says what is wrong with the address, without showing it."""
    parts = urlsplit(url.strip())
    if parts.username is not None or parts.password is not None:
        raise ValueError("a user and password in the address are not sent; use a header")
    origin, _ = parse_origin(f"{parts.scheme}://{parts.netloc}", allow_http=True)
    path = parts.path or "/"
    return origin, quote(f"{path}?{parts.query}" if parts.query else path, safe=_SAFE_IN_URLS)


def secrets_in(url: str) -> tuple[str, ...]:
    """An address that is a secret, and what of it would give it away: longest first."""
    parts = urlsplit(url.strip())
    pieces = [piece for piece in re.split(r"[/&=?]", f"{parts.path}?{parts.query}") if len(piece) >= SHORTEST_PIECE]
    return (url, f"{parts.path}?{parts.query}", *sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True))


def endpoint_of(resolve: Resolve, reference: str, name: str) -> str:
    """The server of an address, for breakers and metrics; the channel's name if it cannot be read."""
    found = reveal(resolve, reference)
    if isinstance(found, Rejected):
        return name
    try:
        return split_url(found)[0].host_header
    except ValueError:
        return name


def reveal(resolve: Resolve, reference: str) -> str | Rejected:
    """The secret behind a reference. The error's own text is not passed on: it may quote what it read."""
    try:
        return resolve(reference)
    except (LookupError, OSError, ValueError, RouterError):
        return Rejected(cause=f"{reference} cannot be read")


def outcome_by_status(answer: Answer, *, secrets: tuple[str, ...], now: int, said: str | None = None) -> Outcome:
    """2xx accepted; 429, 408 and 5xx again; a redirect and every other 4xx refused. ``said``: the body in better words."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 -- HTTP's classes
        return Accepted(status=status)
    wait_ms = retry_after_ms(answer.headers.get("retry-after"), now)
    if status == TOO_MANY_CALLS:
        return Throttled(retry_after_ms=wait_ms)
    words = cause_line(answer.body.decode("utf-8", "replace") if said is None else said, secrets)
    cause = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if 300 <= status < 400:  # noqa: PLR2004
        return Rejected(cause=f"HTTP {status}: answered with a redirect, which is not followed", status=status)
    if 400 <= status < 500 and status != REQUEST_TIMEOUT:  # noqa: PLR2004
        return Rejected(cause=cause, status=status)
    return Unavailable(cause=cause, status=status, retry_after_ms=wait_ms)
