from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from router.api.exchange import Refused, Request
from router.api.reading import ReadingRoom
from router.api.silences import ANYBODY, Silences, signed
from router.errors import Overloaded, StoreFull
from router.model.journal import SilenceChanged
from router.model.severity import SeverityScale
from router.model.silence import MAX_SILENCES, PlainMatch, Silence
from router.model.transition import StateRow
from router.store.base import Commit
from router.store.memory import MemoryStore
from tests.support.engine import ruleset
from tests.support.stores import START, StillClock, fact

HELD = Silence(id="one", match=PlainMatch(services=("payment-*",)), until=START + 60_000, reason="works", starts_at=START - 1)
ASKED = {"match": {"service": "payment-*"}, "for": "2h", "reason": "works", "by": "ann"}


class Rig:
    def __init__(self, room: ReadingRoom) -> None:
        self.facts: list[SilenceChanged] = []
        self.error: Exception | None = None
        self.who = ANYBODY
        self.silences = Silences(
            room=room,
            clock=StillClock(),
            change=self.change,
            who=lambda _: self.who,
            ruleset=ruleset,
            scale=SeverityScale,
        )

    async def change(self, changed: SilenceChanged, who: str) -> None:
        assert who == self.who
        if self.error:
            raise self.error
        self.facts.append(changed)

    async def post(self, query: str = "", **changes: Any) -> Any:
        request = Request(method="POST", path="/", body=json.dumps(ASKED | changes).encode(), query_text=query.encode())
        return json.loads((await self.silences.added(request)).body)


async def made(silences: int) -> ReadingRoom:
    store = MemoryStore(clock=StillClock())
    await store.open()
    await store.append(START, [fact(1)])
    held = [msgspec.structs.replace(HELD, id="one" if number == 1 else f"s{number}") for number in range(1, silences + 1)]
    rows = [StateRow("silence", number, msgspec.json.encode(each)) for number, each in enumerate(held, start=1)]
    await store.commit(Commit(cursor=1, decided_at=START, decisions=[], incidents=[], changes=rows, deliveries=[]))
    return ReadingRoom(store.reader)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    room = await made(1)
    yield Rig(room)
    await room.close()


def ask(query: str = "") -> Request:
    return Request(method="GET", path="/", query_text=query.encode())


async def test_listed_and_shown_with_what_it_hides(rig: Rig) -> None:
    listed = json.loads((await rig.silences.listed(ask())).body)
    assert [silence["id"] for silence in listed["items"]] == ["one"]
    shown = json.loads((await rig.silences.shown(ask(), "one")).body)
    assert (shown["silence"]["match"], shown["hides"]["alerts"]) == ({"services": ["payment-*"]}, 0)
    with pytest.raises(Refused, match="there is no silence two"):
        await rig.silences.shown(ask(), "two")


async def test_added_is_journalled_under_who_asked(rig: Rig) -> None:
    answer = await rig.post()
    (changed,) = rig.facts
    assert changed.silence is not None
    assert answer["silence"]["id"] == changed.id == changed.silence.id
    assert (changed.by, changed.silence.by, changed.silence.until) == ("ann", "ann", START + 7_200_000)
    rig.who = "deploy-bot"
    await rig.post()
    assert rig.facts[-1].by == "ann (deploy-bot)"


async def test_a_dry_run_adds_nothing(rig: Rig) -> None:
    answer = await rig.post("dry_run=true")
    assert answer["hides"]["pages"] == 1
    assert answer["silence"]["reason"] == "works"
    assert rig.facts == []


async def test_mistakes_are_named_with_their_place(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"match\.servce: found the key .*did you mean .service.*; ") as refused:
        await rig.post(match={"servce": "x"}, reason="")
    assert refused.value.status == 400
    assert rig.facts == []


async def test_ended_by_somebody(rig: Rig) -> None:
    await rig.silences.expired(Request(method="DELETE", path="/", query_text=b"by=ann"), "one")
    assert rig.facts == [SilenceChanged(id="one", by="ann")]
    with pytest.raises(Refused) as refused:
        await rig.silences.expired(ask(), "two")
    assert refused.value.status == 404


@pytest.mark.parametrize(("error", "status"), [(Overloaded("full", 7), 429), (StoreFull("no room"), 503)])
async def test_what_cannot_be_journalled_is_refused(rig: Rig, error: Exception, status: int) -> None:
    rig.error = error
    with pytest.raises(Refused) as refused:
        await rig.post()
    assert refused.value.status == status


async def test_no_more_than_the_engine_takes() -> None:
    room = await made(MAX_SILENCES)
    rig = Rig(room)
    with pytest.raises(Refused, match="end one before adding another") as refused:
        await rig.post()
    assert refused.value.status == 409
    assert (await rig.post(id="one"))["silence"]["id"] == "one"
    await room.close()


def test_a_name_that_is_only_said_is_kept_beside_the_token() -> None:
    assert [signed("ann", ANYBODY), signed("", ANYBODY), signed("ann", "bot"), signed("", "bot"), signed("bot", "bot")] == [
        "ann", "", "ann (bot)", "bot", "bot",
    ]  # fmt: skip
    assert [signed("ann", "bob, on this machine"), signed("", "bob, on this machine")] == ["ann", "bob"]
