"""The wire to PagerDuty: the events client posts, the sandbox's pure model answers, and what lies between goes wrong.

A request that has left arrives even when the process that sent it dies on the way (or it does not: chance says). Where the
process may die: before the event arrives, after PagerDuty has it, and after the answer came.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router.sandbox.answer import Answer as SandboxAnswer
from router.sandbox.answer import Behaviour
from router.sandbox.facade import Sandbox
from router.sandbox.faults import Fault, FaultKind
from router.sandbox.settings import ServiceSpec
from router.sandbox.switches import Switches
from router.wire.answer import Answer
from router.wire.connection import NetworkFailure
from router.wire.transport import Target
from tests.simulation.plan import Plan, stream
from tests.simulation.rulebook import KEYS

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.world import World

_HEADERS = {"content-type": "application/json"}
_FAULTS: dict[str, tuple[FaultKind, ...]] = {
    "events_reset": ("reset_before", "reset_after", "reset_connect"),
    "events_hang": ("hang", "hang_after", "slow"),
    "events_broken": ("drip", "truncated", "cut", "no_dedup_key"),
    "events_errors": ("500", "502", "503", "504", "408", "lost_503", "301"),
    "events_throttled": ("429",),
}


def make_sandbox(plan: Plan, now: int) -> Sandbox:
    """PagerDuty with a service for each team, named like it."""
    switches = Switches(
        rate_limit_per_minute=plan.sandbox_rate,
        throttle_retry_after_seconds=plan.sandbox_retry_after,
        accepted_loss_probability=0.15 if plan.loses else 0.0,
        processing_delay_ms=stream(plan.seed, "processing").choice((0, 50, 200)),
    )
    services = [ServiceSpec(name=team, keys=(key,), urgency="high") for team, key in KEYS.items()]
    return Sandbox(switches, services, plan.seed, now=now)


class Network:
    """Between one world's routers and its PagerDuty."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "network")
        self._slow = self._chance.random() < 0.3

    def install_faults(self, seconds: int) -> None:
        """Plan what the events API does wrong while troubles last."""
        plan, chance, sandbox = self._world.plan, self._chance, self._world.sandbox
        now = self._world.true_now()
        for kind, faults in _FAULTS.items():
            if not plan.has(kind):
                continue
            for fault in chance.sample(faults, chance.randint(1, len(faults))):
                sandbox.add_fault(
                    Fault(
                        kind=fault,
                        probability=min(1.0, plan.trouble),
                        starts_in_ms=chance.randrange(seconds * 500),
                        lasts_ms=chance.randint(10_000, seconds * 1000),
                        delay_ms=chance.choice((0, 1_000, 9_000, 15_000)) if fault in {"slow", "lost_503"} else 0,
                        drip_ms=chance.choice((1, 400)),
                    ),
                    now,
                )
        if plan.has("events_refused"):
            key = KEYS[chance.choice(("payments", "search"))]
            fault = Fault(kind="403", routing_key=key, count=chance.randint(1, 3), skip=chance.randint(0, 3))
            sandbox.add_fault(fault, now)
        if plan.has("outage"):
            starts_in_ms = chance.randrange(seconds * 800)
            lasts_ms = chance.choice((20_000, 90_000, 240_000))
            for fault in (chance.choice(("reset_connect", "503", "hang")), "503"):
                sandbox.add_fault(Fault(kind=fault, starts_in_ms=starts_in_ms, lasts_ms=lasts_ms), now)

    def latency(self) -> float:
        """Seconds one way. No request is on its way for longer than a restart takes: nobody could do anything about that."""
        return self._chance.choice((0.02, 0.1, 0.3)) if self._slow else 0.01

    def arrive(self, life: Life, path: str, body: bytes, future: asyncio.Future[SandboxAnswer]) -> None:
        """The request is there, whatever has become of its sender."""
        world = self._world
        if not life.is_alive and self._chance.random() < 0.5:
            return
        now = world.true_now()
        if world.sandbox.connect(now) is Behaviour.RESET_BEFORE:
            self._reply(future, SandboxAnswer(0, (), b"", Behaviour.RESET_BEFORE))
            return
        answer = world.sandbox.receive_event(path, _HEADERS, body, now)
        entry = world.sandbox.requests()[-1]
        world.note("pagerduty", entry.action, entry.dedup_key, entry.status, entry.behaviour, entry.fate)
        world.watch.arrived(life, entry)
        if life.is_alive:
            world.crasher.point("crash_at_send", "pagerduty has it")
        self._reply(future, answer)

    def _reply(self, future: asyncio.Future[SandboxAnswer], answer: SandboxAnswer) -> None:
        def deliver() -> None:
            if not future.done():
                future.set_result(answer)

        if answer.behaviour is not Behaviour.HANG:
            asyncio.get_running_loop().call_later(self.latency() + answer.delay_ms / 1000, deliver)


class SimulatedPoster:
    """Fits ``router.wire.transport.Poster``: one life's way out."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life

    async def post(self, target: Target, body: bytes, *, deadline_seconds: float) -> Answer:
        """Send and wait; NetworkFailure when no status line came within the deadline."""
        world, life = self._world, self._life
        assert life.is_alive, "a process that has died sends nothing"
        world.crasher.point("crash_at_send", "about to send")
        path = target.head.split(b" ", 2)[1].decode()
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        world.watch.leaves(life, body)
        future: asyncio.Future[SandboxAnswer] = loop.create_future()
        loop.call_later(world.network.latency(), world.network.arrive, life, path, body, future)
        try:
            async with asyncio.timeout(deadline_seconds):
                answer = await future
        except TimeoutError:
            raise NetworkFailure("no answer in time", phase="deadline") from None
        world.crasher.point("crash_at_send", "the answer is here")
        if answer.behaviour in (Behaviour.RESET_BEFORE, Behaviour.RESET_AFTER):
            raise NetworkFailure("connection reset", phase="read")
        headers = dict(answer.headers)
        world.watch.answered(life, body, answer.status, headers)
        if answer.behaviour is Behaviour.DRIP:
            left = began_at + deadline_seconds - loop.time()
            needed = answer.drip_ms * len(answer.body) / 1000
            await world.clock.sleep(max(0.0, min(left, needed)))
            return Answer(
                status=answer.status, headers=headers, body=answer.body if needed <= left else b"", complete=needed <= left
            )
        if answer.behaviour is Behaviour.CUT:
            return Answer(status=answer.status, headers=headers, body=answer.body[:7], complete=False)
        return Answer(status=answer.status, headers=headers, body=answer.body)

    async def aclose(self) -> None:
        """Nothing is held."""
