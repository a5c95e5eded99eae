"""The HTTP server: listening sockets, connections and their deadlines, a stop within a stated time.

Must never do: decide about a request (that is ``application``) or outlive ``stop``.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Sequence
from email.utils import formatdate
from typing import Any

from router.api.application import Api
from router.api.connection import Connection
from router.api.limits import ServerLimits
from router.api.sockets import BACKLOG
from router.clock import Clock


class ApiServer:
    """One per daemon; ``start`` and ``stop`` once each, on the same loop."""

    def __init__(
        self, *, api: Api, clock: Clock, limits: ServerLimits | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """``tls`` is for the TCP sockets; unix sockets are plain."""
        self.api = api
        self.limits = limits or ServerLimits()
        self.connections: set[Connection] = set()
        self.is_stopping = False
        self.bodies_held = 0
        self.date = b""
        self._clock = clock
        self._tls = tls
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._requests = 0
        self._quiet = asyncio.Event()

    @property
    def addresses(self) -> list[str]:
        """Where it listens, as ``host:port`` or a path."""
        return [_describe(listening) for listening in self._sockets]

    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    async def start(self, sockets: Sequence[socket.socket], tasks: asyncio.TaskGroup) -> None:
        """Take these listening sockets over and serve; requests run as tasks of the group."""
        self._loop = asyncio.get_running_loop()
        self._tasks = tasks
        self._sockets = list(sockets)
        self._sweep()
        for listening in self._sockets:
            self._servers.append(await self._serve(listening))

    async def reload_tls(self, context: ssl.SSLContext) -> None:
        """New connections get this context; those that are there keep theirs. No connection is refused meanwhile."""
        self._tls = context
        for index, listening in enumerate(self._sockets):
            if listening.family != socket.AF_UNIX:
                old, self._servers[index] = self._servers[index], await self._serve(listening)
                old.close()

    async def _serve(self, listening: socket.socket) -> asyncio.AbstractServer:
        shared = listening.dup()  # the original stays ours, for the next reload
        if listening.family == socket.AF_UNIX:
            return await self._loop.create_unix_server(lambda: Connection(self, is_unix=True), sock=shared, backlog=BACKLOG)
        return await self._loop.create_server(
            lambda: Connection(self, is_unix=False),
            sock=shared,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=self.limits.header_seconds if self._tls else None,
        )

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """One request, as a task of the group."""
        assert self._tasks is not None
        self._requests += 1
        self._tasks.create_task(work).add_done_callback(self._finished)

    def _finished(self, _task: asyncio.Task[None]) -> None:
        self._requests -= 1
        if not self._requests:
            self._quiet.set()

    def _sweep(self) -> None:
        """Deadlines, and the Date header."""
        now = self._loop.time()
        self.date = formatdate(self._clock.now() / 1000, usegmt=True).encode()
        for connection in [one for one in self.connections if one.deadline < now]:
            connection.expire()
        self._sweeping = self._loop.call_later(self.limits.sweep_seconds, self._sweep)

    async def stop(self, grace_seconds: float) -> None:
        """Accept no more, finish the requests that have arrived, close. What is not done after the grace is cut off."""
        self.is_stopping = True
        for server in self._servers:
            server.close()
        for listening in self._sockets:
            listening.close()
        for connection in list(self.connections):
            connection.shut_down()
        try:
            async with asyncio.timeout(grace_seconds):
                while self._requests or self.connections:
                    self._quiet.clear()
                    await self._pause()
        except TimeoutError:
            for connection in list(self.connections):
                connection.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._clock.sleep(0)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(0.05):
                await self._quiet.wait()
        except TimeoutError:
            return


def _describe(listening: socket.socket) -> str:
    name = listening.getsockname()
    if isinstance(name, str):
        return name
    if isinstance(name, bytes):
        return name.decode(errors="replace")
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
