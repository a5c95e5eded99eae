"""The server's own time, and running in the foreground."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request

from router.sandbox.server import SandboxServer, serve
from router.sandbox.settings import from_keys
from tests.unit.sandbox.builders import JSON, KEY, event

SETTINGS = from_keys({"payments": KEY}, port=0)


def test_time_is_the_clocks_plus_what_was_skipped():
    server = SandboxServer(SETTINGS, clock=lambda: 1_000)
    server.receive("POST", "/v2/enqueue", {"content-type": "application/json"}, json.dumps(event()).encode())
    assert (server.now(), server.sandbox.pending) == (1_000, 1)
    server.skip(200)
    assert (server.now(), server.sandbox.pending) == (1_200, 0)


async def test_serving_until_a_signal():
    told = []

    def ready(url):
        told.append(url)
        os.kill(os.getpid(), signal.SIGTERM)

    await asyncio.wait_for(serve(SETTINGS, ready), 5)
    assert told[0].startswith("http://127.0.0.1:")


async def test_stopping_twice_and_never_started():
    server = SandboxServer(SETTINGS)
    await server.stop()
    await server.start()
    await server.stop()
    await server.stop()


def test_run_in_the_foreground():
    script = (
        "from router.sandbox.server import run_sandbox\n"
        f"run_sandbox(0, {{'payments': {KEY!r}}}, lambda url: print(url, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        request = urllib.request.Request(f"{url}/v2/enqueue", json.dumps(event()).encode(), JSON)
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
