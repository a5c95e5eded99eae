from __future__ import annotations

import asyncio
import json

from router.model.page import AuditEntry, Followed
from router.store.sqlite.driver import SqliteStore
from tests.support.place import Place
from tests.support.stores import START, StillClock


def add(place: Place, *entries: AuditEntry) -> None:
    async def follow() -> None:
        store = SqliteStore(place.folder / "data/alert-router.db", clock=StillClock())
        await store.open()
        await store.follow(Followed(audit=entries))
        await store.close()

    asyncio.run(follow())


ADA = AuditEntry(at=START, who="Ada Example", through="pagerduty", what="acknowledged", incident=1, team="payments")
TOKEN = AuditEntry(at=START + 60_000, who="deploy-bot", through="api", what="dropped a delivery", text="2: noise\x1b[31m")


def test_who_did_what_is_listed(history: Place) -> None:
    assert "Nothing was done." in history.run("audit", "list").output
    add(history, ADA, TOKEN)
    shown = history.run("audit", "list")
    assert shown.exit_code == 0, shown.output
    assert shown.output.index("deploy-bot") < shown.output.index("Ada Example")
    assert "\x1b" not in shown.output
    assert "deploy-bot" not in history.run("audit", "list", "--who", "ada").output
    assert "deploy-bot" not in history.run("audit", "list", "--incident", "1").output
    after = history.run("audit", "list", "--since", "2026-09-21T14:13:50Z", "--output", "json")
    assert [row["entry"]["who"] for row in json.loads(after.output)["items"]] == ["deploy-bot"]
    assert history.run("audit", "list", "--since", "soon").exit_code == 2


def test_all_of_it_is_exported_oldest_first(history: Place) -> None:
    add(history, *[ADA] * 1_200, TOKEN)
    lines = history.run("audit", "export").output.splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 1_201
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert rows[-1]["what"] == "dropped a delivery"
    assert rows[-1]["time"].endswith("Z")
    onwards = history.run("audit", "export", "--after", str(rows[-2]["id"])).output
    assert json.loads(onwards) == rows[-1]
    assert history.run("audit", "export", "--until", "2026-09-21").output == ""
