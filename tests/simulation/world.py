"""The world of one seed: a router that lives and dies, senders, people, PagerDuty, and the checkers that watch.

Three acts. Trouble: problems come and go while everything that the plan holds goes wrong. Calm: nothing goes wrong any more,
problems last; once the outbox is empty, PagerDuty must have open what we have open. End: all problems are over; after a while
nothing may be left anywhere, and the record must hold together.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from router.daemon.app import Daemon
from router.daemon.starting import NoRules
from router.testing.virtual import START, ManualClock, run_virtual
from tests.simulation.chat import Room
from tests.simulation.disk import Crasher, Disk
from tests.simulation.following import Webhooks
from tests.simulation.hearts import heart_tasks
from tests.simulation.life import Life
from tests.simulation.network import Network, make_sandbox
from tests.simulation.people import People
from tests.simulation.plan import Plan, draw, stream
from tests.simulation.rulebook import PROOFS, hand_over, write_config, write_heartbeats, write_rules
from tests.simulation.senders import Senders
from tests.simulation.silencers import Silencers
from tests.simulation.trace import Trace, Violation
from tests.simulation.wardens import live_as_warden
from tests.simulation.watch import Watch

VERSIONS = 3
"""Rule sets a world reloads between."""

_PATIENCE_SECONDS = 3_600
"""How long the calm and the end may take at most, besides the clock's steps ahead; what PagerDuty lost is found once an hour."""


