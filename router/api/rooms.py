"""A room to read in: one thread and one reader, so that no question holds up the doors.

Must never do: let more wait than it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from router.api.exchange import Refused
from router.errors import StoreError


class Closable(Protocol):
    """Holds a file or connection."""

    def close(self) -> None:
        """Let go of it."""
        ...


ReaderT = TypeVar("ReaderT", bound=Closable)
Value = TypeVar("Value")


class Room(Generic[ReaderT]):
    """Questions queue in it, at most ``MAX_QUESTIONS``."""

    MAX_QUESTIONS = 64

    def __init__(self, open_reader: Callable[[], ReaderT]) -> None:
        """``open_reader`` is called at the first question, in the thread, and again if it failed."""
        self._open_reader = open_reader
        self._reader: ReaderT | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading")
        self._asking = 0

    async def ask(self, question: Callable[[ReaderT], Value]) -> Value:
        """The answer; Refused with 503 when too many ask or the store does not answer."""
        if self._asking >= self.MAX_QUESTIONS:
            raise Refused(503, "too many questions at once", ((b"retry-after", b"1"),))
        self._asking += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._answer, question)
        except StoreError as error:
            raise Refused(503, f"the store does not answer: {error}", ((b"retry-after", b"5"),)) from error
        finally:
            self._asking -= 1

    def _answer(self, question: Callable[[ReaderT], Value]) -> Value:
        if self._reader is None:
            self._reader = self._open_reader()
        return question(self._reader)

    async def close(self) -> None:
        """Finish what was asked, close the reader, end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=True)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
