"""One life of the daemon: the real composition root, with the machine below it exchanged.

Exchanged are only the store's driver (memory instead of SQLite), the sockets (requests are handed to the API), the wire to
PagerDuty, and the scheduler of chores, which reads the machine's clock. Everything else is what runs in production, with
configuration and rule files on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.api.application import Api
from router.api.auth import Peer
from router.api.exchange import Answer, Request
from router.channels import calling
from router.clock import Clock
from router.daemon import app, paging, wiring
from router.daemon.app import Daemon
from router.daemon.serving import Doorway
from router.daemon.starting import load_first
from router.daemon.systemd import Notifier
from router.store.settings import StoreSettings
from router.telemetry.logs import Redactor
from tests.simulation import chat, following
from tests.simulation.network import SimulatedPoster
from tests.simulation.plan import stream
from tests.simulation.rulebook import ENVIRONMENT

if TYPE_CHECKING:
    from tests.simulation.world import World

_HEADERS = {b"content-type": b"application/json"}
_PEER = Peer(host="127.0.0.1")


class ConnectionLost(Exception):
    """Refused, or closed before the answer: the sender cannot know whether it was taken."""


class SimulatedDoorway(Doorway):
    """The real API behind no socket."""

    _tasks: asyncio.TaskGroup | None = None
    _answering = 0

    @property
    def addresses(self) -> list[str]:
        """Nowhere."""
        return ["simulated"]

    async def open(self, tasks: asyncio.TaskGroup) -> None:
        """Take requests from now on; they are tasks of the daemon's tree, as connections are."""
        self._tasks = tasks
        self._state = ""

    async def close(self, grace_seconds: float) -> None:
        """No more requests; those under way are finished within the grace."""
        self._tasks, self._state = None, "stopping"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                while self._answering:
                    await asyncio.sleep(0.01)

    def ask(
        self,
        path: str,
        body: bytes,
        answered: Callable[[int, int], None],
        clock: Clock,
        more: Mapping[bytes, bytes] | None = None,
        method: str = "POST",
    ) -> asyncio.Future[Answer]:
        """A request; ``answered`` is told the status the moment the answer is made, and when the request was read.

        ConnectionLost if there is no answer.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        if self._tasks is None:
            future.set_exception(ConnectionLost("refused"))
            return future
        api: Api = self._server.api
        headers = {**_HEADERS, **(more or {})}
        found = api.admit(method, path, headers, _PEER)
        assert not isinstance(found, Answer), found

        async def serve() -> None:
            self._answering += 1
            asked_at = clock.now()
            try:
                answer = await api.answer(found, Request(method=method, path=path, headers=headers, body=body))
                answered(answer.status, asked_at)
                if not future.done():
                    future.set_result(answer)
            finally:
                self._answering -= 1

        def lost(task: asyncio.Task[None]) -> None:
            if not future.done():
                future.set_exception(ConnectionLost("closed"))
            future.exception()  # looked at: nobody may be waiting any more

        task = self._tasks.create_task(serve(), name="request")
        task.add_done_callback(lost)
        return future


class SimulatedChores:
    """Fits ``router.daemon.chores.Chores``: the same promise (one run at a time, failures are logged), by virtual timers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chores: list[tuple[float, str, Callable[[], Awaitable[None]]]] = []
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self._running: set[asyncio.Task[None]] = set()

    def every(self, seconds: float, name: str, chore: Callable[[], Awaitable[None]]) -> None:
        """Add a chore."""
        self._chores.append((seconds, name, chore))

    def start(self) -> None:
        """Begin."""
        for chore in self._chores:
            self._plan(*chore)

    def _plan(self, seconds: float, name: str, chore: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()

        async def run() -> None:
            try:
                await chore()
            except Exception as error:  # noqa: BLE001 - as the real ones do
                self._world.note("chore_failed", name, type(error).__name__)
            self._plan(seconds, name, chore)

        def begin() -> None:
            task = loop.create_task(run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._handles[name] = loop.call_later(max(seconds, self._world.shortest_chore_seconds), begin)

    def stop(self) -> None:
        """No further runs."""
        for handle in self._handles.values():
            handle.cancel()

    def kill(self) -> None:
        """The process has died: what runs ends in the middle."""
        self.stop()
        for task in list(self._running):
            task.cancel()


class Life:
    """From a start to a stop or a crash."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.is_alive = True
        self.began_at = world.true_now()
        self.doorway: SimulatedDoorway | None = None
        self.chores: SimulatedChores | None = None
        self.daemon: Daemon | None = None

    async def run(self) -> None:
        """Until stopped; raises what the daemon raises."""
        world = self.world
        config_path = world.folder / "config.yaml"
        environment = ENVIRONMENT | {"HOOK": world.webhook_secret}
        with self._exchanged():
            self.daemon = Daemon(
                config_path=config_path,
                first=load_first(config_path, environment),
                environ=environment,
                clock=world.clock,
                chance=stream(world.plan.seed, f"daemon {self.number}"),
                notifier=Notifier({}, process_id=1),
                redactor=Redactor(),
            )
            await self.daemon.run()

    @contextlib.contextmanager
    def _exchanged(self) -> Iterator[None]:
        """While this life lasts. There is one life at a time in a world, and one world at a time in a process."""
        with (
            replaced(app, "SqliteStore", self._open_store),
            replaced(app, "Doorway", self._make_doorway),
            replaced(app, "Chores", self._make_chores),
            replaced(wiring, "open_poster", self._make_poster),
            replaced(paging, "open_transport", self._make_rest),
            replaced(calling, "open_poster", self._make_room_poster),
        ):
            yield

    def _open_store(self, _path: Path, *, clock: object, settings: StoreSettings) -> Any:
        return self.world.disk.mount(settings)

    def _make_doorway(self, **parts: Any) -> SimulatedDoorway:
        self.doorway = SimulatedDoorway(**parts)
        return self.doorway

    def _make_chores(self) -> SimulatedChores:
        self.chores = SimulatedChores(self.world)
        return self.chores

    def _make_room_poster(self, _origin: object, **_settings: object) -> Any:
        return chat.RoomPoster(self.world, self)

    def _make_rest(self, _url: str, **_settings: object) -> Any:
        return following.SimulatedRest(self.world, self)

    def _make_poster(self, _origin: object, **_settings: object) -> Any:
        return SimulatedPoster(self.world, self)


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """An attribute exchanged for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
