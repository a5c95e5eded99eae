from __future__ import annotations

from router.daemon.clerk import OURSELVES, Clerk
from router.errors import StoreUnavailable
from router.model.page import Followed
from router.store.memory import MemoryStore
from tests.support.stores import START, StillClock


async def test_what_was_done_is_kept() -> None:
    store = MemoryStore(clock=StillClock())
    await store.open()
    clerk = Clerk(store, StillClock())
    await clerk.note("deploy-bot", "reloaded")
    await clerk.note(OURSELVES, "started", "x" * 10_000, through="router")
    newest, oldest = [row.entry for row in store.reader().audit()]
    assert (oldest.at, oldest.who, oldest.what, oldest.through) == (START, "deploy-bot", "reloaded", "api")
    assert (newest.through, len(newest.text)) == ("router", 4_000)


async def test_what_cannot_be_kept_holds_nobody_up() -> None:
    class Broken:
        async def follow(self, step: Followed) -> None:
            raise StoreUnavailable("the disk is gone")

    await Clerk(Broken(), StillClock()).note("ada", "reloaded")
