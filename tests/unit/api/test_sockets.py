from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from router.api.sockets import bind_tcp, bind_unix, take_handed_over


def test_a_tcp_port() -> None:
    (bound,) = bind_tcp("127.0.0.1", 0)
    with bound, socket.create_connection(bound.getsockname()):
        assert bound.getblocking() is False


def test_a_port_that_is_taken_is_named() -> None:
    (bound,) = bind_tcp("127.0.0.1", 0)
    port = bound.getsockname()[1]
    with bound, pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
        bind_tcp("127.0.0.1", port)


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 256\.1\.1\.1:0"):
        bind_tcp("256.1.1.1", 0)


def test_a_unix_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with bind_unix(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with pytest.raises(OSError, match="another process does already"):
            bind_unix(path)
    with bind_unix(path), socket.socket(socket.AF_UNIX) as client:  # what a dead process left behind is replaced
        client.connect(str(path))


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="is no socket"):
        bind_unix(path)
    assert path.read_text() == "data"


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        bind_unix(tmp_path / "nowhere" / "http.sock")


CHILD = """
import os, sys
from router.api.sockets import take_handed_over
os.environ["LISTEN_PID"] = sys.argv[1].replace("me", str(os.getpid()))
try:
    taken = take_handed_over(os.environ, os.getpid())
except OSError as error:
    print("refused:", error)
else:
    print(len(taken), *(one.getsockname()[1] for one in taken), *(os.get_inheritable(one.fileno()) for one in taken))
print([name for name in os.environ if name.startswith("LISTEN_")])
"""


def hand_over(handed: list[socket.socket], meant_for: str = "me", count: str | None = None) -> list[str]:
    """What a child says that was started with these sockets as files 3, 4, …"""
    numbers = [3 + index for index in range(len(handed))]
    moves = " ".join(f"{number}<&{one.fileno()}" for number, one in zip(numbers, handed, strict=True))
    for one in handed:
        one.set_inheritable(True)
    done = subprocess.run(
        ["bash", "-c", f'exec "$@" {moves}', "bash", sys.executable, "-c", CHILD, meant_for],
        env=os.environ | {"LISTEN_FDS": count or str(len(handed)), "LISTEN_FDNAMES": "http"},
        pass_fds=[one.fileno() for one in handed],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    return done.stdout.splitlines()


def spare(sockets: list[socket.socket]) -> list[socket.socket]:
    """The same sockets under file numbers that are not in the way of 3 and 4."""
    moved = []
    for one in sockets:
        moved.append(socket.socket(fileno=os.dup2(one.fileno(), 60 + len(moved))))
        one.close()
    return moved


def test_sockets_handed_over() -> None:
    handed = spare([*bind_tcp("127.0.0.1", 0), *bind_tcp("127.0.0.1", 0)])
    ports = [one.getsockname()[1] for one in handed]
    assert hand_over(handed) == [f"2 {ports[0]} {ports[1]} False False", "[]"]
    for one in handed:
        one.close()


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    (handed,) = spare(bind_tcp("127.0.0.1", 0))
    assert hand_over([handed], meant_for="1") == ["0", "[]"]
    handed.close()


def test_a_socket_of_another_kind_is_refused() -> None:
    (handed,) = spare([socket.socket(socket.AF_INET, socket.SOCK_DGRAM)])
    first, _ = hand_over([handed])
    assert first.startswith("refused: the socket handed over as file 3 is no listening stream socket")
    handed.close()


def test_nothing_handed_over() -> None:
    assert take_handed_over({}, 1) == []
    assert take_handed_over({"LISTEN_FDS": "x", "LISTEN_PID": "1"}, 1) == []
