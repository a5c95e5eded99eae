"""What the demo prepares, and what it says when a part does not come up; that it works is tested end to end."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from router.cli import demo as module
from router.daemon.loading import load

KEYS = {"payments": "a1" * 16, "data": "b2" * 16, "platform": "c3" * 16}


def test_its_configuration_and_rules_are_good_and_its_keys_its_own(tmp_path: Path) -> None:
    config = module._prepare(tmp_path / "demo", 19_095, 18_080, KEYS)
    loaded = load(config, environ={})
    assert {str(address) for address in loaded.settings.listen} == {"127.0.0.1:19095"}
    assert loaded.settings.pagerduty.events_url == "http://127.0.0.1:18080"
    assert len(loaded.ruleset.rules) > 5
    assert loaded.warnings == ()
    for name, key in KEYS.items():
        file = tmp_path / "demo" / "keys" / f"{name}.key"
        assert file.read_text().strip() == key
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert loaded.settings.secrets.resolve(loaded.settings.teams[name].routing_key).reveal() == key


def test_what_somebody_edited_is_kept(tmp_path: Path) -> None:
    module._prepare(tmp_path, 1, 2, KEYS)
    edited = min((tmp_path / "rules").glob("*.yaml"))
    edited.write_text("rules: []\n")
    module._prepare(tmp_path, 1, 2, KEYS)
    assert edited.read_text() == "rules: []\n"


def test_a_part_that_ends_at_once_is_named_with_its_exit_code(capsys) -> None:
    part = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    part.wait()
    with pytest.raises(SystemExit):
        module._wait(part, "http://127.0.0.1:1/")
    assert "http://127.0.0.1:1/ did not come up (exit code 3)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([None, -9], "the router was ended by SIGKILL"),
        ([1, None], "the sandbox ended with exit code 1"),
        ([0, 1], "the sandbox"),
    ],
)
def test_which_part_ended_and_how_is_said(codes: list[int | None], said: str, capsys) -> None:
    with pytest.raises(SystemExit):
        module._tell_end(("the sandbox", "the router"), codes)
    assert said in capsys.readouterr().err


def test_a_part_that_never_answers_is_given_up(monkeypatch, capsys) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.2)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        part = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        try:
            with pytest.raises(SystemExit):
                module._wait(part, url)
        finally:
            part.kill()
            part.wait()
    assert f"{url} did not come up within" in capsys.readouterr().err


def test_a_port_where_something_answers_already_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "router", "demo", "--directory", str(tmp_path / "demo"), "--router-port", port]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            other = str(free.getsockname()[1])
        done = subprocess.run([*command, "--sandbox-port", other], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--router-port" in done.stderr
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


def test_paths_are_short_where_they_can_be(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert module._short(tmp_path / "a" / "b") == "a/b"
    assert module._short(Path("/elsewhere/b")) == "/elsewhere/b"
