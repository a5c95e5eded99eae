"""The foreground daemon's last words when it cannot begin; how it lives and stops is tested in the end-to-end tests."""

from __future__ import annotations

import gc
import json
import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from router.cli.run import leaves, run_daemon
from tests.support.daemon import free_port
from tests.support.parts import ENVIRON, write_files


@pytest.fixture(autouse=True)
def _own_log_and_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    # The daemon ends with its signals blocked and a calm collector; the tests after this one, and their children, want neither.
    blocked, threshold = signal.pthread_sigmask(signal.SIG_BLOCK, ()), gc.get_threshold()
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    gc.set_threshold(*threshold)
    gc.unfreeze()
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_broken_configuration_prints_every_mistake(tmp_path: Path, capfd) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("default_team: a\nteems: {}\n")
    with pytest.raises(SystemExit) as ended:
        run_daemon(path)
    assert ended.value.code == 1
    told = capfd.readouterr().err
    assert f"{path}:2:1: error [unknown-key]" in told
    assert "alert-router check" in told


@pytest.mark.parametrize("trouble", ["rules", "port", "store", "certificate"])
def test_what_keeps_it_from_beginning_is_one_line_and_exit_1(tmp_path: Path, capfd, trouble: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}" if trouble == "port" else f"127.0.0.1:{free_port()}"
        changes = {}
        if trouble == "certificate":
            for name in ("a.crt", "a.key"):
                (tmp_path / name).write_text("none")
            changes["tls"] = {"cert": "a.crt", "key": "a.key"}
        rules = "rules: [{id: x, mach: {}}]\n" if trouble == "rules" else "rules: []\n"
        path = write_files(tmp_path, "http://127.0.0.1:1", rules, listen=listen, **changes)
        if trouble == "store":
            (tmp_path / "data").mkdir()
            (tmp_path / "data/alert-router.db").write_bytes(b"")
        assert run_daemon(path, log_format="json") == 1
    told = [line for line in lines(capfd.readouterr().err) if line["level"] == "critical"]
    assert [line["event"] for line in told] == ["cannot_run"]
    word = {"rules": "rules/a.yaml:1:17", "port": "cannot listen", "store": "is empty", "certificate": "a.crt"}[trouble]
    assert word in told[0]["cause"]


def test_the_single_errors_of_a_group_of_groups() -> None:
    one, two, three = ValueError("1"), OSError("2"), KeyError("3")
    assert leaves(one) == [one]
    assert leaves(ExceptionGroup("a", [one, ExceptionGroup("b", [two, three])])) == [one, two, three]
