"""One writer per database: an advisory lock on a file of its own beside it, let go by the system when the process ends.

The lock file is never deleted: between a deletion and the next lock two processes could each hold "the" lock.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from router.errors import StoreUnusable


class LockHeld(StoreUnusable):
    """Another process has it."""


class LockFile:
    """Held from construction to ``release``."""

    def __init__(self, database: Path) -> None:
        """Take the lock or raise StoreUnusable, naming the process that has it."""
        path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(
                f"{path} cannot be created ({error.strerror}); let the router's user write to {path.parent}"
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise LockHeld(
                f"{database} is in use by another router (process {holder}); stop that one or give this one a file of its own"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._descriptor)
