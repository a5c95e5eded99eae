"""The real process and a store that cannot be had: taken, damaged, of a newer version, or on a disk that is full."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.sandbox.faults import Fault
from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

MIB = 1024 * 1024
PER_INSTANCE = """
rules:
  - id: everything
    match: {service: "*"}
    group_by: [service, name, instance]
    summary: "{{ name }} at {{ labels.instance }}."
"""


def titles(pagerduty, status: str | None = None) -> list[str]:
    return [found.title for found in pagerduty.sandbox.incidents() if status in (None, found.status)]


def refused(daemon: Daemon) -> str:
    """Start it, expect it to end with 1; all it said."""
    daemon.start(wait=False)
    assert daemon.process.wait(30) == 1, daemon.log
    assert "Traceback" not in daemon.log
    return daemon.log


async def test_a_second_daemon_on_the_same_database_is_refused_and_disturbs_nothing(make_daemon, pagerduty) -> None:
    first = await off_loop(make_daemon, PER_INSTANCE)
    second = make_daemon(PER_INSTANCE, start=False, store=f"sqlite:{first.folder / 'data/alert-router.db'}")
    said = await off_loop(refused, second)
    assert f"in use by another router (process {first.process.pid})" in said
    await off_loop(first.post_alerts, alert(instance="x"))
    await eventually(lambda: titles(pagerduty) == ["CardError at x."])
    await off_loop(first.kill)
    await off_loop(second.start)
    assert second.get("/v1/stats")[1]["open_incidents"] == 1, "a kill leaves no lock behind"


def damaged(path: Path, whole: bytes, damage: str) -> None:
    match damage:
        case "overwritten":
            path.write_bytes(whole[:8192] + b"\xde\xad" * 40_000 + whole[88_192:])
        case "cut off":
            path.write_bytes(whole[: len(whole) // 2])
        case "empty":
            path.write_bytes(b"")
        case "no database":
            path.write_bytes(b"not a database, but somebody's notes\n" * 500)
        case "newer":
            path.write_bytes(whole)
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA user_version = 9999")
                connection.execute("UPDATE meta SET value = 9998 WHERE name = 'compatible_down_to'")
                connection.commit()
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def test_a_database_that_cannot_be_trusted_is_refused_untouched_with_a_remedy(make_daemon) -> None:
    daemon = await off_loop(make_daemon, PER_INSTANCE)
    for number in range(20):
        await off_loop(daemon.post_alerts, *(alert(instance=f"{number}-{i}", pad="x" * 500) for i in range(20)))
    await eventually(lambda: daemon.get("/v1/stats")[1]["undecided_entries"] == 0)
    assert await off_loop(daemon.stop) == 0
    path = daemon.folder / "data/alert-router.db"
    whole = path.read_bytes()
    for damage in ("overwritten", "cut off", "empty", "no database", "newer"):
        damaged(path, whole, damage)
        left = path.read_bytes()
        (daemon.folder / "daemon.log").write_text("")
        said = await off_loop(refused, daemon)
        assert "alert-router.db" in said, damage
        assert any(word in said for word in ("restore", "Restore", "Give `store:`")), (damage, said)
        assert path.read_bytes() == left, "nothing was repaired, nothing was overwritten"
        looked = await off_loop(daemon.run_command, "incidents")
        assert "Traceback" not in looked.stderr, damage
    path.write_bytes(whole)
    await off_loop(daemon.start)
    assert daemon.get("/v1/stats")[1]["active_alerts"] == 400


# -- a full disk -----------------------------------------------------------------------------------------------------------


class Disk:
    """A file system of the test's own, small enough to fill; where nobody may mount one, the disk that is there.

    That one cannot be filled, so the reserve is put just below what is free, and filling takes more than that.
    """

    def __init__(self, path: Path, size_bytes: int, min_free_bytes: int) -> None:
        self.path = path
        self._ballast = path / "somebody-elses-file"
        path.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(path)]
        self.is_own = subprocess.run(command, capture_output=True, check=False).returncode == 0
        reserve = min_free_bytes if self.is_own else self.free() - 256 * MIB
        self.store = {"url": f"sqlite:{path / 'alert-router.db'}", "min_free": f"{reserve // MIB}MiB"}

    def fill(self, leave_bytes: int = 0) -> None:
        """Until only so much is free; once more if the router took some of it meanwhile."""
        for _ in range(10):
            size = self.free() - leave_bytes if self.is_own else 512 * MIB
            with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, size)
                return

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def end(self) -> None:
        if self.is_own:
            subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def make_disk(tmp_path: Path, make_daemon) -> Iterator:
    """Unmounted after the daemons are gone."""
    with contextlib.ExitStack() as stack:

        def make(size_bytes: int, min_free_bytes: int) -> Disk:
            disk = Disk(tmp_path / "disk", size_bytes, min_free_bytes)
            stack.callback(disk.end)
            return disk

        yield make


async def test_a_full_disk_refuses_says_so_and_still_delivers(make_daemon, make_disk, pagerduty) -> None:
    disk = make_disk(24 * MIB, 8 * MIB)
    daemon = await off_loop(make_daemon, PER_INSTANCE, store=disk.store)
    pagerduty.sandbox.add_fault(Fault(kind="503"), pagerduty.now())
    assert await off_loop(daemon.post_alerts, *(alert(instance=f"held{number}") for number in range(20))) == 200
    await eventually(lambda: daemon.get("/v1/stats")[1]["outbox"]["waiting"] == 20)

    await off_loop(disk.fill, 6 * MIB)
    await eventually(lambda: daemon.get("/-/ready")[0] == 503)
    assert await off_loop(daemon.post_alerts, alert(instance="too-much")) == 503
    status, answer = await off_loop(daemon.request, "POST", "/v1/alerts", {"service": "payment-x", "name": "y"})
    assert status == 503
    assert "free space" in answer["error"]
    assert await off_loop(daemon.post_alerts, alert(instance="held3")) == 200, "a resend needs no room"
    status, answer = await off_loop(daemon.get, "/-/ready")
    assert status == 503
    assert "free" in answer["reasons"][0]
    assert daemon.metric("alert_router_store_refusing") == 1
    assert daemon.get("/-/healthy")[0] == 200, "a restart would not help"

    # What it holds goes out, and so does the word that it is in trouble, while the disk is still full.
    pagerduty.sandbox.clear_faults()
    wanted = {f"CardError at held{number}." for number in range(20)}
    await eventually(lambda: wanted <= set(titles(pagerduty)), seconds=30, what="what it holds")
    await eventually(lambda: any("StoreRefuses" in title for title in titles(pagerduty)), seconds=30, what="its own alert")
    assert await off_loop(daemon.post_alerts, alert(instance="too-much")) == 503

    # Somebody restarts it in the middle: it begins with the disk as it is.
    assert await off_loop(daemon.stop) == 0
    await off_loop(daemon.start, wait=False)
    await eventually(lambda: _answers(daemon) == 503, seconds=30, what="up, and not ready")
    assert await off_loop(daemon.post_alerts, alert(instance="too-much")) == 503

    disk.clear()
    await eventually(lambda: daemon.post_alerts(alert(instance="too-much")) == 200, what="recovered")
    assert daemon.get("/-/ready")[0] == 200
    await eventually(lambda: "CardError at too-much." in titles(pagerduty))
    await eventually(
        lambda: [f.status for f in pagerduty.sandbox.incidents() if "StoreRefuses" in f.title] == ["resolved"], seconds=30
    )
    assert len(titles(pagerduty)) == 22


async def test_a_disk_filled_to_the_last_byte_loses_nothing_that_was_answered(make_daemon, make_disk, pagerduty) -> None:
    disk = make_disk(16 * MIB, MIB)
    daemon = await off_loop(make_daemon, PER_INSTANCE, store=disk.store)
    assert await off_loop(daemon.post_alerts, alert(instance="before")) == 200
    await eventually(lambda: "CardError at before." in titles(pagerduty))
    pagerduty.sandbox.add_fault(Fault(kind="503"), pagerduty.now())
    accepted = []
    for number in range(5):
        assert await off_loop(daemon.post_alerts, alert(instance=f"held{number}")) == 200
        accepted.append(f"held{number}")
    await off_loop(disk.fill)
    assert disk.free() == 0 or not disk.is_own
    for number in range(20):
        status = await off_loop(daemon.post_alerts, alert(instance=f"n{number}", pad="x" * 4000))
        assert status in (200, 503)
        if status == 200:
            accepted.append(f"n{number}")
    await eventually(lambda: daemon.get("/-/ready")[0] == 503)
    pagerduty.sandbox.clear_faults()
    assert daemon.get("/-/healthy")[0] == 200
    disk.clear()
    await eventually(lambda: daemon.post_alerts(alert(instance="after")) == 200, seconds=30)
    wanted = {f"CardError at {instance}." for instance in [*accepted, "after"]}
    await eventually(lambda: wanted <= set(titles(pagerduty)), seconds=40)
    assert len(titles(pagerduty)) == len(set(titles(pagerduty)))
    await off_loop(daemon.kill)
    await off_loop(daemon.start)
    assert daemon.get("/v1/stats")[1]["undecided_entries"] == 0


def _answers(daemon: Daemon) -> int:
    try:
        return daemon.get("/-/ready")[0]
    except OSError:
        return 0
