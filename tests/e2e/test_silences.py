"""Silences through every door of the real daemon: Debian's amtool, unmodified, our own commands, and ``/v1/silences``."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.e2e.test_alertmanager import amtool
from tests.support.daemon import Daemon, alert, eventually, off_loop

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


def command(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``alert-router silences …`` beside the daemon, without a terminal."""
    return daemon.run_command("silences", *arguments)


async def add(daemon: Daemon, *arguments: str) -> str:
    """The id of a silence added by command, once it is in force."""
    done = await off_loop(command, daemon, "--output", "json", "add", *arguments, "--yes")
    assert done.returncode == 0, done.stderr
    added: str = json.loads(done.stdout)["silence"]["id"]
    await eventually(lambda: added in daemon.get("/v1/silences")[1].__repr__(), what="the silence is in force")
    return added


async def test_a_silence_by_command_stops_pages_and_no_resolve_and_pages_what_fires_when_it_ends(
    make_daemon, pagerduty
) -> None:
    daemon = await off_loop(make_daemon)
    await off_loop(daemon.post_alerts, alert(instance="web1"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1, what="the first alert pages")
    added = await add(daemon, "service=payment-*", "--for", "2h", "--reason", "works", "--by", "ann")

    await off_loop(daemon.post_alerts, alert(instance="web1", ends_in="-1"), alert(instance="web2"))
    await eventually(
        lambda: pagerduty.sandbox.incidents()[0].status == "resolved", what="the resolve goes out under the silence"
    )
    shown = await off_loop(command, daemon, "show", added)
    assert "1 alert that fires would be muted" in shown.stdout
    assert "It would hide 1 alert that fires now, and 2 pages of the last" in shown.stdout
    assert len(pagerduty.sandbox.incidents()) == 1

    ended = await off_loop(command, daemon, "expire", added, "--by", "bob")
    assert ended.stdout == f"silence {added} is over; what it muted and still fires is paged now\n"
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2, what="what still fires is paged at its end")
    causes = [row["decision"].get("cause", "") for row in daemon.get("/v1/decisions")[1]["items"]]
    assert f"silence {added}: works by ann" in causes
    assert f"silence {added} ended by bob" in causes


async def test_until_resolved_ends_with_what_it_hides(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    await add(daemon, "name=CardError", "--until", "resolved", "--reason", "known")
    await off_loop(daemon.post_alerts, alert(instance="web1"))
    await eventually(lambda: daemon.get("/api/v2/alerts?active=false")[1], what="it is silenced")
    await off_loop(daemon.post_alerts, alert(instance="web1", ends_in="-1"))
    await eventually(lambda: daemon.get("/v1/silences")[1]["items"] == [], what="the silence ends with it")
    await off_loop(daemon.post_alerts, alert(instance="web2"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1, what="the next one pages")


async def test_nothing_is_added_by_a_dry_run_nor_without_a_yes(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    await off_loop(daemon.post_alerts, alert(instance="web1"))
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    wish = ("add", "service=payment-*", "--for", "2h", "--reason", "works")
    dry = await off_loop(command, daemon, "--output", "json", *wish, "--dry-run")
    hides = json.loads(dry.stdout)["hides"]
    assert (hides["alerts"], hides["pages"], hides["by_team"], hides["firing"][0]["is_open"]) == (1, 1, {"payments": 1}, True)
    refused = await off_loop(command, daemon, *wish)
    assert (refused.returncode, "add it with --yes" in refused.stderr) == (2, True)
    body = {"match": {"service": "payment-*"}, "for": "2h", "reason": "works"}
    status, answer = await off_loop(daemon.request, "POST", "/v1/silences?dry_run=true", body)
    assert (status, answer["hides"]["pages"]) == (200, 1)
    assert daemon.get("/v1/silences")[1]["items"] == []


async def test_each_door_shows_what_the_other_added(make_daemon, pagerduty) -> None:
    daemon = await off_loop(make_daemon)
    added = await add(daemon, "service=payment-*", "--for", "2h", "--reason", "works", "--by", "ann")
    (shown,) = await query(f"http://127.0.0.1:{daemon.port}")
    assert (shown["id"], shown["createdBy"], shown["matchers"][0]["name"]) == (added, "ann", "service")
    await run(f"http://127.0.0.1:{daemon.port}", "silence", "add", "env=dev", "--comment=x", "--author=bob")
    await eventually(lambda: len(daemon.get("/v1/silences")[1]["items"]) == 2)
    listed = (await off_loop(command, daemon)).stdout
    assert "service=payment-*" in listed
    assert "env=dev" in listed
