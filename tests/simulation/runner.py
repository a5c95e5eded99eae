"""Runs seeds, one after another or on several processors, and words what failed so that anybody can run it again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import io
import logging
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator

import msgspec
import structlog

from tests.simulation.plan import draw
from tests.simulation.planted import Planted
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
    also: tuple[str, ...]
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
        also = "".join(f" --also {kind}" for kind in self.also)
        return f"python -m tests.simulation --seed {self.seed}{also}"


@contextlib.contextmanager
def _quiet_and_bounded() -> Iterator[None]:
    """Nothing of what the router logs matters here, and it would cost half of the time; a seed that does not end is stopped."""

    def give_up(_number: int, _frame: object) -> None:
        raise Stuck(f"no end after {PATIENCE_SECONDS} s of processor time: something turns without time passing")

    nowhere = structlog.PrintLoggerFactory(io.StringIO())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), logger_factory=nowhere)
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        logging.disable(level)


def run_seed(seed: int, *, also: Iterable[str] = (), keep_timeline: bool = False, about: str = "") -> Result:
    """One seed; ``also``: kinds of trouble that are on besides those it draws."""
    plan = draw(seed)
    plan = msgspec.structs.replace(plan, on=plan.on | frozenset(also))
    began = time.perf_counter()
    with _quiet_and_bounded():
        world = simulate(seed, plan)
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
        on=tuple(sorted(plan.on)),
        also=tuple(also),
        lives=world.lives,
        timeline=world.trace.show(newest=None if keep_timeline else TIMELINE_LINES, about=about) if show else "",
    )


def find(planted: Planted) -> Result | None:
    """The first seed that catches a planted mistake, beginning with the one that did it last time; None: it gets through."""
    for seed in (planted.first, *range(planted.within)):
        with planted.plant():
            result = run_seed(seed, also=planted.also)
        if result.failure:
            return result
    return None


def run_seeds(
    seeds: Iterable[int],
    *,
    workers: int,
    also: Iterable[str] = (),
    report: Callable[[str], object] = lambda _: None,
    keep: bool = False,
) -> list[Result]:
    """Those that failed, each reported as it is found; with ``keep`` all of them."""
    run = functools.partial(run_seed, also=tuple(also))
    kept = []
    # Fresh processes: a copy of this one would have its threads' locks, and whatever tests left in it.
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(run, seeds, chunksize=4):
            if result.failure or keep:
                kept.append(result)
            if result.failure:
                report(f"{result.timeline}\n{result.summary()}\n")
    return kept
