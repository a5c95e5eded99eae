"""Virtual time: an event loop that never waits but jumps to its next timer, and the clock that goes with it.

The real loop, tasks and timeouts run; only the waiting is left out, so an hour takes milliseconds and the same seed gives the
same run. A loop that has nothing to wait for any more raises instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

START = 1_790_000_000_000


class _JumpingSelector(selectors.DefaultSelector):
    """Asks the system only what is ready now, and moves the time instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits, and nothing will ever happen")
            self.seconds += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual and begins at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.seconds


class LoopClock:
    """The running loop's time as a ``Clock``; ``step_ms`` moves the wall clock alone, as an administrator might."""

    def __init__(self, start: int = START) -> None:
        self._start = start
        self._loop = asyncio.get_running_loop()

    def now(self) -> int:
        return self._start + round(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def step_ms(self, milliseconds: int) -> None:
        self._start += milliseconds


def run_virtual(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
