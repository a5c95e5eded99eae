from __future__ import annotations

import msgspec

from router.errors import StoreUnavailable
from router.history.base import Ours
from router.history.own import OwnRecord
from router.model.page import Followed, Page
from router.store.base import Commit
from router.store.memory import MemoryStore
from tests.support.stores import START, StillClock, decision, dedup_key, fact, incident


async def store_with(*teams: str) -> MemoryStore:
    store = MemoryStore(clock=StillClock())
    await store.open()
    store.subscribe(lambda _entries: None)
    await store.append(START, [fact(1)])
    await store.append(START + 5_000, [fact(2)])
    opened = msgspec.structs.replace(incident(1), teams=teams, opened_at=START + 5_000)
    decisions = [decision(1, key=opened.dedup_key), decision(2, key=opened.dedup_key)]
    await store.commit(
        Commit(cursor=2, decided_at=START + 5_000, decisions=decisions, incidents=[opened], changes=[], deliveries=[])
    )
    return store


async def test_the_team_and_when_its_first_alert_came() -> None:
    store = await store_with("payments")
    assert OwnRecord(store.reader()).of_key(dedup_key(1), "Q1") == Ours(team="payments", alerted_at=START)


async def test_of_several_teams_the_one_whose_page_it_is() -> None:
    store = await store_with("payments", "platform")
    assert OwnRecord(store.reader()).of_key(dedup_key(1), "Q1") == Ours(team="", alerted_at=START)
    page = Page(incident=1, team="platform", dedup_key=dedup_key(1), pagerduty_id="Q1", status="resolved")
    await store.follow(Followed(pages=(page,)))
    assert OwnRecord(store.reader()).of_key(dedup_key(1), "Q1") == Ours(team="platform", alerted_at=START)


async def test_what_is_none_of_ours_or_cannot_be_looked_up() -> None:
    store = await store_with("payments")
    assert OwnRecord(store.reader()).of_key("foreign", "Q1") is None
    assert OwnRecord(None).of_key(dedup_key(1), "Q1") is None
    closed = store.reader()
    closed.close()
    assert OwnRecord(closed).of_key(dedup_key(1), "Q1") is None


async def test_the_opening_stands_in_for_an_alert_that_was_retired() -> None:
    store = await store_with("payments")
    await store.retire(before_at=START + 1_000, max_bytes=0)
    found = OwnRecord(store.reader()).of_key(dedup_key(1), "Q1")
    assert found is not None
    assert found.alerted_at in {START, START + 5_000}
    assert isinstance(StoreUnavailable("x"), Exception)
