"""``python -m tests.simulation``: any number of seeds on all processors, or one seed with its timeline."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.plan import KINDS, LATER_KINDS
from tests.simulation.runner import run_seed, run_seeds


def main() -> int:
    """Exit code 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--seed", type=int, help="only this one, with its timeline")
    parser.add_argument(
        "--also", action="append", default=[], choices=KINDS + LATER_KINDS, help="trouble besides what a seed draws"
    )
    parser.add_argument("--about", default="", help="with --seed: only lines of the timeline that speak of this")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a processor)")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        result = run_seed(chosen.seed, also=chosen.also, keep_timeline=True, about=chosen.about)
        print(result.timeline)
        print(result.summary())
        return 1 if result.failure else 0
    began = time.monotonic()
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    failures = run_seeds(seeds, workers=chosen.workers, also=chosen.also, report=print)
    seconds = time.monotonic() - began
    print(f"{chosen.seeds} seeds in {seconds:.1f} s ({chosen.seeds / seconds:.1f} a second), {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
