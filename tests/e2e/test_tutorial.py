"""Every file and every command of the tutorial on rules, in order, as a newcomer would type them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-rule.md"
_BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([a-z./]+\.yaml)`")
_RUNS_ON = ("alert-router sandbox", "alert-router run")
SAID = {
    "alert-router test rules": "1 test, all passed",
    "alert-router test rules --mutate": 'no test notices: service: "*" instead of "payment-*"',
    "alert-router check": "no mistakes",
    "alert-router explain --service payment-api": "severity error or worse: found warning",
    "alert-router incidents": "payment-api",
    "alert-router explain incident:1": "Paged payments by rule payment-errors: the count of its rule was reached",
    "alert-router backtest": "1 before, 2 after: 0 lost, 1 new.",
    "alert-router diff": "| team payments | 1 | 2 | +1 |",
}
"""What the tutorial promises of its commands, by how they begin; the longest beginning counts."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """(language, content, the path named last before it)."""
    for block in _BLOCK.finditer(text):
        named = _FILE.findall(text[: block.start()])
        yield block[1], block[2], named[-1] if named else ""


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            assert time.monotonic() < deadline, url
            time.sleep(0.05)


@pytest.mark.timeout(120)
def test_the_tutorial_on_rules_does_what_it_says(tmp_path: Path) -> None:
    router, sandbox = free_port(), free_port()
    text = TUTORIAL.read_text().replace(":9095", f":{router}").replace("8080", str(sandbox))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ALERT_ROUTER")}
    scripts = tmp_path / "bin"
    scripts.mkdir()
    (scripts / "alert-router").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m router "$@"\n')
    (scripts / "alert-router").chmod(0o755)
    environ |= {"PATH": f"{scripts}:{environ['PATH']}", "PYTHONPATH": str(ROOT)}
    place = tmp_path / "place"
    place.mkdir()
    running: list[subprocess.Popen[bytes]] = []
    met = set()
    try:
        for language, content, path in blocks(text):
            if language == "yaml":
                (place / path).write_text(content)
                continue
            for command in content.splitlines():
                if command.startswith(_RUNS_ON):
                    log = (place / f"{len(running)}.log").open("wb")
                    running.append(subprocess.Popen(command.split(), cwd=place, env=environ, stdout=log, stderr=log))
                    log.close()
                    wait_for(f"http://127.0.0.1:{sandbox}/" if "sandbox" in command else f"http://127.0.0.1:{router}/-/ready")
                    continue
                done = subprocess.run(
                    ["sh", "-c", command], cwd=place, env=environ, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                beginning = max((start for start in SAID if command.startswith(start)), key=len, default="")
                if beginning:
                    met.add(beginning)
                    assert SAID[beginning] in done.stdout, f"{command}\n{done.stdout}"
    finally:
        for process in running:
            process.terminate()
            process.wait(timeout=30)
    assert met == set(SAID)
