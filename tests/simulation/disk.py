"""What survives: one store after another over the same durable tables, with the faults of a seed; and who pulls the plug.

A process that dies before its work is written leaves nothing of it; one that dies after leaves all of it, and nobody told. A
power cut takes besides what was written and not synced: decisions that sent nothing, since the last work of another kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from router.model.journal import Entry
from router.model.page import Followed, Webhook
from router.store.base import Commit, Recovered
from router.store.memory import Fault, MemoryStore, Operation, _Work, full_disk, no_answer
from router.store.settings import StoreSettings
from router.store.tables import Tables
from tests.simulation.plan import stream

if TYPE_CHECKING:
    from tests.simulation.world import World

_POINTS = {"append": "crash_at_append", "commit": "crash_at_commit", "record": "crash_at_record"}


class Spell(msgspec.Struct, frozen=True):
    """A span of time in which the store is not itself."""

    kind: str
    begins: float
    ends: float


class SimulatedStore(MemoryStore):
    """Tells the checkers what the processor is given, and knows what a power cut would leave; all else is the shipped store."""

    watch_given: object = None
    watch_closed: object = None
    can_lose_power = False
    synced: Tables | None = None  # None: all that is written is synced as well

    async def open(self) -> Recovered:
        """What is undecided is given to the processor at the start."""
        recovered = await super().open()
        self.watch_given(recovered.undecided)  # type: ignore[operator]
        return recovered

    def subscribe(self, listener: object) -> None:
        """As the shipped store."""

        def told(entries: Sequence[Entry]) -> None:
            self.watch_given(entries)  # type: ignore[operator]
            listener(entries)  # type: ignore[operator]

        super().subscribe(told)

    async def commit(self, commit: Commit) -> None:
        """As the shipped store; the checkers hear of what is over."""
        await super().commit(commit)
        self.watch_closed([incident for incident in commit.incidents if incident.status == "closed"])  # type: ignore[operator]

    def syncs(self, work: _Work) -> bool:
        """As the SQLite driver does: decisions that send nothing need no sync of their own, they follow from what has one."""
        return work.commit is None or bool(work.commit.deliveries)

    def _settle(self, work: _Work) -> list[Entry]:
        if not self.can_lose_power:
            return super()._settle(work)
        synced = self.synced or self._tables.copy()
        entries = super()._settle(work)
        self.synced = None if self.syncs(work) else synced
        return entries

    async def keep_webhook(self, webhook: Webhook) -> bool:
        """Synced, with all before it; so are the others below."""
        self.synced = None
        return await super().keep_webhook(webhook)

    async def follow(self, step: Followed) -> None:
        """What was learnt of pages."""
        self.synced = None
        await super().follow(step)

    async def checkpoint_expiries(self, expiries: dict[int, int | None]) -> None:
        """Expiry times."""
        self.synced = None
        await super().checkpoint_expiries(expiries)

    async def save_ruleset(self, version: str, at: int, texts: bytes) -> None:
        """The texts of a rule set."""
        self.synced = None
        await super().save_ruleset(version, at, texts)

    async def retire(self, *, before_at: int, max_bytes: int) -> int:
        """What is too old."""
        self.synced = None
        return await super().retire(before_at=before_at, max_bytes=max_bytes)


class Disk:
    """Holds what is durable from life to life."""

    store_class: type[SimulatedStore] = SimulatedStore

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "disk")
        self.store: SimulatedStore | None = None
        self.spells: list[Spell] = []

    def plan_spells(self, seconds: int) -> None:
        """When the store is busy, full or slow."""
        for kind in ("store_busy", "store_full", "store_slow"):
            if self._world.plan.has(kind):
                for _ in range(self._chance.randint(1, 3)):
                    begins = self._chance.uniform(0, seconds)
                    self.spells.append(Spell(kind, begins, begins + self._chance.choice((1, 10, 40))))

    @property
    def tables(self):
        """What is durable now."""
        assert self.store is not None
        return self.store._tables

    def mount(self, settings: StoreSettings) -> SimulatedStore:
        """The store for the next life."""
        if self.store is None:
            store = self.store_class(clock=self._world.clock, settings=settings, faults=self._fault)
        else:
            store = self.store.crash()
            if not isinstance(store, SimulatedStore):
                store.__class__ = self.store_class
        store.watch_given = self._world.watch.given
        store.watch_closed = self._world.watch.closed
        store.can_lose_power = self._world.plan.has("power_cuts")
        self.store = store
        return store

    def unplug(self, *, is_power_cut: bool = False) -> None:
        """The process dies: what was not written is gone, and the store answers nobody any more."""
        if self.store is not None:
            dead, tables = self.store, self.store._tables
            left = dead.crash()
            assert left._tables is not tables, "a dead process cannot write any more"
            if is_power_cut and dead.synced is not None:
                left._tables = dead.synced
            left.__class__ = self.store_class
            self.store = left

    def _fault(self, operation: Operation) -> Fault | None:
        world = self._world
        if not world.is_troubled:
            return None
        if world.crasher.point(_POINTS[operation], f"before {operation}", durable=False):
            return Fault(delay_seconds=1.0)
        if world.crasher.point(_POINTS[operation], f"after {operation}", durable=True):
            return None
        now = asyncio.get_running_loop().time()
        for spell in self.spells:
            if spell.begins <= now < spell.ends and (found := self._strike(spell.kind, operation)) is not None:
                world.note("store", spell.kind, operation)
                return found
        return None

    def _strike(self, kind: str, operation: Operation) -> Fault | None:
        chance = self._chance
        match kind:
            case "store_full":
                return full_disk() if operation == "append" else None
            case "store_slow":
                return Fault(delay_seconds=chance.choice((0.02, 0.5, 3.0)))
            case _ if chance.random() < 0.7:
                # Whether an append whose answer was lost was written is asked of the crashes: the store of one process knows.
                return no_answer(is_durable=operation != "append" and chance.random() < 0.5)
        return None


class Crasher:
    """Decides at each point where a process may die whether it does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "crasher")
        self._power = stream(world.plan.seed, "power")
        self._odds = world.plan.trouble / 10

    def point(self, kind: str, where: str, *, durable: bool | None = None) -> bool:
        """Whether the process dies here. ``durable``: after the work at hand was written, or before; None: at once."""
        world = self._world
        if not (world.is_troubled and world.plan.has(kind)) or self._chance.random() >= self._odds:
            return False
        loop = asyncio.get_running_loop()
        if durable:
            # The writing is at the latest behind this in the queue, the answer behind that.
            loop.call_soon(loop.call_soon, world.crash, where)
        else:
            loop.call_soon(world.crash, where)
        return True

    def cuts_power(self) -> bool:
        """Whether this death is the machine's."""
        return self._world.plan.has("power_cuts") and self._power.random() < 0.7
