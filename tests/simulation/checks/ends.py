"""Once faults stop: everything is delivered, PagerDuty has open what we have open, and at the very end nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model.delivery import DeliveryState
from router.model.event import PAGERDUTY
from tests.simulation.checks.followed import find_unfollowed
from tests.simulation.checks.lost import find_lost
from tests.simulation.rulebook import KEYS

if TYPE_CHECKING:
    from tests.simulation.world import World


class Ends:
    """Looks at the router from outside, and at its insides only for what takes memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    def is_delivered(self) -> str:
        """What is still on its way; empty: nothing."""
        world = self._world
        if world.daemon is None or not hasattr(world.daemon, "_parts"):
            return "the router is not up"
        parts, store = world.daemon._parts, world.disk.store
        assert store is not None
        world.sandbox.advance(world.true_now())
        found = parts.dispatcher.snapshot()
        left = {
            "entries to decide": store._pending.count or parts.processor.undecided,
            "deliveries": found.waiting,
            "deliveries to record": found.unrecorded,
            "events in PagerDuty's queue": world.sandbox.pending,
            "troubles to journal": len(parts.troubles._waiting),
            "webhooks under way": world.webhooks.under_way,
        }
        return ", ".join(f"{count} {name}" for name, count in left.items() if count)

    def is_over(self) -> str:
        """What is still open or remembered; empty: nothing."""
        world = self._world
        if undelivered := self.is_delivered():
            return undelivered
        assert world.daemon is not None
        engine, register = world.daemon._parts.engine, world.daemon._parts.register
        left = {
            "open incidents": engine.open_incidents,
            "active alerts": engine.active_alerts,
            "groups": engine.groups,
            "timers": engine.timers,
            "alerts in the register": len(register),
        }
        return ", ".join(f"{count} {name}" for name, count in left.items() if count)

    def are_open_sets_equal(self) -> str:
        """What differs between our open incidents, by the record, and PagerDuty's, by its own account; empty: nothing.

        But for what PagerDuty refused and what people resolved there.
        """
        if undelivered := self.is_delivered():
            return undelivered
        world = self._world
        tables = world.disk.tables
        lanes: dict[tuple[str, str], set[str]] = {}
        dead: set[tuple[str, str]] = set()
        for delivery in tables.deliveries.values():
            if delivery.channel != PAGERDUTY:
                continue
            if delivery.is_escalation and delivery.state is DeliveryState.CANCELLED:
                continue  # somebody else had it by then, as PagerDuty said when it was asked: this team was not woken
            lane = (delivery.team, delivery.dedup_key)
            lanes.setdefault(lane, set()).add(delivery.action)
            if delivery.state is DeliveryState.DEAD:
                dead.add(lane)
        open_keys = {incident.dedup_key for incident in tables.incidents.values() if incident.status == "open"}
        ours = {lane for lane, actions in lanes.items() if "trigger" in actions and lane[1] in open_keys}
        theirs = {(incident.service, key) for incident in world.sandbox.incidents("open") for key in incident.open_dedup_keys}
        excused = dead | {(team, key) for team in KEYS for key in world.people.resolved}
        missing, extra = ours - theirs - excused - find_lost(world), theirs - ours - excused
        if unfollowed := find_unfollowed(world):
            return unfollowed
        found = [f"open here, not at PagerDuty: {sorted(missing)}"] if missing else []
        return "; ".join(found + ([f"open at PagerDuty, not here: {sorted(extra)}"] if extra else []))

    def check_nothing_left(self) -> None:
        """Memory: nothing is kept about what is over, but for counters."""
        world = self._world
        assert world.daemon is not None
        parts = world.daemon._parts
        state = parts.engine._state
        outbox = parts.dispatcher._outbox
        left = {
            "identities": len(state.identities),
            "episodes": len(state.episodes),
            "storms": len(state.storms) + len(state.storm_keys) + len(state.storm_places),
            "tables of groups": sum(map(len, state.tables.values())),
            "shared windows": len(state.shared) + len(state.shared_ids),
            "lanes": len(outbox._lanes),
            "deliveries": len(outbox.pending) + len(outbox._maybe_sent),
            "bodies": parts.dispatcher._bodies.bytes_held,
            "state rows": sum(kind != "counter" for kind, _ in world.disk.tables.state),
            "events of resolved lanes": len(parts.dispatcher._revived),
        }
        if found := {name: count for name, count in left.items() if count}:
            world.violate(f"still remembered when all is over: {found}")
        counters = sum(kind == "counter" for kind, _ in world.disk.tables.state)
        if counters > 1 + 3 + 10:
            world.violate(f"{counters} counters for three teams and ten rules")
        if differ := self.are_open_sets_equal():
            world.violate(differ)
