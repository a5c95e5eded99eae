"""Drills in virtual time through the whole loop: proven, failed with the step that failed, never left open."""

from __future__ import annotations

import random

import msgspec
import pytest

from router.daemon.drills import LATE_MS, Drills
from router.daemon.troubles import Troubles
from router.model.drill import NAME, Drill, due_after
from router.model.journal import AlertReceived
from router.model.pattern import Pattern
from router.model.ruleset import Match, Rule
from router.model.severity import Severity
from router.sandbox.facade import ServiceChange
from router.telemetry.metrics import Metrics
from tests.support.loop import Loop


def soon(loop: Loop, team: str = "payments", service: str = "pay-api") -> Drill:
    """Due within the next two minutes."""
    minute = (loop.clock.now() // 60_000 + 1) % 1_440
    return Drill(
        team=team,
        service=service,
        severity=Severity.INFO,
        weekdays=tuple(range(7)),
        minute=minute,
        zone="UTC",
        within_ms=120_000,
    )


def drills_of(loop: Loop, *drills: Drill) -> tuple[Drills, Troubles]:
    troubles = Troubles(journal=loop.store, clock=loop.clock, metrics=Metrics())
    made = Drills(
        {drill.team: drill for drill in drills}, keeper=loop.store, ask=loop.ask, troubles=troubles, clock=loop.clock,
        chance=random.Random(1),
    )  # fmt: skip
    return made, troubles


async def run(loop: Loop, drills: Drills, seconds: float) -> None:
    for _ in range(int(seconds / 2)):
        loop.clock.at += 2_000
        await drills.tick()
        await loop.step()


@pytest.fixture(params=["webhooks", "polling"])
async def loop(request) -> Loop:
    return await Loop(hears=request.param == "webhooks").open()


def firing(loop: Loop) -> list[str]:
    """Alerts of drills that were not ended."""
    seen: dict[str, str] = {}
    for fact in loop.facts():
        if isinstance(fact, AlertReceived) and fact.alert.name == NAME:
            seen[fact.alert.fingerprint] = fact.alert.status
    return [mark for mark, status in seen.items() if status == "firing"]


async def test_a_team_is_proven_once_a_day(loop: Loop) -> None:
    drills, troubles = drills_of(loop, soon(loop))
    await run(loop, drills, 400)
    (incident,) = loop.sandbox.incidents()
    assert (incident.service, incident.status, incident.title[:4]) == ("payments", "resolved", "pay-")
    assert "TEST" in incident.title
    figures = drills.figures()
    assert figures["drill_proven_timestamp_seconds"]["payments"] > 0
    assert 0 < figures["drill_confirmed_seconds"]["payments"] < 60
    assert (firing(loop), troubles.firing()) == ([], [])
    entry = next(row.entry for row in loop.store.reader().audit(limit=50) if row.entry.what == "drilled")
    assert (entry.team, entry.incident, entry.who) == ("payments", 1, "alert-router")
    assert entry.text.startswith("in PagerDuty after")
    again, _ = drills_of(loop)
    await again.tick()
    assert again.figures()["drill_proven_timestamp_seconds"] == {"payments": entry.at / 1000}, "known after a restart"


async def test_nobody_on_call_is_a_trouble_until_a_drill_succeeds(loop: Loop) -> None:
    loop.sandbox.set_service(ServiceChange(name="payments", on_call=False), loop.clock.now())
    drill = soon(loop)
    drills, troubles = drills_of(loop, drill)
    await run(loop, drills, 400)
    (trouble,) = troubles.firing()
    assert trouble.startswith("DrillFailed: the drill of team payments failed: waited 2m for PagerDuty to show the incident")
    assert firing(loop) == []
    loop.sandbox.set_service(ServiceChange(name="payments", on_call=True), loop.clock.now())
    drills.configure({"payments": msgspec.structs.replace(drill, minute=soon(loop).minute)})
    await run(loop, drills, 400)
    assert troubles.firing() == []


async def test_what_rules_make_of_it_is_told() -> None:
    for rule, words in (
        (Rule(id="quiet", drop="not now"), "decided as drop: dropped_by_rule (not now)"),
        (Rule(id="other", page=("platform",)), "rule other paged platform instead"),
        (Rule(id="narrow", match=Match(services=(Pattern("else"),))), "rule default paged platform instead"),
    ):
        loop = await Loop(hears=True, rule=rule).open()
        drills, troubles = drills_of(loop, soon(loop))
        await run(loop, drills, 300)
        assert words in troubles.firing()[0]
        assert firing(loop) == []


async def test_a_resolve_that_does_not_arrive_fails_it(loop: Loop) -> None:
    drills, troubles = drills_of(loop, soon(loop))
    while not loop.sandbox.incidents():
        await run(loop, drills, 2)
    loop.sandbox.set_switches({"accepted_loss_probability": 1.0})
    await run(loop, drills, 300)
    assert "show it as resolved" in troubles.firing()[0]


async def test_a_crash_in_the_midst_leaves_nothing_firing(loop: Loop) -> None:
    drills, _ = drills_of(loop, soon(loop))
    while not firing(loop):
        await run(loop, drills, 2)
    await loop.step()
    await loop.crash()
    again, _ = drills_of(loop)
    again.recover(loop.store.reader().state("alert"))
    await run(loop, again, 4)
    assert firing(loop) == []


async def test_what_is_long_due_is_left_out() -> None:
    loop = await Loop(hears=True).open()
    drills, _ = drills_of(loop, soon(loop))
    loop.clock.at += LATE_MS + 130_000
    await drills.tick()
    assert loop.facts() == []


async def test_a_reload_keeps_what_is_due() -> None:
    loop = await Loop(hears=True).open()
    drill = soon(loop)
    drills, _ = drills_of(loop, drill)
    loop.clock.at += 61_000
    drills.configure({"payments": drill})
    await drills.tick()
    assert len(firing(loop)) == 1
    assert due_after(drill, loop.clock.now()) > loop.clock.now()
