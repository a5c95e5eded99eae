"""Noticing that a configuration or rule file changed: an editor's save, a rename, or Kubernetes' swap of a symbolic link.

By looking once a second at what the paths lead to: a few dozen ``stat`` calls, no thread, and no care for whatever else is
written in the same directory (the store may well live there, and writes thousands of times a second).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from router.clock import Clock

LOOK_SECONDS = 1.0
SUFFIXES = (".yaml", ".yml")

Look = dict[str, tuple[int, int, int]]
"""Path -> inode, size, time of the last change in ns; a file that is not there is not in it."""


def look(paths: Iterable[Path]) -> Look:
    """What stands there now: the files themselves, and of directories the YAML files. OSError: a directory cannot be listed."""
    found: Look = {}
    for path in paths:
        files = [file for file in path.iterdir() if file.name.endswith(SUFFIXES)] if path.is_dir() else [path]
        for file in files:
            try:
                status = file.stat()
            except OSError:  # gone, or a link into nothing: the next look sees what comes
                continue
            found[str(file)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


async def watch(paths: Callable[[], Iterable[Path]], on_change: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Call ``on_change`` when two looks in a row see the same new state, so never amid a save. Runs until cancelled."""
    acted_on = before = _first_look(paths())
    while True:
        await clock.sleep(LOOK_SECONDS)
        try:
            now = look(paths())
        except OSError:  # no descriptor left, or no permission for the moment: what cannot be seen has not changed
            continue
        if now != acted_on and now == before:
            acted_on = now
            await on_change()
        before = now


def _first_look(paths: Iterable[Path]) -> Look:
    try:
        return look(paths)
    except OSError:  # the files were read a moment ago; they are seen as new once they can be listed again
        return {}
