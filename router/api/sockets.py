"""The sockets the server listens on: bound here, or handed over by systemd. All are non-blocking and listening."""

from __future__ import annotations

import socket
import stat
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

UNIX_MODE = 0o660
"""The owner and the group may connect, nobody else."""
BACKLOG = 2048
_FIRST_HANDED_OVER = 3  # after standard input, output and error: sd_listen_fds(3)


def bind_tcp(host: str, port: int) -> list[socket.socket]:
    """One socket for each address the name has. OSError says which address could not be had, and why."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
            bound.listen(BACKLOG)
            bound.settimeout(0)
    except OSError as error:
        for bound in sockets:
            bound.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sockets


def bind_unix(path: Path) -> socket.socket:
    """A unix socket with mode 0660. One left behind by a dead process is replaced; one somebody listens on is an OSError."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(f"cannot listen on {path}: it is there and is no socket")
        if _is_listened_on(path):
            raise OSError(f"cannot listen on {path}: another process does already")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(UNIX_MODE)  # before listening: until then nobody can connect
        bound.listen(BACKLOG)
        bound.settimeout(0)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {path}: {error.strerror}") from error
    return bound


def take_handed_over(environment: MutableMapping[str, str], process_id: int) -> list[socket.socket]:
    """The sockets systemd (or whoever keeps its protocol) started us with; the variables are removed, children get none.

    Empty if there are none for this process. OSError if one of them is not a listening stream socket.
    """
    count = environment.pop("LISTEN_FDS", "")
    meant_for = environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if not count.isdigit() or meant_for != str(process_id):
        return []
    sockets = []
    for number in range(_FIRST_HANDED_OVER, _FIRST_HANDED_OVER + int(count)):
        taken = socket.socket(fileno=number)
        taken.set_inheritable(False)
        if taken.type != socket.SOCK_STREAM or not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(f"the socket handed over as file {number} is no listening stream socket (Accept=no, ListenStream=)")
        taken.settimeout(0)
        sockets.append(taken)
    return sockets


def _is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True
