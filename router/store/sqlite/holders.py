"""Which other processes have a database open, as far as this user may see: for people who have to end one.

Must never do: fail, for what can be seen of other processes changes while one looks.
"""

from __future__ import annotations

import os
from pathlib import Path

PROCESSES = Path("/proc")
MAX_HOLDERS = 5


def find_holders(path: Path, processes: Path = PROCESSES) -> list[str]:
    """As ``sqlite3 (pid 4711)``, at most MAX_HOLDERS, without ourselves; empty where that cannot be seen."""
    wanted = {f"{path.resolve()}{ending}" for ending in ("", "-wal", "-shm")}
    found = []
    for pid in sorted((name for name in _names_in(processes) if name.isdigit() and int(name) != os.getpid()), key=int):
        descriptors = processes / pid / "fd"
        if any(_target_of(descriptors / name) in wanted for name in _names_in(descriptors)):
            found.append(f"{_command_of(processes / pid)} (pid {pid})")
            if len(found) == MAX_HOLDERS:
                break
    return found


def _names_in(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except OSError:
        return []


def _target_of(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _command_of(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"
