"""The daemon's life in one process with the test: start, chores, reload, stop, and starting again where it stopped."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog

from router.clock import SystemClock
from router.daemon import app
from router.daemon.starting import NoRules
from router.errors import StoreUnusable
from tests.support.daemon import KEYS, alert, eventually, off_loop
from tests.support.parts import RULES, write_files
from tests.support.running import make_daemon, running_daemon


class SteppedClock:
    """The machine's clock, but for a step of the wall clock that the test makes."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.step_ms = 0

    def now(self) -> int:
        return self._real.now() + self.step_ms

    def monotonic(self) -> float:
        return self._real.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._real.sleep(seconds)


@pytest.fixture
def quick_chores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EXPIRY_SECONDS", "CHECKPOINT_SECONDS", "LOOK_SECONDS", "RETIRE_SECONDS"):
        monkeypatch.setattr(app, name, 0.05)


async def test_it_pages_stops_cleanly_and_goes_on_where_it_was(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        assert await off_loop(running.post_alerts, alert(instance="x")) == 200
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
        assert running.redactor.clean(KEYS["payments"]) == "***"
    async with running_daemon(tmp_path, pagerduty.url, write=False) as running:
        assert (await off_loop(running.get, "/v1/stats"))[1]["open_incidents"] == 1
        await off_loop(running.post_alerts, alert(instance="x", ends_in="-1"))
        await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])


async def test_a_stop_that_was_asked_for_twice_is_one(tmp_path: Path, pagerduty) -> None:
    with structlog.testing.capture_logs() as lines:
        async with running_daemon(tmp_path, pagerduty.url) as running:
            running.daemon.stop()
            running.daemon.stop()
    assert [line["event"] for line in lines if line["event"] in ("started", "stopping", "stopped")] == [
        "started", "stopping", "stopped",
    ]  # fmt: skip


async def test_many_reloads_at_once_are_few(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        (tmp_path / "rules" / "a.yaml").write_text(RULES.replace("everything", "another"))
        for _ in range(50):
            running.daemon.reload()
        await eventually(lambda: running.daemon._parts.engine.ruleset.rules[0].id == "another")
        assert running.daemon._reloader.succeeded
        assert (await off_loop(running.get, "/-/ready"))[0] == 200


async def test_a_reload_says_how_long_pages_of_a_team_may_wait_to_be_confirmed(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        misses = running.daemon._parts.paging.follower._misses
        assert misses.within("payments") == 300_000
        config = tmp_path / "config.yaml"
        config.write_text(config.read_text().replace("routing_key:", "confirm_within: 1m\n      routing_key:"))
        running.daemon.reload()
        await eventually(lambda: misses.within("payments") == 60_000)


async def test_an_alert_that_is_not_sent_again_expires(tmp_path: Path, pagerduty, quick_chores) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        await off_loop(running.post_alerts, alert(instance="x", ends_in="2"))
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
        await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])


async def test_a_clock_that_jumps_is_a_trouble_once_and_is_over(tmp_path: Path, pagerduty, quick_chores) -> None:
    clock = SteppedClock()
    async with running_daemon(tmp_path, pagerduty.url, clock=clock):
        await asyncio.sleep(0.2)
        assert pagerduty.sandbox.incidents() == []
        clock.step_ms = 60_000
        await eventually(lambda: any("ClockJumped" in found.title for found in pagerduty.sandbox.incidents()))
        await eventually(lambda: [found.status for found in pagerduty.sandbox.incidents()] == ["resolved"])
        assert pagerduty.sandbox.incidents()[0].service == "platform"


async def test_broken_rules_at_the_start_run_by_those_of_last_time_and_say_so(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url):
        pass
    (tmp_path / "rules" / "a.yaml").write_text("rules: [")
    async with running_daemon(tmp_path, pagerduty.url, write=False) as running:
        await eventually(lambda: any("RulesBrokenAtStart" in found.title for found in pagerduty.sandbox.incidents()))
        assert running.daemon._parts.engine.ruleset.rules[0].id == "everything"


async def test_broken_rules_on_a_new_store_end_the_start(tmp_path: Path, pagerduty) -> None:
    with pytest.raises(NoRules):
        async with running_daemon(tmp_path, pagerduty.url, rules="rules: ["):
            raise AssertionError("it must not begin")


async def test_a_database_that_is_taken_ends_the_start_and_the_other_lives_on(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        other = tmp_path / "other"
        other.mkdir()
        with pytest.raises(StoreUnusable, match="in use by another router"):
            async with running_daemon(other, pagerduty.url, store=f"sqlite:{tmp_path}/data/alert-router.db"):
                raise AssertionError("it must not begin")
        assert await off_loop(running.post_alerts, alert()) == 200


async def test_a_port_that_is_taken_ends_the_start_and_lets_go_of_the_database(tmp_path: Path, pagerduty) -> None:
    async with running_daemon(tmp_path, pagerduty.url) as running:
        other = tmp_path / "other"
        other.mkdir()
        path = write_files(other, pagerduty.url, listen=f"127.0.0.1:{running.port}")
        with pytest.raises(ExceptionGroup) as raised:
            await make_daemon(path).run()
        assert "cannot listen" in str(raised.value.exceptions[0])
    async with running_daemon(other, pagerduty.url, write=False):
        pass
