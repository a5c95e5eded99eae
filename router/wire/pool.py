"""Keep-alive connections to one origin: at most so many, the most recently used first, the rest of the callers in a queue.

Keeps these invariants: a connection serves one request at a time; a request that was cancelled or failed takes its connection
along; a request is sent a second time only when a connection that had served before was closed by the server before one byte
of an answer came (the ordinary race of keep-alive), once, on a fresh connection, and only if the caller calls it repeatable.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import Any

from router.wire.answer import Answer
from router.wire.connection import Connection, NetworkFailure
from router.wire.origin import Origin

_MAX_ADDRESSES = 8
"""Addresses of a name that are tried for one connection."""


class Pool:
    """All connections to one origin. Callers set the deadline of the whole; ``connect_seconds`` bounds each new connection."""

    def __init__(
        self,
        origin: Origin,
        *,
        ssl_context: ssl.SSLContext | None,
        limit: int,
        connect_seconds: float,
        idle_seconds: float,
        max_body: int,
    ) -> None:
        """``limit``: connections; ``idle_seconds``: unused for longer, a connection is not used again."""
        self._origin = origin
        self._ssl = ssl_context if origin.scheme == "https" else None
        self._limit = limit
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._max_body = max_body
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._in_use: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._family = 0  # of the address that answered last: tried first, so that a dead IPv6 route costs once

    @property
    def open_connections(self) -> int:
        """In use, idle and being opened."""
        return len(self._idle) + len(self._in_use) + self._opening

    async def exchange(self, request: bytes, *, deadline_at: float, repeatable: bool, has_body: bool = True) -> Answer:
        """One request, one answer. ``deadline_at`` is in the loop's time; NetworkFailure if no status line came by then.

        An answer whose status line came and whose body did not come whole in time is returned as incomplete.
        """
        connection: Connection | None = None
        try:
            async with asyncio.timeout_at(deadline_at):
                connection = self._take_idle() or await self._open()
                try:
                    return await connection.exchange(request, has_body=has_body)
                except NetworkFailure as failure:
                    if not (failure.untouched and repeatable):
                        raise
                    self._give_back(connection)
                    connection = None
                # Its place has just become free and nobody else has run since, so this one is new.
                connection = await self._open()
                return await connection.exchange(request, has_body=has_body)
        except TimeoutError:
            answer = connection.answer_so_far() if connection is not None else None
            if answer is not None:
                return answer
            if connection is None:
                raise NetworkFailure("no connection within the deadline", phase="pool") from None
            raise NetworkFailure("no answer within the deadline", phase="deadline") from None
        finally:
            if connection is not None:
                self._give_back(connection)

    def _take_idle(self) -> Connection | None:
        oldest_use = self._loop.time() - self._idle_seconds
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and connection.idle_since > oldest_use:
                self._in_use.add(connection)
                return connection
            connection.close()
        return None

    def _give_back(self, connection: Connection) -> None:
        """Idle if its exchange ended well, closed otherwise; either way somebody who waits may go on."""
        self._in_use.discard(connection)
        if connection.is_usable:
            now = self._loop.time()
            connection.idle_since = now
            self._idle.append(connection)
            oldest = self._idle[0]
            if oldest.idle_since <= now - self._idle_seconds or not oldest.is_usable:
                del self._idle[0]
                oldest.close()
        else:
            connection.close()
        if self._waiting:
            self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _open(self) -> Connection:
        """A connection in use: a new one while there is room, otherwise the next that is given back."""
        while self.open_connections >= self._limit:
            idle = self._take_idle()
            if idle is not None:
                return idle
            await self._wait_turn()
        self._opening += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._wake_next()
            raise
        finally:
            self._opening -= 1
        self._in_use.add(connection)
        return connection

    async def _wait_turn(self) -> None:
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_next()  # the turn was ours already: pass it on
            raise

    async def _connect(self) -> Connection:
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._connect_to_any()
        except TimeoutError:
            cause = f"no connection to {self._origin} within {self._connect_seconds:g} s"
            raise NetworkFailure(cause, phase="connect") from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise NetworkFailure(f"TLS with {self._origin} failed: {reason}", phase="connect") from error
        except OSError as error:
            cause = f"cannot connect to {self._origin}: {error.strerror or error}"
            raise NetworkFailure(cause, phase="connect") from error

    async def _connect_to_any(self) -> Connection:
        """Try every address of the name, each with its share of the time, that of the family that worked last first."""
        found = await self._loop.getaddrinfo(self._origin.host, self._origin.port, type=socket.SOCK_STREAM)
        addresses = sorted(
            {(entry[0], entry[4][0]): entry for entry in found[:_MAX_ADDRESSES]}.values(), key=self._is_other_family
        )
        share = self._connect_seconds / max(1, len(addresses))
        for position, (family, *_, address) in enumerate(addresses, start=1):
            try:
                async with asyncio.timeout(None if position == len(addresses) else share):
                    connection = await self._connect_to(str(address[0]), family)
            except (OSError, TimeoutError):  # TimeoutError: of our share, or the whole, which ends the last try
                if position == len(addresses):
                    raise
            else:
                self._family = family
                return connection
        raise OSError(f"the name {self._origin.host} has no address")

    def _is_other_family(self, entry: tuple[Any, ...]) -> bool:
        return bool(entry[0] != self._family)

    async def _connect_to(self, address: str, family: int) -> Connection:
        tls = self._ssl is not None
        _, connection = await self._loop.create_connection(
            lambda: Connection(self._max_body),
            address,
            self._origin.port,
            family=family,
            flags=socket.AI_NUMERICHOST,
            ssl=self._ssl,
            server_hostname=self._origin.host if tls else None,
            ssl_handshake_timeout=self._connect_seconds if tls else None,
        )
        return connection

    def close(self) -> None:
        """Close every connection; requests in flight fail."""
        for connection in [*self._idle, *self._in_use]:
            connection.close()
        self._idle.clear()
