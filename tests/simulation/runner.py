"""Runs seeds, one after another or on several processors, and words what failed so that anybody can run it again."""

from __future__ import annotations

import concurrent.futures
import io
import logging
import signal
import time
import traceback
from collections.abc import Callable, Iterable

import msgspec

from router.telemetry.logs import set_up
from tests.simulation.plan import draw
from tests.simulation.trace import Violation
from tests.simulation.world import Stuck, simulate

TIMELINE_LINES = 120
PATIENCE_SECONDS = 30
"""Processor time for one seed; they take less than one."""


class Result(msgspec.Struct, frozen=True):
    """How a seed went."""

    seed: int
    failure: str
    digest: str
    seconds: float
    on: tuple[str, ...]
    lives: int
    timeline: str = ""

    def summary(self) -> str:
        """What failed, what was on, how to see it again."""
        head = f"seed {self.seed}: {self.failure or 'holds'}"
        return (
            f"{head}\n  on: {', '.join(self.on) or 'nothing'}; {self.lives} lives; {self.seconds:.2f} s\n  again: {self.again}"
        )

    @property
    def again(self) -> str:
        """The command."""
        return f"python -m tests.simulation --seed {self.seed}"


def quiet() -> None:
    """Nothing of what the router logs matters here, and it would cost half of the time."""
    set_up(log_format="json", level="error", stream=io.StringIO())
    logging.disable(logging.CRITICAL)


def _give_up(_number: int, _frame: object) -> None:
    raise Stuck(f"no end after {PATIENCE_SECONDS} s of processor time: something turns without time passing")


def run_seed(seed: int, *, keep_timeline: bool = False, about: str = "") -> Result:
    """One seed."""
    quiet()
    signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_SECONDS)
    began = time.perf_counter()
    world = simulate(seed)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds = time.perf_counter() - began
    failure, error = "", world.failure
    if error is not None:
        failure = str(error) if isinstance(error, Violation) else "".join(traceback.format_exception(error))
    show = failure or keep_timeline
    return Result(
        seed=seed,
        failure=failure,
        digest=world.trace.digest(),
        seconds=seconds,
        on=tuple(sorted(draw(seed).on)),
        lives=world.lives,
        timeline=world.trace.show(newest=None if keep_timeline else TIMELINE_LINES, about=about) if show else "",
    )


def run_seeds(seeds: Iterable[int], *, workers: int, report: Callable[[str], object] = lambda _: None) -> list[Result]:
    """Those that failed, each reported as it is found."""
    failures = []
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        for result in pool.map(run_seed, seeds, chunksize=4):
            if result.failure:
                failures.append(result)
                report(f"{result.timeline}\n{result.summary()}\n")
    return failures
