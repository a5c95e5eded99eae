"""What follows pages, wired as configured: a page goes from the door to PagerDuty and back to us."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from router.config.secrets import Problem
from router.daemon.paging import PageBell
from router.daemon.troubles import Troubles
from router.errors import RemoteRefused
from router.incidents.rhythm import HEARING, POLLING
from router.sandbox.settings import DEFAULT_TOKEN
from router.telemetry.metrics import Metrics
from tests.support.daemon import alert, eventually
from tests.support.following import World
from tests.support.parts import ENVIRON, wired, write_files


def pagerduty_section(url: str, **more) -> dict:
    return {"pagerduty": {"events_url": url, "api_url": url, "rate": "unlimited", "api_token": "env:PD_TOKEN"} | more}


async def test_a_page_is_confirmed(tmp_path: Path, pagerduty) -> None:
    path = write_files(tmp_path, pagerduty.url, **pagerduty_section(pagerduty.url))
    async with wired(path, ENVIRON | {"PD_TOKEN": DEFAULT_TOKEN}) as made:
        parts = made.parts
        assert parts.paging.follower._rhythm is POLLING
        async with asyncio.TaskGroup() as tasks:
            for part in (parts.processor, parts.dispatcher, parts.paging.follower):
                tasks.create_task(part.run())
            await parts.intake.take_alertmanager(json.dumps([alert()]).encode())
            reader = made.store.reader()
            (page,) = await eventually(lambda: reader.pages(incident=1))
            reader.close()
            assert page.pagerduty_id == pagerduty.sandbox.incidents()[0].id
            await eventually(lambda: not parts.paging.follower.register.waiting, what="it goes on once that is written")
            assert await parts.paging.reconciler.run(dry_run=True) == []
            parts.paging.follower.stop()
            parts.processor.stop()
            await parts.dispatcher.stop(5)
        assert parts.paging.follower.figures()["page_confirmed_timestamp_seconds"].keys() == {"payments"}


async def test_webhooks_decide_the_rhythm_and_teams_are_known_by_their_keys(tmp_path: Path, pagerduty) -> None:
    section = pagerduty_section(pagerduty.url, webhook_secrets=["env:PD_SECRET"])
    environ = ENVIRON | {"PD_TOKEN": DEFAULT_TOKEN, "PD_SECRET": "a secret of some length"}
    async with wired(write_files(tmp_path, pagerduty.url, **section), environ) as made:
        follower = made.parts.paging.follower
        assert follower._rhythm is HEARING
        assert follower._teams_with_key([ENVIRON["KEY_PAYMENTS"], "unknown"]) == {"payments"}


async def test_without_a_token_nothing_is_followed(tmp_path: Path, pagerduty) -> None:
    async with wired(write_files(tmp_path, pagerduty.url)) as made:
        assert made.parts.paging.client is None
        assert made.parts.paging.follower.remote is None


async def test_a_token_that_cannot_be_used_is_refused_at_once_and_not_waited_for(tmp_path: Path, pagerduty) -> None:
    path = write_files(tmp_path, pagerduty.url, **pagerduty_section(pagerduty.url))
    async with wired(path, ENVIRON | {"PD_TOKEN": DEFAULT_TOKEN}) as made:
        client = made.parts.paging.client
        assert client is not None
        made.parts.keys.secrets.refuse("env:PD_TOKEN", Problem(code="secret-missing", message="it is not set"))
        with pytest.raises(RemoteRefused, match=r"pagerduty.api_token cannot be used: env:PD_TOKEN: it is not set"):
            await client.incidents_with_key("a")


@pytest.mark.parametrize(
    ("ring", "clear", "name"),
    [
        (lambda bell: bell.not_confirmed("payments", "s"), lambda bell: bell.confirmed("payments"), "PageNotConfirmed"),
        (lambda bell: bell.blind("s"), lambda bell: bell.sees(), "PagesNotFollowed"),
    ],
)
async def test_troubles_are_raised_and_cleared(ring, clear, name: str) -> None:
    world = await World(token=None).open()
    troubles = Troubles(journal=world.store, clock=world.clock, metrics=Metrics())
    bell = PageBell(troubles)
    await ring(bell)
    assert troubles.firing() == [f"{name}: s"]
    await clear(bell)
    assert troubles.firing() == []
