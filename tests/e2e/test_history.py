"""History through the real commands and the real daemon: fetched, killed in between, gone on."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from router.sandbox.past import PastSpec
from router.sandbox.settings import READ_ONLY_TOKEN
from tests.support.daemon import alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)
DAY_MS = 86_400_000


def settings(pagerduty, **more: Any) -> dict[str, Any]:
    section = {"events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN"}
    return {"pagerduty": section} | more


def add_past(pagerduty, incidents: int) -> None:
    until = time.time_ns() // 1_000_000 - 7_200_000
    pagerduty.sandbox.set_switches({"rest_rate_limit_per_minute": 0})
    pagerduty.sandbox.add_past(PastSpec(incidents=incidents, since=until - 20 * DAY_MS, until=until))


def start_sync(daemon) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "router",
        "history",
        "sync",
        "--since",
        "60d",
        "--config",
        "config.yaml",
        "--output",
        "json",
    ]
    return subprocess.Popen(command, cwd=daemon.folder, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def test_killed_while_it_fetches_it_goes_on_where_it_was(make_daemon, pagerduty) -> None:
    add_past(pagerduty, 40)
    daemon = make_daemon(start=False, **settings(pagerduty))
    daemon.environment["PD_TOKEN"] = READ_ONLY_TOKEN
    read = []
    for _ in range(3):
        process = start_sync(daemon)
        before = len(pagerduty.sandbox.requests(face="rest"))
        await eventually(lambda before=before: len(pagerduty.sandbox.requests(face="rest")) > before + 12)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(process.communicate)
    output, errors = await asyncio.to_thread(start_sync(daemon).communicate)
    assert output, errors
    done = json.loads(output)
    read.append(done["done"]["read"])
    assert read[0] < 40
    assert (done["holdings"]["incidents"], done["holdings"]["unread"], done["holdings"]["unlisted"]) == (40, 0, 0)


async def test_the_daemon_fetches_by_itself(make_daemon, pagerduty) -> None:
    add_past(pagerduty, 6)
    daemon = make_daemon(start=False, **settings(pagerduty, history={"sync": "1s", "since": "30d"}))
    daemon.environment["PD_TOKEN"] = READ_ONLY_TOKEN
    await off_loop(daemon.start)
    await eventually(lambda: "history_synced" in daemon.log)
    await off_loop(daemon.stop)
    assert (daemon.folder / "data/alert-router-history.db").exists()


async def test_who_did_what_to_the_router_is_recorded(make_daemon, pagerduty) -> None:
    daemon = make_daemon(start=False)
    await off_loop(daemon.start)

    def run(*arguments: str) -> str:
        return daemon.run_command(*arguments).stdout

    status, _ = await off_loop(daemon.request, "POST", "/-/reload")
    assert status == 200
    await off_loop(daemon.request, "POST", "/v1/deliveries/99/retry")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    while (await off_loop(run, "audit", "export")).count("reloaded") < 2:
        await asyncio.sleep(0.2)
    await off_loop(daemon.stop)
    rows = [json.loads(line) for line in (await off_loop(run, "audit", "export")).splitlines()]
    assert [row["what"] for row in rows] == ["started", "reloaded", "retried a delivery", "reloaded", "stopping"]
    assert [row["through"] for row in rows] == ["router", "api", "api", "router", "router"]
    assert rows[2]["text"] == "99: refused (404)"
    assert "in force" in rows[3]["text"]


async def test_the_next_page_of_its_kind_tells_how_the_last_one_was_resolved(make_daemon, pagerduty) -> None:
    section = settings(pagerduty, history={"sync": "1s", "since": "30d"})
    daemon = make_daemon('rules: [{id: cards, match: {service: "*"}, group_by: [service, name]}]\n', start=False, **section)
    daemon.environment["PD_TOKEN"] = READ_ONLY_TOKEN
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="a"))
    (first,) = await eventually(pagerduty.sandbox.incidents)
    pagerduty.sandbox.resolve(first.id, pagerduty.now(), user="ada@example.test", note="restarted the pool")
    await off_loop(daemon.post_alerts, alert(instance="a") | {"endsAt": alert()["startsAt"]})
    search = ("search", "restarted", "--exact", "--output", "json")
    for _ in range(40):  # in threads: the sandbox lives on this loop
        if "restarted the pool" in (await off_loop(daemon.run_command, *search)).stdout:
            break
    await eventually(lambda: daemon.metric("alert_router_open_incidents") == 0)
    await asyncio.sleep(1.5)  # the memory is refreshed right after the sync
    await off_loop(daemon.post_alerts, alert(instance="b"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2)
    bodies = [json.loads(entry.body) for entry in pagerduty.sandbox.requests(face="events")]
    link = [body for body in bodies if body["event_action"] == "trigger"][-1]["links"][-1]
    assert link["text"].endswith("Ada Example: restarted the pool")
    assert link["href"].endswith(first.id)
