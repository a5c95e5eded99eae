from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from router.api.exchange import Refused, Request
from router.api.reading import ReadingRoom
from router.api.silencing import Silencing
from router.errors import Overloaded, StoreFull
from router.model.journal import SilenceChanged
from router.model.silence import PlainMatch, Silence
from router.model.transition import StateRow
from router.store.base import Commit
from router.store.memory import MemoryStore
from tests.support.stores import START, StillClock, fact

HELD = Silence(
    id="one",
    match=PlainMatch(labels=(("instance", ("web1",)),)),
    until=START + 60_000,
    reason="works",
    starts_at=START - 1,
    by="ann",
)
POSTED = {
    "matchers": [{"name": "instance", "value": "web1", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-09-21T14:13:20.000Z",
    "endsAt": "2026-09-21T16:13:20.000+01:00",
    "createdBy": "ann",
    "comment": "works",
}


class Rig:
    def __init__(self, room: ReadingRoom) -> None:
        self.facts: list[SilenceChanged] = []
        self.error: Exception | None = None
        self.silencing = Silencing(room=room, clock=StillClock(), change=self.change, who=lambda _: "ann's token")

    async def change(self, changed: SilenceChanged, who: str) -> None:
        assert who == "ann's token"
        if self.error:
            raise self.error
        self.facts.append(changed)

    async def post(self, **changes: Any) -> Any:
        body = json.dumps(POSTED | changes).encode()
        return json.loads((await self.silencing.posted(Request(method="POST", path="/", body=body))).body)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    store = MemoryStore(clock=StillClock())
    await store.open()
    await store.append(START, [fact(1)])
    rows = [StateRow("silence", 1, msgspec.json.encode(HELD))]
    await store.commit(Commit(cursor=1, decided_at=START, decisions=[], incidents=[], changes=rows, deliveries=[]))
    room = ReadingRoom(store.reader)
    yield Rig(room)
    await room.close()


def ask(query: str = "") -> Request:
    return Request(method="GET", path="/", query_text=query.encode())


async def test_silences_in_alertmanagers_shape(rig: Rig) -> None:
    listed = json.loads((await rig.silencing.listed(ask())).body)
    assert listed == [json.loads((await rig.silencing.shown(ask(), "one")).body)]
    assert listed[0] | {"updatedAt": "", "startsAt": ""} == {
        "id": "one",
        "status": {"state": "active"},
        "updatedAt": "",
        "comment": "works",
        "createdBy": "ann",
        "endsAt": "2026-09-21T14:14:20.000Z",
        "matchers": [{"isEqual": True, "isRegex": False, "name": "instance", "value": "web1"}],
        "startsAt": "",
    }


async def test_silences_are_filtered_by_what_they_ask_for(rig: Rig) -> None:
    assert json.loads((await rig.silencing.listed(ask("filter=instance%3Dweb1"))).body)
    assert json.loads((await rig.silencing.listed(ask("filter=instance%3Dweb2"))).body) == []


async def test_a_posted_silence_is_journalled(rig: Rig) -> None:
    answer = await rig.post()
    (changed,) = rig.facts
    assert changed.silence is not None
    assert answer == {"silenceID": changed.id}
    assert len(changed.id) == 36
    assert (changed.silence.starts_at, changed.silence.until) == (START, START + 3_600_000)
    assert (changed.silence.by, changed.silence.reason) == ("ann", "works")
    assert changed.silence.match == PlainMatch(labels=(("instance", ("web1",)),))


async def test_one_that_is_there_is_replaced_under_its_id(rig: Rig) -> None:
    assert await rig.post(id="one") == {"silenceID": "one"}


async def test_one_that_begins_in_the_past_begins_now(rig: Rig) -> None:
    await rig.post(startsAt="2020-01-01T00:00:00Z")
    assert rig.facts[0].silence is not None
    assert rig.facts[0].silence.starts_at == START


@pytest.mark.parametrize(
    "changes",
    [
        {"endsAt": "2020-01-01T00:00:00Z"},
        {"endsAt": "2046-01-01T00:00:00Z"},
        {"endsAt": "2026-09-21T16:13:20"},
        {"endsAt": "soon"},
        {"matchers": []},
        {"matchers": [{"name": "", "value": "x", "isRegex": False}]},
        {"matchers": [{"name": "a", "value": "(", "isRegex": True}]},
        {"matchers": [{"name": "a", "value": "x" * 5000, "isRegex": False}]},
        {"matchers": [{"name": "a", "value": "x", "isRegex": False}] * 65},
    ],
)
async def test_what_is_no_silence_is_refused(rig: Rig, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        await rig.post(**changes)
    assert caught.value.status == 400
    assert rig.facts == []


async def test_a_silence_is_ended(rig: Rig) -> None:
    assert (await rig.silencing.expired(ask(), "one")).status == 200
    assert rig.facts == [SilenceChanged(id="one")]
    for handler in (rig.silencing.expired, rig.silencing.shown):
        with pytest.raises(Refused) as caught:
            await handler(ask(), "two")
        assert caught.value.status == 404


@pytest.mark.parametrize(("error", "status"), [(Overloaded("full", retry_after_seconds=3), 429), (StoreFull("full"), 503)])
async def test_what_cannot_be_journalled_is_not_answered_200(rig: Rig, error: Exception, status: int) -> None:
    rig.error = error
    with pytest.raises(Refused) as caught:
        await rig.post()
    assert caught.value.status == status
