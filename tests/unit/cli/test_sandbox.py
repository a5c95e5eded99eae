from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from router.cli.sandbox import sandbox

KEY = "a1" * 16


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sandbox, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "payments"], "expected NAME=KEY"),
        (["--key", f"={KEY}"], "expected NAME=KEY"),
        (["--key", "a=short"], "32 letters and digits"),
        (["--key", "a=" + "ä" * 32], "32 letters and digits"),
        (["--key", f"a={KEY}", "--key", "a=" + "b2" * 16], "two services named 'a'"),
        (["--port", "65536"], "65536"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_one_key_for_two_services_is_explained() -> None:
    result = run("--port", "0", "--key", f"a={KEY}", "--key", f"b={KEY}")
    assert result.exit_code == 1
    assert "given twice" in result.output
    assert KEY not in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"host": "0.0.0.0"}', "loopback only"),
        (b'{"hots": "127.0.0.1"}', "unknown field `hots`"),
        (b'{"services": [{"name": "a", "keys": ["short"]}]}', "$.services"),
        (b'{"services": [{"name": "a", "escalation_policy": "gone"}]}', "unknown escalation policy 'gone'"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'{"tls_certificate": "/nowhere.pem"}', "No such file"),
    ],
)
def test_mistakes_in_a_file_of_settings_name_the_file(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "sandbox.json"
    path.write_bytes(text)
    result = run("--settings", str(path), "--port", "0")
    assert result.exit_code == 1
    assert str(path) in result.output
    assert said in result.output


def test_keys_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text("{}")
    assert run("--settings", str(path), "--key", f"a={KEY}").exit_code == 2


def test_it_says_where_it_is_and_ends_on_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text(json.dumps({"services": [{"name": "a", "keys": [KEY]}], "port": 1}))
    command = [sys.executable, "-m", "router", "sandbox", "--settings", str(path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        url = told.partition("incidents at ")[2].split()[0]
        with urllib.request.urlopen(url, timeout=10) as page:
            assert page.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "choose another --port" in result.output
