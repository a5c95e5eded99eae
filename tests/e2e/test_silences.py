"""Debian's amtool, unmodified, against the daemon: silences it adds, shows, imports, changes and ends are the engine's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.test_alertmanager import amtool
from tests.support.daemon import alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)


async def run(url: str, *arguments: str) -> str:
    done = await off_loop(amtool, url, *arguments)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


async def query(url: str, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await run(url, "silence", "query", "--output=json", *arguments) or "[]")
    return found


async def test_amtool_silences_and_what_it_silenced_pages_nobody(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    url = f"http://127.0.0.1:{daemon.port}"
    added = await run(url, "silence", "add", "alertname=CardError", "instance=~web.*", "--comment=works", "--author=ann")
    await eventually(lambda: len(daemon.get("/api/v2/silences")[1]) == 1, what="the silence is in force")
    (shown,) = await query(url)
    assert (shown["id"], shown["createdBy"], shown["comment"], shown["status"]["state"]) == (added, "ann", "works", "active")

    await off_loop(daemon.post_alerts, alert(instance="web1"), alert(name="DiskFull", instance="web1"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1, what="the other alert pages")
    assert "DiskFull" in pagerduty.sandbox.incidents()[0].title
    firing = json.loads(await run(url, "alert", "query", "--output=json"))
    assert [item["labels"]["alertname"] for item in firing] == ["DiskFull"]  # amtool asks for what is not silenced
    silenced = json.loads(await run(url, "alert", "query", "--silenced", "--output=json", "alertname=CardError"))
    assert [item["status"] for item in silenced] == [
        {"inhibitedBy": [], "silencedBy": [added], "state": "suppressed"}
        | ({"mutedBy": []} if "mutedBy" in silenced[0]["status"] else {})
    ]

    await run(url, "silence", "update", "--comment=more works", added)
    await eventually(lambda: any(one["comment"] == "more works" for one in daemon.get("/api/v2/silences")[1]))
    for one in await query(url):
        await run(url, "silence", "expire", one["id"])
    await eventually(lambda: daemon.get("/api/v2/silences")[1] == [], what="the silence is over")
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2, what="what still fires pages now")


async def test_amtool_imports_what_it_exported(make_daemon, pagerduty, tmp_path) -> None:
    daemon = await off_loop(make_daemon)
    url = f"http://127.0.0.1:{daemon.port}"
    await run(url, "silence", "add", "env=dev", "--comment=x", "--author=ann")
    await eventually(lambda: len(daemon.get("/api/v2/silences")[1]) == 1)
    exported = tmp_path / "silences.json"
    exported.write_text(json.dumps(await query(url)))
    await run(url, "silence", "import", "--force", str(exported))
    await eventually(lambda: len(daemon.get("/api/v2/silences")[1]) == 2)
    assert [one["matchers"][0]["value"] for one in await query(url, "env=dev")] == ["dev", "dev"]


async def test_receivers_are_teams(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    assert {one["name"] for one in (await off_loop(daemon.get, "/api/v2/receivers"))[1]} >= {"payments", "platform"}
    await off_loop(daemon.post_alerts, alert())
    await eventually(lambda: daemon.get("/api/v2/alerts/groups")[1])
    (group,) = daemon.get("/api/v2/alerts/groups")[1]
    assert group["receiver"] == {"name": "payments"}
