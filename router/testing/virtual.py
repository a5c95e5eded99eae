"""Virtual time: an event loop that never waits but jumps to its next timer, and the clock that goes with it.

The real loop, tasks, locks and timeouts run; only the waiting is left out, so that an hour takes milliseconds and the same
seed gives the same run. Keeps these invariants: time moves only when nothing is ready to run; a loop that has nothing left to
wait for raises instead of hanging; work for a thread is done at once, on the spot. Must never do: read the machine's clock.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

START = 1_790_000_000_000
"""Where wall-clock time begins unless said: in September 2026, in ms UTC."""


class Deadlock(RuntimeError):
    """Every task waits for another one: nothing will ever happen again."""


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the system only what is ready now, and moves the time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Deadlock("everything waits, and nothing will ever happen")
            self.seconds += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual and begins at 0."""

    def __init__(self) -> None:
        """At the beginning of time."""
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.seconds

    def run_in_executor(  # type: ignore[override]  # narrower: no thread takes part, so there is nothing to choose
        self, _executor: object, function: Callable[..., Result], *arguments: Any
    ) -> asyncio.Future[Result]:
        """Do it now, in this thread: a thread of its own would run in real time and end at a moment nobody controls."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 -- the future carries it to whoever waits, as an executor's would
            future.set_exception(error)
        return future


class ManualClock:
    """The running loop's time as a ``Clock``. ``step_ms`` moves the wall clock alone, as an administrator or NTP may."""

    def __init__(self, start: int = START) -> None:
        """``start``: what the wall clock shows when the loop's time is 0, in ms UTC. Made on the loop it is to follow."""
        self._start = start
        self._loop = asyncio.get_running_loop()

    def now(self) -> int:
        """Wall-clock time in milliseconds UTC."""
        return self._start + round(self._loop.time() * 1000)

    def monotonic(self) -> float:
        """The loop's seconds; no step moves them."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    def step_ms(self, milliseconds: int) -> None:
        """Set the wall clock forward, or back if negative."""
        self._start += milliseconds


def run_virtual(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run it to its end on a loop of its own; Deadlock if it can never end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
