"""``make run`` as a newcomer lives it: what it prints is tried, word for word, and Ctrl-C leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import free_port

ROOT = Path(__file__).resolve().parents[2]
A_MINUTE = 60.0


class Demo:
    """The demo in a process group of its own, as a terminal starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.router, self.sandbox = free_port(), free_port()
        self.output = folder / "output.txt"
        command = [sys.executable, "-m", "router", "demo", "--directory", str(folder / "demo")]
        ports = ["--router-port", str(self.router), "--sandbox-port", str(self.sandbox)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, *ports],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + A_MINUTE
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def interrupt(self) -> int:
        """Ctrl-C: every process of the terminal's group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=30)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    started = Demo(tmp_path)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()


def post(url: str, content: Any) -> None:
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(content).encode(), headers), timeout=5) as answer:
        assert answer.status in {200, 202}


def until(check: Callable[[], Any], demo: Demo) -> None:
    deadline = time.monotonic() + A_MINUTE
    while not check():
        assert time.monotonic() < deadline, demo.said()
        time.sleep(0.1)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def test_what_it_prints_can_be_followed_to_a_page(demo: Demo) -> None:
    demo.wait_for("Edit ")
    said = demo.said()

    # The one curl to try, sent without curl, which a fresh machine may lack.
    words = shlex.split(re.search(r"^ *(curl .*?\}')", said, flags=re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]
    url = next(word for word in words if word.startswith("http"))
    header = words[words.index("-H") + 1].split(": ")
    body = words[words.index("-d") + 1].encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, dict([header])), timeout=5) as answer:
        assert answer.status == 202

    deadline = time.monotonic() + A_MINUTE
    while not (pages := get(f"http://127.0.0.1:{demo.sandbox}/_sandbox/pages.json")["pages"]):
        assert time.monotonic() < deadline, demo.said()
        time.sleep(0.05)
    assert len(pages) == 1

    with urllib.request.urlopen(f"http://127.0.0.1:{demo.sandbox}/", timeout=5) as page:
        assert page.status == 200

    for command in re.findall(r"^  (\S+ (?:-m \S+ )?(?:incidents|explain) .*)$", said, flags=re.MULTILINE):
        arguments = shlex.split(command.partition("router ")[2])
        done = subprocess.run(
            [sys.executable, "-m", "router", *arguments],
            cwd=demo.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "payments" in done.stdout


def test_what_a_person_does_on_the_page_the_router_follows(demo: Demo) -> None:
    demo.wait_for("Edit ")
    router, sandbox = f"http://127.0.0.1:{demo.router}", f"http://127.0.0.1:{demo.sandbox}"
    alert = {"service": "payment-api", "name": "CardError", "severity": "critical", "kind": "stateful"}
    post(f"{router}/v1/alerts", alert)
    until(lambda: get(f"{sandbox}/_sandbox/incidents.json")["open"], demo)
    (incident,) = get(f"{sandbox}/_sandbox/incidents.json")["open"]

    def page() -> dict[str, Any]:
        return dict(get(f"{router}/v1/incidents/1")["pages"][0])

    until(lambda: page()["state"] == "confirmed", demo)
    for action, words, state in (
        ("acknowledge", {}, "acknowledged"),
        ("reassign", {"to": "grace@example.test"}, "confirmed"),
        ("escalate", {"level": "2", "user": "grace@example.test"}, "confirmed"),
        ("resolve", {"note": "restarted it", "user": "grace@example.test"}, "resolved"),
    ):
        post(f"{sandbox}/_sandbox/incidents/{incident['id']}/{action}", words)
        until(lambda state=state: page()["state"] == state, demo)  # type: ignore[misc]
    story = get(f"{router}/v1/incidents/1")
    assert story["incident"]["status"] == "closed"
    done = {entry["what"]: entry["who"] for entry in story["audit"]}
    assert {name: done[name] for name in ("acknowledged", "reassigned", "escalated", "resolved", "resolution")} == {
        "acknowledged": "Ada Example", "reassigned": "Ada Example", "escalated": "Grace Example", "resolved": "Grace Example",
        "resolution": "Grace Example",
    }  # fmt: skip


def test_ctrl_c_ends_it_cleanly_and_a_second_start_goes_on(demo: Demo, tmp_path: Path) -> None:
    demo.wait_for("Edit ")
    assert demo.interrupt() == 0, demo.said()
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.process.pid, 0)
    assert "Traceback" not in demo.said()
    again = Demo(tmp_path)
    try:
        again.wait_for("Edit ")
    finally:
        assert again.interrupt() == 0


def test_a_port_that_is_taken_is_named(demo: Demo, tmp_path: Path) -> None:
    demo.wait_for("Edit ")
    done = subprocess.run(
        [sys.executable, "-m", "router", "demo", "--directory", str(tmp_path / "second"), "--router-port", str(demo.router),
         "--sandbox-port", str(free_port())],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=A_MINUTE,
    )  # fmt: skip
    assert done.returncode == 1
    assert str(demo.router) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("number", "whole_group"), [(signal.SIGTERM, False), (signal.SIGHUP, True)], ids=["asked to end", "its terminal closed"]
)
def test_however_it_ends_it_leaves_nothing_running(demo: Demo, number: signal.Signals, whole_group: bool) -> None:
    demo.wait_for("Edit ")
    (os.killpg if whole_group else os.kill)(demo.process.pid, number)
    assert demo.process.wait(timeout=30) == 0, demo.said()
    for port in (demo.router, demo.sandbox):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
