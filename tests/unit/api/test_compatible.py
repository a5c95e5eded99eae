from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from router.api.compatible import Compatible
from router.api.exchange import Refused, Request
from router.api.reading import ReadingRoom
from router.engine.mutes import Muting
from router.model.alert import Alert
from router.model.transition import ActiveAlert, StateRow
from router.store.base import Commit
from router.store.memory import MemoryStore
from tests.support.doors import SAMPLES
from tests.support.stores import START, StillClock, fact

ALERTS = {
    1: Alert(
        source="prometheus",
        fingerprint="a" * 16,
        service="checkout",
        name="HighLatency",
        labels={"alertname": "HighLatency", "service": "checkout", "env": "prod"},
        annotations={"summary": "slow"},
        generator_url="http://graph",
        starts_at=1_769_846_400_123,
    ),
    2: Alert(source="tools", fingerprint="b" * 16, service="db", name="Disk", summary="full", kind="event"),
}


class Expiries:
    def expires_at(self, row: int, source: str, fingerprint: str) -> int | None:
        return 1_769_850_000_000 if (row, source, fingerprint) == (1, "prometheus", "a" * 16) else None


@pytest.fixture
async def compatible() -> AsyncIterator[Compatible]:
    store = MemoryStore(clock=StillClock())
    await store.open()
    await store.append(START, [fact(1)])
    rows = [StateRow("alert", row, msgspec.json.encode(ActiveAlert(alert=alert))) for row, alert in ALERTS.items()]
    commit = Commit(cursor=1, decided_at=START, decisions=[], incidents=[], changes=rows, deliveries=[])
    await store.commit(commit)
    room = ReadingRoom(store.reader)
    yield Compatible(room=room, expiries=Expiries(), version="1.2.3", started_at=START)
    await room.close()


def ask(query: str = "") -> Request:
    return Request(method="GET", path="/api/v2/alerts", query_text=query.encode())


async def listed(compatible: Compatible, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((await compatible.alerts(ask(query))).body)
    return found


async def test_status(compatible: Compatible) -> None:
    told = json.loads((await compatible.status(ask())).body)
    assert told["versionInfo"]["version"] == "1.2.3"
    assert told["cluster"] == {"name": "", "status": "disabled", "peers": []}
    assert told["uptime"] == "2026-09-21T14:13:20.000Z"


async def test_alerts_in_alertmanagers_shape(compatible: Compatible) -> None:
    first, second = await listed(compatible)
    assert first == {
        "annotations": {"summary": "slow"},
        "endsAt": "2026-01-31T09:00:00.000Z",
        "fingerprint": "a" * 16,
        "receivers": [{"name": "default"}],
        "startsAt": "2026-01-31T08:00:00.123Z",
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
        "updatedAt": "2026-01-31T08:00:00.123Z",
        "generatorURL": "http://graph",
        "labels": {"alertname": "HighLatency", "service": "checkout", "env": "prod"},
    }
    assert second["labels"] == {"alertname": "Disk", "service": "db", "severity": "error"}
    assert second["annotations"] == {"summary": "full"}
    assert second["endsAt"] == "0001-01-01T00:00:00.000Z", "not set: a time that is over would say that it is resolved"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter=env%3Dprod", 1),
        ('filter=alertname%3D"HighLatency"', 1),
        ("filter=alertname!%3DHighLatency", 1),
        ('filter=alertname%3D~"High.*|Disk"', 2),
        ("filter=alertname%3D~High", 0),  # a regular expression matches the whole value
        ("filter=env!~prod", 1),
        ("filter=env%3Dprod&filter=service%3Dother", 0),
        ("active=false", 0),
        ("silenced=true&active=false", 0),
        ("receiver=def.*", 2),
        ("receiver=def", 0),
        ("silenced=false&inhibited=false&active=true", 2),
    ],
)
async def test_filters(compatible: Compatible, query: str, count: int) -> None:
    assert len(await listed(compatible, query)) == count


@pytest.mark.parametrize("query", ["filter=nothing", "filter=a%3D~(", "filter=", "active=maybe", "receiver=("])
async def test_filters_that_are_none(compatible: Compatible, query: str) -> None:
    with pytest.raises(Refused) as caught:
        await compatible.alerts(ask(query))
    assert caught.value.status == 400


async def test_too_many_to_tell(compatible: Compatible, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.api.compatible.MAX_ALERTS", 1)
    with pytest.raises(Refused, match="narrow it"):
        await compatible.alerts(ask())


async def test_what_is_not_there(compatible: Compatible) -> None:
    with pytest.raises(Refused) as caught:
        await compatible.not_here(ask(), "other")
    assert caught.value.status == 501
    with pytest.raises(Refused, match="api_version: v2") as caught:
        await compatible.gone(ask(), "alerts")
    assert caught.value.status == 410


async def test_groups_by_team_service_and_name(compatible: Compatible) -> None:
    groups = json.loads((await compatible.groups(ask())).body)
    assert [(group["receiver"], group["labels"], len(group["alerts"])) for group in groups] == [
        ({"name": "default"}, {"alertname": "Disk", "service": "db"}, 1),
        ({"name": "default"}, {"alertname": "HighLatency", "service": "checkout"}, 1),
    ]


async def test_what_is_muted_says_by_what(compatible: Compatible) -> None:
    muting = {"db": Muting(silences=("s",)), "checkout": Muting(inhibitors=("b" * 16,), others=("maintenance:night",))}
    compatible = Compatible(
        room=compatible._room,
        expiries=Expiries(),
        version="1",
        started_at=START,
        teams=lambda: ["a", "b"],
        owner_of=lambda service: "a" if service == "db" else "b",
        muting=lambda alert: muting[alert.service],
    )
    first, second = await listed(compatible)
    inhibited = {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["b" * 16], "mutedBy": ["maintenance:night"]}
    assert first["status"] == inhibited
    assert second["status"] == {"state": "suppressed", "silencedBy": ["s"], "inhibitedBy": [], "mutedBy": []}
    for query, names in {
        "silenced=false": ["HighLatency"],
        "inhibited=false": ["Disk"],
        "muted=false": ["Disk"],
        "active=false": ["HighLatency", "Disk"],
        "receiver=a": ["Disk"],
    }.items():
        assert [alert["labels"]["alertname"] for alert in await listed(compatible, query)] == names, query
    assert json.loads((await compatible.receivers(ask())).body) == [{"name": "a"}, {"name": "b"}]


def keys_of(value: Any) -> set[str]:
    """Every path of member names in a JSON value."""
    if isinstance(value, dict):
        free = {"labels", "annotations"}
        return {
            f"{name}.{path}" if path else name
            for name, item in value.items()
            for path in ({""} if name in free else keys_of(item))
        }
    return {path for item in value for path in keys_of(item)} or {""} if isinstance(value, list) else {""}


async def test_groups_have_the_shape_of_a_real_alertmanager_s(compatible: Compatible) -> None:
    recorded = json.loads((SAMPLES / "alertmanager-0.31.0-api-v2-alerts-groups.json").read_text())
    ours = json.loads((await compatible.groups(ask())).body)
    assert keys_of(ours) == keys_of(recorded)
