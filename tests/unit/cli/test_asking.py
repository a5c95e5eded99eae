"""What is asked of a daemon and what is made of its answer; the real daemon is asked in the end-to-end tests."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.cli.asking import ask_daemon
from tests.support.place import Place


@contextlib.contextmanager
def answering(listening: socket.socket, answer: bytes) -> Iterator[list[bytes]]:
    """A peer that answers one request with these bytes; what it was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            request = connection.recv(65_536)
            length = re.search(rb"(?i)content-length: (\d+)", request)
            while length and len(request.partition(b"\r\n\r\n")[2]) < int(length[1]):
                request += connection.recv(65_536)
            asked.append(request)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    with listening:
        yield asked
        thread.join()


def tcp() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def test_the_answer_is_handed_on_and_the_token_shown(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ALERT_ROUTER_TOKEN", "tok-5e5e5e5e5e5e5e5e")
    listening = tcp()
    place = Place(tmp_path, listen=f"127.0.0.1:{listening.getsockname()[1]}")
    with answering(listening, http("200 OK", '{"result":"retried"}')) as asked:
        assert ask_daemon(place.config, "POST", "/v1/deliveries/12/retry") == '{"result":"retried"}'
    assert asked[0].startswith(b"POST /v1/deliveries/12/retry HTTP/1.1\r\n")
    assert b"authorization: bearer tok-5e5e5e5e5e5e5e5e" in asked[0].lower()


def test_a_unix_socket_is_asked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("ALERT_ROUTER_TOKEN", raising=False)
    path = Path(f"/tmp/ar-ask-{os.getpid()}.sock")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    try:
        with answering(listening, http("200 OK", "yes")) as asked:
            assert ask_daemon(Place(tmp_path, listen=f"unix:{path}").config, "GET", "/x") == "yes"
        assert b"bearer" not in asked[0].lower()
        assert b"authorization: local " in asked[0].lower()
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http("401 Unauthorized", "a bearer token is needed"), "ALERT_ROUTER_TOKEN"),
        (http("403 Forbidden", "no scope"), "scope write"),
        (http("409 Conflict", "delivery 1 is delivered"), "delivery 1 is delivered"),
        (http("409 Conflict", '{"error":"incident 4 is closed already"}'), "answers 409: incident 4 is closed already\n"),
        (http("400 Bad Request", '{"error":"no","at":"body.x"}'), '"at":"body.x"'),
        (
            http("400 Bad Request", '{"error":"alert 0: bad","accepted":0,"refused":[{"index":0}]}'),
            "answers 400: alert 0: bad\n",
        ),
        (http("400 Bad Request", "[1]"), "answers 400: [1]\n"),
        (b"not HTTP at all\r\n\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_a_no_is_said_with_what_to_do(tmp_path: Path, capsys, answer: bytes, said: str) -> None:
    listening = tcp()
    place = Place(tmp_path, listen=f"127.0.0.1:{listening.getsockname()[1]}")
    with answering(listening, answer), pytest.raises(SystemExit) as ended:
        ask_daemon(place.config, "POST", "/v1/deliveries/1/retry")
    assert ended.value.code == 1
    assert said in capsys.readouterr().err


def test_nobody_listens(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        ask_daemon(Place(tmp_path).config, "GET", "/")
    assert "is it running with this configuration?" in capsys.readouterr().err


def test_an_address_for_all_is_asked_here(tmp_path: Path) -> None:
    listening = tcp()
    place = Place(tmp_path, listen=f"0.0.0.0:{listening.getsockname()[1]}")
    with answering(listening, http("200 OK", "yes")):
        assert ask_daemon(place.config, "GET", "/") == "yes"


def test_only_a_socket_of_systemd_cannot_be_found(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        ask_daemon(Place(tmp_path, listen="systemd").config, "GET", "/")
    assert "add an address" in capsys.readouterr().err
