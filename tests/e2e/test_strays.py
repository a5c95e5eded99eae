"""The real process over a database that was put back or replaced: what PagerDuty still has open is found, and a person ends it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from router.sandbox.settings import READ_ONLY_TOKEN
from tests.e2e.test_following import RULES, settings
from tests.support.daemon import alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)


def back_up(database: Path, to: Path) -> None:
    """As docs/howto/operate.md says."""
    source, copy = sqlite3.connect(database), sqlite3.connect(to)
    source.backup(copy)
    source.close()
    copy.close()


def put_back(database: Path, backup: Path | None) -> None:
    for old in database.parent.glob(f"{database.name}*"):
        old.unlink()
    if backup is not None:
        shutil.copy(backup, database)


@pytest.mark.parametrize("is_empty", [False, True])
async def test_what_a_backup_does_not_know_is_found_told_of_and_resolved_by_a_person(
    make_daemon, pagerduty, *, is_empty: bool
) -> None:
    daemon = make_daemon(RULES, start=False, **settings(pagerduty, webhooks=False))
    daemon.environment["PD_TOKEN"] = READ_ONLY_TOKEN
    await off_loop(daemon.start)
    database = daemon.folder / "data" / "alert-router.db"

    def open_titles() -> list[str]:
        return sorted(one.title for one in pagerduty.sandbox.incidents("open"))

    await off_loop(daemon.post_alerts, alert(instance="a"))
    await eventually(lambda: len(open_titles()) == 1)
    back_up(database, daemon.folder / "backup.db")
    await off_loop(daemon.post_alerts, alert(instance="b"), alert(instance="c"))
    await eventually(lambda: len(open_titles()) == 3)
    await off_loop(daemon.kill)
    put_back(database, None if is_empty else daemon.folder / "backup.db")
    await off_loop(daemon.start)
    await off_loop(daemon.post_alerts, alert(instance="b"))  # goes on; c is over, and nobody says so any more
    await eventually(lambda: len(open_titles()) == 4, what="what goes on is paged again")

    lost = {"problem at b.", "problem at c."} | ({"problem at a."} if is_empty else set())
    found = await off_loop(daemon.run_command, "reconcile", "--dry-run", "--output", "json")
    assert sum(row["kind"] == "stray" for row in json.loads(found.stdout)["items"]) == len(lost), found.stdout + found.stderr
    assert daemon.metric("alert_router_stray_incidents") == len(lost)
    (told,) = await eventually(
        lambda: [one for one in pagerduty.sandbox.incidents() if f"PagerDuty has {len(lost)} open incidents" in one.title]
    )
    assert told.service == "platform"

    listed = await off_loop(daemon.run_command, "incidents", "strays", "--output", "json")
    strays = {row["title"]: row for row in json.loads(listed.stdout)["items"]}
    assert strays.keys() == lost
    assert {title for title, row in strays.items() if row["open_here"]} == {"problem at b."}
    shown = await off_loop(daemon.run_command, "incidents", "strays")
    assert "problem at c." in shown.stdout, shown.stderr

    number = str(strays["problem at c."]["number"])
    done = await off_loop(daemon.run_command, "incidents", "strays", "--resolve", number, "--reason", "over", "--yes")
    assert done.returncode == 0, done.stderr
    await eventually(lambda: "problem at c." not in open_titles())
    done = await off_loop(daemon.run_command, "incidents", "strays", "--resolve", "all", "--reason", "left over", "--yes")
    assert done.returncode == 0, done.stderr
    await eventually(lambda: open_titles().count("problem at b.") == 1, what="the one that is known here stays")
    agreed = await off_loop(daemon.run_command, "incidents", "strays")
    assert agreed.stdout == "Everything of ours that is open in PagerDuty is known here.\n"
    assert daemon.metric("alert_router_stray_incidents") == 0
    await eventually(lambda: next(one for one in pagerduty.sandbox.incidents() if one.id == told.id).status == "resolved")
    audit = await off_loop(daemon.run_command, "audit", "list", "--output", "json")
    assert audit.stdout.count("resolved a stray") == len(lost)
    refused = await off_loop(daemon.run_command, "incidents", "strays", "--resolve", "1", "--reason", "x", "--yes")
    assert "no stray is open in PagerDuty's incident #1" in refused.stderr
