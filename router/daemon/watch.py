"""Noticing that a configuration or rule file changed: an editor's save, a rename, or Kubernetes' swap of a symbolic link.

Directories are watched, not files: a watch on a file is lost with its first atomic save.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from watchfiles import Change, awatch

_SETTLE_MS = 300
_SUFFIXES = (".yaml", ".yml", ".key", ".pem", ".crt")
_KUBERNETES_LINK = "..data"


def _concerns(_change: Change, path: str) -> bool:
    name = Path(path).name
    return name.endswith(_SUFFIXES) or name == _KUBERNETES_LINK


def directories_of(paths: Iterable[Path]) -> list[Path]:
    """The existing directories to watch for these files and directories, each once."""
    found = {path if path.is_dir() else path.parent for path in paths}
    return sorted(directory for directory in found if directory.is_dir())


async def watch(paths: Iterable[Path], on_change: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Call ``on_change`` once per burst of changes until ``stop`` is set; without directories, just wait."""
    directories = directories_of(paths)
    if not directories:
        await stop.wait()
        return
    async for _ in awatch(*directories, watch_filter=_concerns, stop_event=stop, debounce=_SETTLE_MS, recursive=False):
        await on_change()
