"""How much room is left, and whether new alerts are still taken.

Commits and records go on below the reserve: what is held must be delivered. Looked at no more than once a second, from
the event loop (a ``statvfs`` is microseconds); the writer thread adds what SQLite says about its pages.
"""

from __future__ import annotations

import os
from pathlib import Path

from router.clock import Clock
from router.store.settings import MIB, StoreSettings

_LOOK_SECONDS = 1.0


class Space:
    """The disk under one database."""

    def __init__(self, path: Path, settings: StoreSettings, clock: Clock) -> None:
        """Nothing is known before the first look."""
        self._path = path
        self._settings = settings
        self._clock = clock
        self._looked_at = float("-inf")
        self._full_until = float("-inf")
        self._refusing = ""
        self.bytes_used = 0  # pages that hold something
        self.bytes_reusable = 0  # free pages inside the file: SQLite fills these first
        self.bytes_free = 0

    def refusal(self) -> str:
        """Why new alerts are refused now; empty if they are taken."""
        now = self._clock.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._look()
            if not self._refusing and now < self._full_until:
                self._refusing = (
                    f"{self._path}: the disk refused the last write for want of space; free some, the router tries again"
                )
        return self._refusing

    def found_full(self) -> None:
        """SQLite ran out of room whatever the figures say: refuse at once, for as long as one look lasts."""
        self._full_until = self._clock.monotonic() + _LOOK_SECONDS
        self._looked_at = float("-inf")

    def _look(self) -> None:
        settings = self._settings
        try:
            disk = os.statvfs(self._path.parent)
        except OSError as error:
            self._refusing = f"{self._path}: its disk cannot be looked at ({error.strerror}); see what became of the directory"
            return
        self.bytes_free = disk.f_bavail * disk.f_frsize
        # The write-ahead log needs real room even when the pages themselves are reused: a quarter of the reserve is for it.
        if self.bytes_free < settings.min_free_bytes // 4 or self.bytes_free + self.bytes_reusable < settings.min_free_bytes:
            self._refusing = (
                f"{self._path}: {self.bytes_free // MIB} MiB are free on its disk, under the reserve of "
                f"{settings.min_free_bytes // MIB} MiB kept for delivering what is held; free space or shorten retention"
            )
        elif settings.max_bytes and self.bytes_used > settings.max_bytes:
            self._refusing = (
                f"{self._path}: the store holds {self.bytes_used // MIB} MiB, above its limit of "
                f"{settings.max_bytes // MIB} MiB; shorten retention or raise the limit"
            )
        else:
            self._refusing = ""
