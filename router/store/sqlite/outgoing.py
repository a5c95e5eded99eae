"""What the event loop has for the writer thread, handed over once a turn of the loop.

Waking a thread and being woken by it costs more than a row, so requests that arrive together reach the writer together and
share one transaction. What nobody waits for (decisions that send nothing) rides along with the next thing somebody waits for,
or goes alone after a few milliseconds. Order is kept. Must never do: keep anything back for longer than that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.store.sqlite.work import Call, Grouped

PATIENCE_SECONDS = 0.005
"""How long what is patient waits for company: about ten transactions."""


class Outgoing:
    """One per open store, on its loop. Bounded by what is given: each caller waits for its own piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hand_over: Callable[[list[Grouped | Call]], None]) -> None:
        """``hand_over`` gets the pieces in the order they were given."""
        self._loop = loop
        self._hand_over = hand_over
        self._works: list[Grouped | Call] = []
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None

    def put(self, work: Grouped | Call, *, is_patient: bool = False) -> None:
        """Goes with everything else of this turn; ``is_patient``: or of one of the next."""
        self._works.append(work)
        if self._is_due:
            return
        if not is_patient:
            self._is_due = True
            self._loop.call_soon(self._flush)
        elif self._timer is None:
            self._timer = self._loop.call_later(PATIENCE_SECONDS, self._flush)

    def _flush(self) -> None:
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        works, self._works = self._works, []
        if works:
            self._hand_over(works)
