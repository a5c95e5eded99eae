from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.recalling import PastRoom, Recalling
from router.history.sqlite.archive import SqliteArchive
from router.history.sqlite.reader import SqliteHistory
from router.model.past import Story
from tests.support.past import history_settings, record
from tests.support.stores import START, StillClock

DAY_MS = 86_400_000


async def own(_request: Request) -> Answer:
    return answer_json({"rules": 1})


def ask(query: str = "") -> Request:
    return Request(method="GET", path="/", query_text=query.encode())


def read(answer: Answer) -> Any:
    return json.loads(answer.body)


@pytest.fixture
async def recalling(tmp_path: Path) -> AsyncIterator[Recalling]:
    """Two incidents within the last 30 days, one before."""
    path = tmp_path / "history.db"
    archive = SqliteArchive(path)
    for number, days in ((1, 40), (2, 20), (3, 1)):
        archive.tell(record(number, created_at=START - days * DAY_MS), Story(), read_at=1)
    archive.close()
    room = PastRoom(lambda: SqliteHistory(path))
    yield Recalling(room=room, settings=history_settings(path), clock=StillClock(), rules=(), base=path.parent, own_stats=own)
    await room.close()


async def test_without_a_period_the_routers_own_figures(recalling: Recalling) -> None:
    assert read(await recalling.stats(ask())) == {"rules": 1}


async def test_figures_of_a_period(recalling: Recalling) -> None:
    all_of_it = read(await recalling.stats(ask("since=1")))
    assert all_of_it["total"]["incidents"] == 3
    assert set(all_of_it["by"]) == {"service", "team", "rule", "urgency", "priority", "hour"}
    last = read(await recalling.stats(ask("by=team")))
    assert (last["total"]["incidents"], list(last["by"])) == (2, ["team"])
    assert read(await recalling.stats(ask("month=2026-08")))["total"]["incidents"] == 1


@pytest.mark.parametrize("query", ["month=2026-13", "month=2026-08&since=1", "since=5&until=5", "by=moon", "since=soon", "x=1"])
async def test_what_makes_no_sense_is_refused(recalling: Recalling, query: str) -> None:
    with pytest.raises(Refused) as refused:
        await recalling.stats(ask(query))
    assert refused.value.status == 400


async def test_without_a_history_the_way_to_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    room = PastRoom(lambda: SqliteHistory(path))
    with pytest.raises(Refused, match="history sync"):
        await Recalling(
            room=room, settings=history_settings(path), clock=StillClock(), rules=(), base=path.parent, own_stats=own
        ).stats(ask("since=1"))
    await room.close()


async def test_reports_by_month(recalling: Recalling) -> None:
    months = read(await recalling.reports(ask()))["items"]
    assert months == [{"month": "2026-09", "is_over": False}, {"month": "2026-08", "is_over": True}]
    page = await recalling.report(ask(), "2026-09")
    assert page.content_type == b"text/html; charset=utf-8"
    assert dict(page.headers)[b"content-security-policy"].startswith(b"default-src 'none'")
    assert b"Incidents in September 2026" in page.body
    assert read(await recalling.report(ask("format=json"), "2026-08"))["total"]["incidents"] == 1
    assert (await recalling.report(ask("format=csv"), "2020-01")).body.startswith(b"period,")
    assert (await recalling.report(ask("format=json"), "1971-01")).status == 200
    for month, query, status in (("soon", "", 404), ("2026-10", "", 404), ("9998-12", "", 404), ("2026-09", "format=pdf", 400)):
        with pytest.raises(Refused) as refused:
            await recalling.report(ask(query), month)
        assert refused.value.status == status


async def test_search(recalling: Recalling) -> None:
    found = read(await recalling.search(ask("q=host-2")))
    assert [item["number"] for item in found["items"]] == [2]
    assert (found["next"], found["is_loose"]) == (None, False)
    assert read(await recalling.search(ask("q=carderorr&limit=1")))["mended"] == {"carderorr": ["carderror"]}
    assert read(await recalling.search(ask("q=carderorr&exact=true")))["items"] == []
    for query in ("", "q=%20", "q=x&limit=0", "q=x&exact=maybe"):
        with pytest.raises(Refused):
            await recalling.search(ask(query))
