from __future__ import annotations

import os
import shutil
from pathlib import Path

from router.store.settings import MIB, StoreSettings
from router.store.sqlite.space import Space
from tests.support.stores import StillClock


def test_room_is_room(tmp_path: Path) -> None:
    space = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=0), StillClock())
    assert space.refusal() == ""
    disk = os.statvfs(tmp_path)
    assert 0 < space.bytes_free <= disk.f_blocks * disk.f_frsize


def test_under_the_reserve_it_refuses_with_figures_and_remedy(tmp_path: Path) -> None:
    space = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=2**60), StillClock())
    assert "router.db" in space.refusal()
    assert "under the reserve of 1099511627776 MiB" in space.refusal()
    assert "free space" in space.refusal()


def test_free_pages_inside_the_file_count_as_room_but_not_for_all_of_the_reserve(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    clock = StillClock()
    space = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=2 * free), clock)
    assert space.refusal()
    space.bytes_reusable = 4 * free
    clock.at += 1_000
    assert space.refusal() == ""
    small = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=16 * free), clock)
    small.bytes_reusable = 100 * free
    assert small.refusal()


def test_above_its_own_limit_it_refuses(tmp_path: Path) -> None:
    clock = StillClock()
    space = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=0, max_bytes=3 * MIB), clock)
    space.bytes_used = 3 * MIB
    assert space.refusal() == ""
    space.bytes_used = 3 * MIB + 1
    assert space.refusal() == "", "it is looked at once a second"
    clock.at += 1_000
    assert "above its limit of 3 MiB" in space.refusal()


def test_after_a_write_found_no_room_it_refuses_for_a_second(tmp_path: Path) -> None:
    clock = StillClock()
    space = Space(tmp_path / "router.db", StoreSettings(min_free_bytes=0), clock)
    assert space.refusal() == ""
    space.found_full()
    assert "for want of space" in space.refusal()
    clock.at += 999
    assert space.refusal()
    clock.at += 1
    assert space.refusal() == ""


def test_a_disk_that_went_away_is_a_refusal_not_a_crash(tmp_path: Path) -> None:
    space = Space(tmp_path / "gone" / "router.db", StoreSettings(), StillClock())
    assert "cannot be looked at" in space.refusal()
