from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from router.api.exchange import Refused, Request
from router.api.orphaned import Orphaned
from router.api.reading import ReadingRoom
from router.api.silences import ANYBODY
from router.errors import Overloaded, StoreFull
from router.model.incident import Orphan
from router.model.journal import EpisodeClosed, RuleAdopted
from router.model.page import AuditEntry
from router.store.memory import MemoryStore
from tests.support.stores import START, StillClock, commit_of, dedup_key, fact, incident


class Rig:
    def __init__(self, room: ReadingRoom) -> None:
        self.facts: list[EpisodeClosed | RuleAdopted] = []
        self.audit: list[AuditEntry] = []
        self.error: Exception | None = None
        self.handlers = Orphaned(
            room=room,
            orphans=lambda: [Orphan(rule="old", incidents=(1, 2), teams=("payments",))],
            rules=lambda: frozenset({"new"}),
            record=self.record,
            who=lambda _: ANYBODY,
            now=lambda: START,
        )

    async def record(self, facts: Sequence[EpisodeClosed | RuleAdopted], entries: Sequence[AuditEntry]) -> None:
        if self.error:
            raise self.error
        self.facts += facts
        self.audit += entries

    async def post(self, handler: str, what: str, **wish: Any) -> Any:
        request = Request(method="POST", path="/", body=json.dumps(wish).encode())
        return json.loads((await getattr(self.handlers, handler)(request, what)).body)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    store = MemoryStore(clock=StillClock())
    await store.open()
    await store.append(START, [fact(1)])
    await store.commit(commit_of(1, incidents=[incident(1), incident(2), incident(3, closed_at=START)]))
    room = ReadingRoom(store.reader)
    yield Rig(room)
    await room.close()


async def test_listed(rig: Rig) -> None:
    listed = json.loads((await rig.handlers.listed(Request(method="GET", path="/"))).body)
    assert listed == {"items": [{"rule": "old", "incidents": [1, 2], "teams": ["payments"]}], "next": None}


async def test_one_incident_is_closed_with_a_reason(rig: Rig) -> None:
    assert await rig.post("close_incident", "2", reason="the host is gone", by="ann") == {"closed": [2]}
    assert rig.facts == [EpisodeClosed(dedup_key=dedup_key(2), by="ann", reason="the host is gone")]
    assert [(entry.who, entry.what, entry.incident, entry.text) for entry in rig.audit] == [
        ("ann", "closed", 2, "the host is gone")
    ]


async def test_everything_that_a_rule_left_open(rig: Rig) -> None:
    assert await rig.post("close", "old", reason="moved") == {"closed": [1, 2]}
    assert len(rig.facts) == len(rig.audit) == 2


async def test_given_to_another_rule(rig: Rig) -> None:
    answer = await rig.post("adopt", "old", into="new", by="ann")
    assert answer == {"rule": "old", "into": "new", "incidents": [1, 2]}
    assert rig.facts == [RuleAdopted(rule="old", into="new", by="ann")]
    assert {(entry.incident, entry.text) for entry in rig.audit} == {(1, "from old to new"), (2, "from old to new")}


@pytest.mark.parametrize(
    ("handler", "what", "wish", "status"),
    [
        ("close_incident", "x", {"reason": "x"}, 400),
        ("close_incident", "9", {"reason": "x"}, 404),
        ("close_incident", "3", {"reason": "x"}, 409),
        ("close_incident", "2", {"reason": " "}, 400),
        ("close_incident", "2", {}, 400),
        ("close_incident", "2", {"reason": "x", "more": 1}, 400),
        ("close", "gone", {"reason": "x"}, 404),
        ("close", "new", {"reason": "x"}, 409),
        ("adopt", "old", {"into": "nowhere"}, 409),
        ("adopt", "old", {}, 400),
        ("adopt", "gone", {"into": "new"}, 404),
    ],
)
async def test_refused(rig: Rig, handler: str, what: str, wish: dict[str, Any], status: int) -> None:
    with pytest.raises(Refused) as refused:
        await rig.post(handler, what, **wish)
    assert refused.value.status == status
    assert rig.facts == []


@pytest.mark.parametrize(("error", "status"), [(Overloaded("full", 7), 429), (StoreFull("no room"), 503)])
async def test_what_cannot_be_journalled(rig: Rig, error: Exception, status: int) -> None:
    rig.error = error
    with pytest.raises(Refused) as refused:
        await rig.post("close", "old", reason="x")
    assert refused.value.status == status
