"""Starts ``alert-router`` with what a test cannot wait for: a wall clock it can step, and chores that come more often.

``python -m tests.support.launcher run --config …``. ``PROOF_CLOCK_FILE`` names a file whose text, in milliseconds, is added to
the wall clock; ``PROOF_RETIRE_SECONDS`` is the time between two runs of retention; with ``PROOF_HANG_SECONDS`` the main thread,
and so the loop, hangs for so long at each SIGUSR1. All else is the daemon as it is shipped.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import router.daemon.app
from router.cli import main
from router.clock import SystemClock


def _step_clock(path: Path) -> None:
    true_now = SystemClock.now

    def now(self: SystemClock) -> int:
        return true_now(self) + int(path.read_text() or 0)

    SystemClock.now = now  # type: ignore[method-assign]


if "PROOF_CLOCK_FILE" in os.environ:
    _step_clock(Path(os.environ["PROOF_CLOCK_FILE"]))
if "PROOF_RETIRE_SECONDS" in os.environ:
    router.daemon.app.RETIRE_SECONDS = float(os.environ["PROOF_RETIRE_SECONDS"])
if "PROOF_HANG_SECONDS" in os.environ:
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(float(os.environ["PROOF_HANG_SECONDS"])))
sys.exit(main())