class World:
    """Everything there is, and what the parts need of one another."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.clock = ManualClock()
        self.loop = asyncio.get_running_loop()
        self.trace = Trace()
        self.chance = stream(plan.seed, "world")
        self.is_troubled = True
        self.shortest_chore_seconds = 0.0
        self.stepped_ahead_seconds = 0
        self.calm_at = 0
        self.failure: BaseException | None = None
        self.life: Life | None = None
        self.lives = 0
        self._life_task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self.sandbox = make_sandbox(plan, START)
        self.webhook_secret = self.sandbox.subscribe("http://127.0.0.1:1/").secret if plan.following == "hears" else "x" * 16
        self.watch = Watch(self)
        self.crasher = Crasher(self)
        self.disk = Disk(self)
        self.network = Network(self)
        self.senders = Senders(self)
        self.people = People(self)
        self.silencers = Silencers(self)
        self.room = Room()
        self.webhooks = Webhooks(self)
        versions = stream(plan.seed, "rules")
        self._versions = [
            hand_over(plan, version, write_config(plan, versions), write_rules(plan, versions)) for version in range(VERSIONS)
        ]

    # what the parts need

    def true_now(self) -> int:
        """The time outside of the router's machine, in ms UTC: it cannot be set."""
        return START + round(self.loop.time() * 1000)

    def note(self, what: str, *values: object) -> None:
        """A line in the trace."""
        self.trace.add(self.true_now() - START, what, *values)

    def violate(self, text: str) -> None:
        """A promise is broken: the run ends here."""
        if self.failure is None:
            self.note("VIOLATION", text)
            self.failure = Violation(text)
            self._over.set()

    @property
    def daemon(self) -> Daemon | None:
        """The one that lives now."""
        return self.life.daemon if self.life is not None and self.life.is_alive else None

    # its course

    async def run(self) -> None:
        """Raises Violation, or what went wrong in the simulation itself."""
        plan = self.plan
        self._put_rules(0)
        self.disk.plan_spells(plan.active_seconds)
        self.network.install_faults(plan.active_seconds)
        tasks = [
            self.loop.create_task(task)
            for task in (self._keep_alive(), self._act(), self._kill(), self._stop(), self._step_clock(), self._reload())
        ]
        tasks += [
            self.loop.create_task(task)
            for task in (
                *self.senders.tasks(),
                *heart_tasks(self),
                self.people.live(),
                self.silencers.live(),
                live_as_warden(self),
                self.webhooks.live(),
            )
        ]
        for task in tasks:
            task.add_done_callback(self._look_at)
        await self._over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end_life()
        if self.failure is not None:
            raise self.failure

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and self.failure is None:
            self.note("ERROR", repr(error))
            self.failure = error
            self._over.set()

    async def _act(self) -> None:
        await asyncio.sleep(self.plan.active_seconds)
        self.note("act", "calm")
        self.is_troubled = False
        self.calm_at = self.true_now()
        self.sandbox.clear_faults()
        self.sandbox.set_switches({"rate_limit_per_minute": 0, "accepted_loss_probability": 0.0})
        self._put_rules(0)
        self.senders.calm_down()
        await self._until_up()
        assert self.daemon is not None
        self.daemon.reload()
        self.shortest_chore_seconds = 5.0
        await asyncio.sleep(400)  # a resend cycle, an expiry, every pause and wait of the dispatcher
        await self._until(self.watch.ends.are_open_sets_equal, "all is delivered once PagerDuty answers again")
        self.note("act", "end")
        self.senders.is_ending = True
        await asyncio.sleep(5)  # what beats is on its way then; without its rule it would be paged, and it never ends
        self._put_rules(0, heartbeats="")
        self.daemon.reload()
        await asyncio.sleep(5)
        self.senders.end_all()
        await asyncio.sleep(600)
        await self._until(self.watch.ends.is_over, "nothing is left when all problems are over")
        await asyncio.sleep(70)
        await self._until(self.watch.ends.is_delivered, "what came late is taken as well")
        self.watch.ends.check_nothing_left()
        await self._end_life()
        self.watch.check_record()
        self._over.set()

    async def _until(self, holds, what: str) -> None:
        began_at = self.loop.time()
        while (left := holds()) and self.failure is None:
            if self.loop.time() - began_at > _PATIENCE_SECONDS * (1 + self.plan.loses) + self.stepped_ahead_seconds:
                self.violate(f"{what}: {left}")
                return
            await asyncio.sleep(15)

    # lives

    async def _keep_alive(self) -> None:
        while True:
            self.lives += 1
            self.life = life = Life(self, self.lives)
            self.note("start", f"life {life.number}")
            self.watch.started(life)
            self._life_task = task = self.loop.create_task(life.run(), name=f"life {life.number}")
            await asyncio.wait([task])
            if life.chores is not None:
                life.chores.kill()
            if life.is_alive:
                life.is_alive = False
                error = None if task.cancelled() else task.exception()
                if isinstance(error, NoRules):
                    # The very first start met files that somebody was editing: a person puts them right.
                    self._put_rules(0)
                elif error is not None:
                    self.note("ERROR", f"the daemon ended with {error!r}")
                    self.failure = self.failure or error
                    self._over.set()
                    return
                self.note("stopped", f"life {life.number}")
            await asyncio.sleep(self.chance.choice((0.5, 2, 2, 20, 150)) if self.is_troubled else 1)

    def crash(self, where: str) -> None:
        """The process dies, now."""
        life = self.life
        if life is None or not life.is_alive or not self.is_troubled:
            return
        is_power_cut = self.crasher.cuts_power()
        self.note("power_cut" if is_power_cut else "crash", where)
        self.watch.crashed_at[life.number] = self.true_now()
        life.is_alive = False
        self.disk.unplug(is_power_cut=is_power_cut)
        if life.chores is not None:
            life.chores.kill()
        assert self._life_task is not None
        self._life_task.cancel()

    async def _until_up(self) -> None:
        while self.life is None or not self.life.is_alive or self.life.doorway is None or self.life.doorway._tasks is None:
            await asyncio.sleep(0.5)

    async def _end_life(self) -> None:
        """SIGTERM, and no further life."""
        life, task = self.life, self._life_task
        if life is not None and life.is_alive and task is not None and life.daemon is not None:
            if self.failure is None:
                life.daemon.stop()
            else:
                life.is_alive = False
                self.disk.unplug()
                task.cancel()
            await asyncio.wait([task])
            if life.chores is not None:
                life.chores.kill()

    # what happens to it

    async def _kill(self) -> None:
        while self.plan.has("crash_anytime"):
            await asyncio.sleep(self.chance.expovariate(self.plan.trouble / 60))
            self.crash("at any time")

    async def _stop(self) -> None:
        while self.plan.has("stop"):
            await asyncio.sleep(self.chance.expovariate(self.plan.trouble / 100))
            if self.is_troubled and self.daemon is not None:
                self.note("stop", "SIGTERM")
                self.daemon.stop()

    async def _step_clock(self) -> None:
        while self.plan.has("clock_steps"):
            await asyncio.sleep(self.chance.expovariate(1 / 150))
            if self.is_troubled:
                seconds = self.chance.choice((-1, 1, 7, -7, -90, 90, -600, 600))
                self.note("clock_step", seconds)
                self.stepped_ahead_seconds += abs(seconds)
                self.clock.step_ms(seconds * 1000)
                self.watch.stepped()

    async def _reload(self) -> None:
        while self.plan.has("reloads"):
            await asyncio.sleep(self.chance.expovariate(self.plan.trouble / 40))
            if not self.is_troubled:
                return
            version = self.chance.randrange(VERSIONS)
            broken = self.plan.has("broken_rules") and self.chance.random() < 0.3
            self._put_rules(version, broken=broken)
            self.note("rules", f"version {version}", "broken" if broken else "")
            if self.daemon is not None and self.chance.random() < 0.9:
                self.daemon.reload()

    def _put_rules(self, version: int, *, broken: bool = False, heartbeats: str | None = None) -> None:
        config, rules = self._versions[version]
        expected = write_heartbeats(self.plan) if heartbeats is None else heartbeats
        expected += PROOFS if self.plan.loses else ""
        if expected:
            rules = "rules:\n" + expected + rules.removeprefix("rules:").removeprefix(" []").removeprefix("\n")
        (self.folder / "rules").mkdir(exist_ok=True)
        (self.folder / "config.yaml").write_text(config)
        (self.folder / "rules" / "all.yaml").write_text(rules + ("  - {id: broken, mach: {}}\n" if broken else ""))


class Stuck(BaseException):
    """The world turns and its time stands still; raised from outside."""


def simulate(seed: int, plan: Plan | None = None) -> World:
    """Run one seed to its end; the world tells how it went. Raises nothing: ``failure`` holds what was found."""
    worlds: list[World] = []

    async def live(folder: Path) -> None:
        worlds.append(World(plan or draw(seed), folder))
        await worlds[0].run()

    with tempfile.TemporaryDirectory(prefix="simulation-") as folder:
        try:
            run_virtual(live(Path(folder)))
        except (Exception, Stuck) as error:  # noqa: BLE001 - kept in the world, for whoever asked for the run
            worlds[0].failure = worlds[0].failure or error
    return worlds[0]
