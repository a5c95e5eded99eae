from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.config.history import ObjectiveSettings
from router.daemon.history import NOTHING, HistoryKeeper
from router.history.recollection import Memory, Recollection
from router.history.sqlite.archive import SqliteArchive
from router.store.memory import MemoryStore
from router.telemetry.metrics import GAUGES
from tests.support.past import PastWorld, history_settings
from tests.support.stores import StillClock

DAY_MS = 86_400_000


class Kept:
    """A keeper over a small past."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.world = PastWorld(folder, incidents=30, days=20)
        self.settings = history_settings(self.world.path, **({"sync_ms": 60_000, "since_ms": 30 * DAY_MS} | changes))
        self.store = MemoryStore(clock=StillClock())
        self.recollection = Recollection()

    def keeper(self, client: Any = "its own") -> HistoryKeeper:
        return HistoryKeeper(
            settings=self.settings, client=self.world.client if client == "its own" else client, open_reader=self.store.reader,
            clock=self.world.clock, recollection=self.recollection,
        )  # fmt: skip


async def test_it_fetches_and_learns(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.store.open()
    keeper = kept.keeper()
    assert keeper.seconds == 60
    done = await keeper.sync()
    assert done is not None
    assert done.read == 30
    assert len(kept.world.records()) == 30
    learnt = kept.recollection._memory
    assert learnt.titles
    await keeper.sync()
    assert kept.recollection._memory is learnt, "nothing was new"


async def test_only_the_services_that_are_configured(tmp_path: Path) -> None:
    kept = Kept(tmp_path, services=("payments",))
    await kept.store.open()
    await kept.keeper().sync()
    assert {record.service for record in kept.world.records()} == {"payments"}


async def test_while_somebody_else_syncs_and_when_pagerduty_says_no(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.store.open()
    other = SqliteArchive(kept.world.path)
    assert await kept.keeper().sync() is None
    other.close()
    assert await kept.keeper(kept.world.make_client("wrong token")).sync() is None
    kept.settings = msgspec.structs.replace(kept.settings, path=tmp_path)
    assert await kept.keeper().sync() is None
    assert kept.recollection._memory == Memory()


async def test_a_crawl_that_is_cut_short_goes_on_the_next_time(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    await kept.store.open()
    kept.world.transport.is_down = True
    done = await kept.keeper().sync()
    assert done is not None
    assert done.cut_short
    kept.world.transport.is_down = False
    again = await kept.keeper().sync()
    assert again is not None
    assert again.read == 30


@pytest.mark.parametrize("sync_ms", [0, 60_000])
async def test_without_a_token_it_does_nothing(sync_ms: int, tmp_path: Path) -> None:
    keeper = Kept(tmp_path, sync_ms=sync_ms).keeper(None)
    assert keeper.seconds == 0
    assert await keeper.sync() is None


async def test_the_last_thirty_days_are_gauges(tmp_path: Path) -> None:
    objective = ObjectiveSettings(
        name="quick", acknowledge_within_ms=0, resolve_within_ms=1, goal=0.9, priorities=(), urgencies=(), services=(), teams=()
    )
    kept = Kept(tmp_path, objectives=(objective,))
    await kept.store.open()
    keeper = kept.keeper()
    await keeper.look()
    assert keeper.figures() == NOTHING
    await keeper.sync()
    figures = keeper.figures()
    assert figures["history_incidents"] == 30
    assert figures["history_unread"] == 0
    assert figures["history_team_incidents"] == {"none": 30}
    assert figures["history_objective_share"] == {"quick": 0.0}
    assert set(figures) == set(NOTHING) <= set(GAUGES)
    kept.world.path.write_bytes(b"broken" * 1000)
    await keeper.look()
    assert keeper.figures() == figures
