"""The sandbox on a loopback socket: the only part that reads a clock and owns connections."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import ssl
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from router.sandbox.answer import Answer, Behaviour
from router.sandbox.clock import now_ms
from router.sandbox.control import Control
from router.sandbox.facade import Sandbox
from router.sandbox.sender import send
from router.sandbox.settings import Settings, from_keys
from router.sandbox.webhooks import Delivery, Outcome
from router.sandbox.wire import Connection

MAX_CONNECTIONS = 2_000


class NotLoopback(ValueError):
    """The sandbox pretends to be somebody else, so it must not be reachable from other machines."""


def loopback_address(host: str) -> str:
    """The address to bind, or ``NotLoopback`` with what to write instead."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotLoopback(f"the sandbox listens on loopback only, not on {host!r}: use 127.0.0.1 or ::1")
    return host


class SandboxServer:
    """A sandbox that listens from ``start`` (or ``async with``) until ``stop``; port 0 takes a free one."""

    def __init__(self, settings: Settings | None = None, *, clock: Callable[[], int] = now_ms) -> None:
        self.settings = settings if settings is not None else Settings(port=0)
        self._host = loopback_address(self.settings.host)
        self._port = self.settings.port
        self._clock = clock
        self._skipped_ms = 0
        self.sandbox = Sandbox(settings=self.settings, now=clock())
        self._control = Control(self.sandbox, self.skip)
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._sending: set[asyncio.Task[None]] = set()  # held here, cancelled in stop
        self._trust = ssl.create_default_context(cafile=self.settings.webhook_ca) if self.settings.webhook_ca else None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: int | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        scheme = "https" if self.settings.tls_certificate else "http"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self._port}"

    async def start(self) -> None:
        """Listen; an occupied port raises ``OSError``."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self, self._connections, MAX_CONNECTIONS),
            self._host,
            self._port,
            ssl=self._tls(),
            backlog=1024,
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        self.tick()

    async def stop(self) -> None:
        """Stop listening and close what is open; ``start`` listens again on the same port with everything kept."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        for task in list(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        for connection in list(self._connections):
            connection.reset()
        await listener.wait_closed()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    def _tls(self) -> ssl.SSLContext | None:
        if not self.settings.tls_certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.settings.tls_certificate, self.settings.tls_key or None)
        return context

    # time

    def now(self) -> int:
        """The sandbox's time: the clock's, plus what was skipped."""
        return self._clock() + self._skipped_ms

    def skip(self, milliseconds: int) -> None:
        """Move the sandbox's time forward and do what became due."""
        if milliseconds < 0:
            raise ValueError("time goes forward only")
        self._skipped_ms += milliseconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None
        self.tick()

    def tick(self) -> None:
        """Do what is due and come back when something else is."""
        self.sandbox.advance(self.now())
        self._send_webhooks()
        self._arm()

    def _send_webhooks(self) -> None:
        if self._listener is None:
            return
        for delivery in self.sandbox.webhooks_due(self.now()):
            task = asyncio.get_running_loop().create_task(self._send(delivery), name=f"webhook {delivery.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, delivery: Delivery) -> None:
        sandbox = self.sandbox
        generation = sandbox.generation
        outcome: Outcome = "unreachable"
        try:
            outcome = await send(delivery, sandbox.switches.webhook_timeout_ms, self._trust)
        finally:
            if sandbox.generation == generation:
                sandbox.webhook_answered(delivery.id, outcome, self.now())
        self.tick()

    def _arm(self) -> None:
        due = self.sandbox.next_due()
        if due is None or self._listener is None or (self._timer_at is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        wait = max(0, due - self.now()) / 1000
        self._timer = asyncio.get_running_loop().call_later(wait, self._fire)

    def _fire(self) -> None:
        self._timer = self._timer_at = None
        self.tick()

    # what connections ask

    def connect(self) -> Behaviour:
        """What becomes of a new connection."""
        return self.sandbox.connect(self.now())

    def kept_body_bytes(self) -> int:
        """One byte more than is allowed, so that the size check can see it."""
        return self.sandbox.switches.max_body_bytes + 1

    def receive(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request."""
        receiver = self._control if self._control.handles(path) else self.sandbox
        answer = receiver.receive(method, path, headers, body, self.now())
        due = self.sandbox.next_due()
        if due is not None and due <= self.now():
            self._send_webhooks()
        self._arm()
        return answer


async def serve(settings: Settings, on_ready: Callable[[str], None] | None = None) -> None:
    """Listen until SIGINT or SIGTERM; ``on_ready`` is told the address."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with SandboxServer(settings) as server:
        if on_ready is not None:
            on_ready(server.url)
        await stopped.wait()


def run(settings: Settings, on_ready: Callable[[str], None] | None = None) -> None:
    """Run in the foreground until a signal, on the fast loop where there is one."""
    factory = None
    if sys.platform == "linux":
        import uvloop  # noqa: PLC0415 - exists on Linux only

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(settings, on_ready))


def run_sandbox(port: int, keys: dict[str, str], on_ready: Callable[[str], None] | None = None) -> None:
    """The shortest way: a port, and a routing key for each service's name."""
    run(from_keys(keys, port=port), on_ready)
