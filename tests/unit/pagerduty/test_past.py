from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.errors import RemoteRefused
from router.pagerduty.past import PastReader, past_incident
from tests.support.past import DAY_MS, PastWorld
from tests.support.stores import START

ROW: dict[str, Any] = {
    "id": "Q1", "incident_number": 7, "title": "down, ask ada@example.test", "created_at": "2026-10-03T08:00:00Z",
    "status": "resolved", "resolved_at": None, "last_status_change_at": "2026-10-03T09:00:00Z",
    "last_status_change_by": {"type": "user_reference", "summary": "ada@example.test"},
    "service": {"id": "P1", "summary": "payments"}, "teams": [{"id": "T", "summary": "Payments"}], "alert_counts": {"all": 3},
    "priority": {"summary": "P1"}, "urgency": "high",
}  # fmt: skip


def test_an_incident_without_contacts() -> None:
    found = past_incident(ROW)
    assert found is not None
    assert (found.title, found.changed_by, found.changed_by_kind) == ("down, ask [address]", "ada", "person")
    assert (found.service, found.team, found.alerts, found.priority) == ("payments", "Payments", 3, "P1")
    assert found.resolved_at - found.created_at == 3_600_000


@pytest.mark.parametrize(
    "row",
    [{}, ROW | {"incident_number": None}, ROW | {"incident_number": True}, ROW | {"id": None}, ROW | {"created_at": "soon"}],
)
def test_what_cannot_be_told_apart_is_left_out(row: dict[str, Any]) -> None:
    assert past_incident(row) is None


def test_nulls_and_gaps_are_taken() -> None:
    nulls = dict.fromkeys(ROW) | {"id": "Q1", "incident_number": 7, "created_at": "2026-10-03T08:00:00"}
    found = past_incident(nulls)
    assert found is not None
    assert (found.status, found.alerts, found.service) == ("triggered", 0, "")


async def test_lists_stories_and_changes(tmp_path: Path) -> None:
    world = PastWorld(tmp_path, incidents=230, days=30)
    reader = PastReader(world.client)
    first = await reader.incidents(since=START - 31 * DAY_MS, until=START, offset=0)
    last = await reader.incidents(since=START - 31 * DAY_MS, until=START, offset=200)
    assert (first.total, first.received, first.more) == (230, 100, True)
    assert (last.total, last.received, last.more) == (None, 30, False)
    assert [one.number for one in first.incidents] == list(range(1, 101))
    story = await reader.story(first.incidents[0])
    assert [entry.at for entry in story.entries] == sorted(entry.at for entry in story.entries)
    assert story.alerts[0].details.startswith("service: ")
    changes = await reader.changes(since=START - 31 * DAY_MS, until=START, offset=0)
    assert {change.service_id for change in changes.changes} <= {one["id"] for one in world.sandbox.services()}
    assert await reader.incident("QNONE") is None
    assert (await reader.story(first.incidents[0])).entries
    assert reader.calls == world.client.calls


async def test_services_by_name_or_id(tmp_path: Path) -> None:
    world = PastWorld(tmp_path)
    reader = PastReader(world.client)
    ids = {service["name"]: service["id"] for service in world.sandbox.services()}
    assert await reader.service_ids(["Payments", ids["platform"]]) == [ids["payments"], ids["platform"]]
    with pytest.raises(RemoteRefused, match="no service 'paymemts'"):
        await reader.service_ids(["paymemts"])
