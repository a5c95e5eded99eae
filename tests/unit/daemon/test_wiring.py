"""The drawing of the machine, checked by letting an alert through it; and taken up again where it stopped."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.support.daemon import alert, eventually
from tests.support.parts import wired, write_files


def body(*names: str) -> bytes:
    return json.dumps([alert(name=name) for name in names]).encode()


async def test_an_alert_goes_from_the_door_to_pagerduty(tmp_path: Path, pagerduty) -> None:
    async with wired(write_files(tmp_path, pagerduty.url)) as made:
        parts = made.parts
        assert parts.engine.ruleset.version == made.loaded.ruleset.version
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.processor.run())
            tasks.create_task(parts.dispatcher.run())
            assert (await parts.intake.take_alertmanager(body("CardError"))).journalled == 1
            await eventually(lambda: [found.service for found in pagerduty.sandbox.incidents()] == ["payments"])
            await eventually(lambda: not parts.dispatcher.snapshot().waiting)
            parts.processor.stop()
            await parts.dispatcher.stop(5)
        assert parts.counts.proven == {"payments"}
        assert parts.register.expires_at(1, "prometheus", "") is None
        assert parts.engine.open_incidents == 1


async def test_what_was_undecided_and_undelivered_is_taken_up(tmp_path: Path, pagerduty) -> None:
    """Three lives: one accepts, one decides, one delivers."""
    path = write_files(tmp_path, pagerduty.url)
    async with wired(path) as made:
        await made.parts.intake.take_alertmanager(body("CardError", "CardSlow"))
        assert made.parts.processor.undecided == 2
    async with wired(path) as made:
        assert len(made.recovered.undecided) == 2
        assert made.parts.processor.undecided == 2
        running = asyncio.create_task(made.parts.processor.run())
        await eventually(lambda: not made.parts.processor.undecided and made.parts.engine.open_incidents == 2)
        made.parts.processor.stop()
        await running
        assert pagerduty.sandbox.incidents() == []
    async with wired(path) as made:
        assert made.parts.engine.open_incidents == 2
        assert made.parts.dispatcher.snapshot().waiting == 2
        # A resend of what is known needs no entry, also after a restart.
        assert (await made.parts.intake.take_alertmanager(body("CardError"))).journalled == 0
        running = asyncio.create_task(made.parts.dispatcher.run())
        await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2)
        await eventually(lambda: not made.parts.dispatcher.snapshot().waiting)
        await made.parts.dispatcher.stop(5)
        await running
    async with wired(path) as made:
        assert made.recovered.outbox == []
        assert made.parts.dispatcher.snapshot().dead == 0


async def test_dead_letters_and_troubles_are_remembered(tmp_path: Path, pagerduty) -> None:
    path = write_files(tmp_path, pagerduty.url)
    environ = {"KEY_PAYMENTS": "0f" * 16, "KEY_PLATFORM": "0e" * 16}
    async with wired(path, environ) as made:
        parts = made.parts
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(parts.processor.run())
            tasks.create_task(parts.dispatcher.run())
            await parts.intake.take_alertmanager(body("CardError"))
            await eventually(lambda: parts.dispatcher.snapshot().dead >= 2, what="team and fallback refused")
            await eventually(lambda: not parts.processor.undecided and not parts.dispatcher.snapshot().waiting)
            parts.processor.stop()
            await parts.dispatcher.stop(5)
        firing = parts.troubles.firing()
        dead = parts.dispatcher.snapshot().dead
        assert any("payments" in text for text in firing)
    async with wired(path, environ) as made:
        assert made.parts.dispatcher.snapshot().dead == dead
        assert sorted(made.parts.troubles.firing()) == sorted(firing)
