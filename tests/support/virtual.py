"""The shipped doubles of virtual time under the names the dispatcher's tests use."""

from __future__ import annotations

from router.testing.virtual import START, VirtualLoop, run_virtual
from router.testing.virtual import ManualClock as LoopClock

__all__ = ["START", "LoopClock", "VirtualLoop", "run_virtual"]
