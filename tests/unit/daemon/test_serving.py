from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.clock import SystemClock
from router.daemon.loading import load
from router.daemon.serving import CannotOpen, Doorway
from tests.support.daemon import alert, eventually, off_loop
from tests.support.parts import ENVIRON, Wired, wired, write_files
from tests.support.running import running_daemon


async def reload() -> list[str]:
    return []


def doorway(made: Wired, environ: dict[str, str] | None = None) -> Doorway:
    return Doorway(
        settings=made.loaded.settings,
        parts=made.parts,
        store=made.store,
        reload=reload,
        restart_needed=tuple,
        metrics=made.metrics,
        clock=SystemClock(),
        environ=environ if environ is not None else {},
    )


async def open_error(folder: Path, **changes: object) -> str:
    async with wired(write_files(folder, "http://127.0.0.1:1", **changes)) as made:
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as tasks:
                await doorway(made).open(tasks)
        (error,) = raised.value.exceptions
        assert isinstance(error, OSError)
        return str(error)


async def test_open_doors_without_tokens_are_for_this_machine_only(tmp_path: Path) -> None:
    assert "0.0.0.0 can be reached from other machines" in await open_error(tmp_path, listen="0.0.0.0:9095")


async def test_a_socket_of_systemd_has_to_be_there(tmp_path: Path) -> None:
    assert "no sockets were handed over" in await open_error(tmp_path, listen="systemd")


async def test_a_name_that_is_no_address_of_this_machine(tmp_path: Path) -> None:
    tokens = [{"name": "a", "token": "5e" * 16, "scopes": ["read"]}]
    assert "cannot listen on 192.0.2.1:9095" in await open_error(tmp_path, listen="192.0.2.1:9095", tokens=tokens)


async def test_a_certificate_that_cannot_be_used_is_an_error_of_the_operating_kind(tmp_path: Path) -> None:
    for name in ("a.crt", "a.key"):
        (tmp_path / name).write_text("no certificate")
    path = write_files(tmp_path, "http://127.0.0.1:1", tls={"cert": "a.crt", "key": "a.key"})
    async with wired(path) as made:
        with pytest.raises(CannotOpen, match=r"a\.crt"):
            doorway(made)


async def test_what_a_reload_could_not_apply_is_found_before(tmp_path: Path) -> None:
    tokens = [{"name": "a", "token": "5e" * 16, "scopes": ["read"]}]
    async with wired(write_files(tmp_path, "http://127.0.0.1:1", listen="0.0.0.0:9095", tokens=tokens)) as made:
        door = doorway(made)
        assert door.find_obstacles(made.loaded.settings) == []
        without = load(write_files(tmp_path, "http://127.0.0.1:1", listen="127.0.0.1:9095"), environ=ENVIRON).settings
        (obstacle,) = door.find_obstacles(without)
        assert "0.0.0.0" in obstacle, "the address of the start is still open"


async def test_rules_and_figures_are_shown(tmp_path: Path, pagerduty) -> None:
    rules = """
rules:
  - {id: one, description: The first., match: {service: [payment-*, "!payment-test"], name: Card*}, page: payments}
  - {id: two, match: {service: dev-*}, drop: never}
"""
    async with running_daemon(tmp_path, pagerduty.url, rules=rules) as running:
        _, listed = await off_loop(running.get, "/v1/rules")
        one, two = listed["items"]
        assert (one["id"], one["description"], one["page"], one["services"]) == (
            "one", "The first.", ["payments"], ["payment-*", "!payment-test"],
        )  # fmt: skip
        assert one["place"] == "rules/a.yaml:3:5"
        assert two["drop"] == "never"
        assert await off_loop(running.post_alerts, alert()) == 200
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
        _, stats = await off_loop(running.get, "/v1/stats")
        assert stats["ruleset"]["rules"] == 2
        assert stats["ruleset"]["teams"] == ["payments", "platform"]
        assert (stats["active_alerts"], stats["open_incidents"], stats["undecided_entries"]) == (1, 1, 0)
        assert stats["troubles"] == []
        assert stats["store"]["refusing"] == ""


@pytest.fixture
def socket() -> Iterator[Path]:
    path = Path(f"/tmp/ar-door-{os.getpid()}.sock")
    yield path
    path.unlink(missing_ok=True)


async def test_the_door_is_not_ready_before_and_after(tmp_path: Path, socket: Path) -> None:
    async with wired(write_files(tmp_path, "http://127.0.0.1:1", listen=f"unix:{socket}")) as made:
        door = doorway(made)
        assert door._not_ready() == ["starting"]
        async with asyncio.TaskGroup() as tasks:
            await door.open(tasks)
            assert door.addresses == [str(socket)]
            assert door._not_ready() == []
            await door.close(1.0)
        assert door._not_ready() == ["stopping"]
