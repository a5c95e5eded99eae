"""Those who send alerts: replicas of Prometheus, a tool with our own JSON, clients of the Events API, each with its habits.

Prometheus evaluates every 15 seconds, sends what fires about once a minute with an end four minutes ahead, and what has
resolved for a quarter of an hour; what it could not send it sends next time. The others repeat a request until it is taken.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from router.ingest.timestamps import format_time
from router.testing.virtual import START
from tests.simulation.life import ConnectionLost
from tests.simulation.plan import stream
from tests.simulation.rulebook import FLAPS, INBOUND_KEY, NAMES, SERVICES

if TYPE_CHECKING:
    from tests.simulation.world import World

EVALUATION_SECONDS = 15
RESEND_SECONDS = 60
RESOLVED_KEPT_SECONDS = 900
ENDS_AHEAD_MS = 240_000
PATIENT = (300, 1_200_000)
"""One that is set up to send more rarely, with an end further ahead."""
SEVERITIES = ("critical", "error", "warning", "info")


class Report(msgspec.Struct, frozen=True):
    """What one request said of one alert. ``uid`` is in the alert itself, so that checkers find it again."""

    uid: str
    kind: str  # stateful, event, change
    is_firing: bool = True
    starts_at: int = 0
    ends_at: int = 0  # 0: not said


class Problem:
    """Something that is wrong from time to time, in true seconds."""

    def __init__(self, uid: str, labels: dict[str, str], spans: list[tuple[float, float]], *, silent_from: float = 1e9) -> None:
        self.uid = uid
        self.labels = labels | {"uid": uid}
        self.spans = spans
        self.silent_from = silent_from

    def since(self, at: float) -> float | None:
        """Since when it is wrong; None if it is not."""
        return next((start for start, end in self.spans if start <= at < end), None)

    def end(self, at: float) -> None:
        """It is over, for good."""
        self.spans = [(start, min(end, at)) for start, end in self.spans if start < at]


class Senders:
    """All of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.plan.seed, "senders")
        self.is_over = False
        self.is_ending = False  # reporters report no more
        self._hasty = 0.0 if self._chance.random() < 0.5 else 0.05
        self.problems = [self._draw_problem(number) for number in range(world.plan.problems)]
        self._told: list[Problem] = []

    # what is wrong, and when

    def _draw_labels(self, number: int) -> dict[str, str]:
        chance = self._chance
        names = (*NAMES, "Flood", "Flood", "Flood") if self._world.plan.has("crowds") else NAMES
        return {
            "service": chance.choice(SERVICES),
            "alertname": chance.choice(names),
            "severity": chance.choice(SEVERITIES),
            "instance": f"i{number}",
            "user": chance.choice(("ann", "bob")),
        }

    def _draw_problem(self, number: int) -> Problem:
        plan, chance = self._world.plan, self._chance
        seconds = plan.active_seconds
        spans = []
        at = chance.uniform(0, seconds * 0.6)
        for _ in range(chance.randint(1, 4)):
            lasts = chance.choice((1, 20, 60, 150, 400))
            spans.append((at, at + lasts))
            at += lasts + chance.choice((1, 16, 30, 120))
        if chance.random() < 0.3:
            spans[-1] = (spans[-1][0], 1e9)  # lasts until the end
        silent_from = chance.uniform(0, seconds) if plan.has("silence") and chance.random() < 0.4 else 1e9
        return Problem(f"p{number}", self._draw_labels(number), spans, silent_from=silent_from)

    def calm_down(self) -> None:
        """No sender is in trouble any more; some last problems begin."""
        now = self._world.loop.time()
        for service in ("pay-api", "search-api", "stray"):
            labels = {"service": service, "alertname": "Other", "severity": "error", "instance": "last"}
            self.problems.append(Problem(f"last-{service}", labels, [(now, 1e9)]))

    def end_all(self) -> None:
        """Every problem is over, and the senders say so."""
        self.is_over = True
        for problem in [*self.problems, *self._told]:
            problem.end(self._world.loop.time())

    def tasks(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs as long as the world does."""
        plan = self._world.plan
        for number in range(plan.replicas):
            yield self._prometheus(number)
        for number in range(plan.events):
            yield self._events(number)
        yield self._tool()
        yield self._proofs()
        if plan.loses:
            yield self._late_proofs()
        if self._chance.random() < 0.5 or plan.has("flapping"):
            yield self._flapper()
        if self._chance.random() < 0.3:
            yield self._changes()

    # Prometheus

    async def _prometheus(self, number: int) -> None:
        world, plan = self._world, self._world.plan
        chance = stream(plan.seed, f"prometheus {number}")
        lag = chance.choice((0, 0, 4, 20)) if number else 0
        every, ahead_ms = chance.choice(((RESEND_SECONDS, ENDS_AHEAD_MS), (RESEND_SECONDS, ENDS_AHEAD_MS), PATIENT))
        state: dict[str, dict[str, float]] = {}
        down_until = 0.0
        skew_ms = 0
        await asyncio.sleep(chance.uniform(0, EVALUATION_SECONDS))
        while True:
            now = world.loop.time()
            if world.is_troubled and plan.has("replica_down") and chance.random() < 0.02 and now > down_until:
                down_until = now + chance.choice((60, 200, 600))
                if chance.random() < 0.5:
                    state.clear()  # it was started anew and remembers nothing
            if plan.has("replica_skewed") and chance.random() < 0.05:
                skew_ms = chance.choice((0, 3_000, -3_000, 200_000, -200_000))
            if not world.is_troubled:
                down_until, skew_ms = 0.0, 0
            if now >= down_until:
                found = list(self._evaluate(state, now - lag, now, skew_ms, every, ahead_ms, chance))
                for start in range(0, len(found), 4):
                    batch = found[start : start + 4]
                    await self.post(
                        "/api/v2/alerts", [alert for alert, _ in batch], [report for _, report in batch], chance, wait=False
                    )
            await asyncio.sleep(EVALUATION_SECONDS)

    def _evaluate(
        self, state: dict[str, dict[str, float]], seen: float, now: float, skew_ms: int, every: int, ahead_ms: int, chance: Any
    ) -> Iterator[tuple[dict[str, Any], Report]]:
        """What a replica sends in this round. ``seen``: the time whose measurements it looks at."""
        plan = self._world.plan
        clock_ms = START + round(now * 1000) + skew_ms
        if not self._world.is_troubled:  # nobody's clock is behind the router's any more: nothing looks over that is not
            clock_ms = max(clock_ms, self._world.clock.now())
        for problem in self.problems:
            is_silent = now >= problem.silent_from
            known = state.get(problem.uid)
            if is_silent:
                state.pop(problem.uid, None)
                continue
            if problem.since(seen) is not None:
                if known is None or known["resolved"]:
                    known = state[problem.uid] = {"began": clock_ms, "resolved": 0, "sent": -1e9}
            elif known is not None and not known["resolved"]:
                if plan.has("late_resolves") and self._world.is_troubled and chance.random() < 0.5:
                    continue
                known["resolved"], known["sent"] = max(known["began"], clock_ms), -1e9
            if known is None or now - known["sent"] < every:
                continue
            if known["resolved"] and clock_ms - known["resolved"] > RESOLVED_KEPT_SECONDS * 1000:
                continue
            known["sent"] = now
            ends_at = int(known["resolved"]) or clock_ms + ahead_ms
            said = chance.randrange(3) if plan.has("wording") else 0
            alert = {
                "labels": problem.labels,
                "annotations": {"summary": f"it is bad: {said}"},
                "startsAt": format_time(int(known["began"])),
                "endsAt": format_time(ends_at),
            }
            yield alert, Report(problem.uid, "stateful", not known["resolved"], int(known["began"]), ends_at)

    # our own JSON, stateful

    async def _tool(self) -> None:
        """One alert after another: firing, repeated, resolved, until each is taken; some are never resolved."""
        world = self._world
        chance = stream(world.plan.seed, "tool")
        for number in range(chance.randint(0, 3)):
            await asyncio.sleep(chance.uniform(1, world.plan.active_seconds / 3))
            if not world.is_troubled:
                return
            labels = self._draw_labels(number)
            problem = Problem(f"t{number}", {"user": labels["user"], "instance": f"t{number}"}, [(world.loop.time(), 1e9)])
            self._told.append(problem)
            said = {
                "service": labels["service"],
                "name": labels["alertname"],
                "severity": labels["severity"],
                "kind": "stateful",
                "dedup_key": f"tool {number}",
                "labels": problem.labels,
            }
            lasts = world.loop.time() + chance.choice((30, 120, 400))
            while world.loop.time() < lasts and not self.is_over:
                await self.post("/v1/alerts", said, [Report(problem.uid, "stateful")], chance)
                await asyncio.sleep(chance.choice((20, 60)))
            if world.plan.has("silence") and chance.random() < 0.5:
                continue
            report = [Report(problem.uid, "stateful", is_firing=False)]
            await self.post("/v1/alerts", said | {"status": "resolved"}, report, chance)

    async def _flapper(self) -> None:
        """Fires and resolves within moments, again and again: what follows comes while what went before is on its way."""
        world = self._world
        chance = stream(world.plan.seed, "flapper")
        service, name = chance.choice(SERVICES), chance.choice(("Down", "Down", "Other", "Slow", "Quiet"))
        if world.plan.has("flapping"):
            name = FLAPS
        said = {"service": service, "name": name, "kind": "stateful", "dedup_key": "flapper", "labels": {"uid": "flapper"}}
        while world.is_troubled:
            await asyncio.sleep(chance.choice((1, 5, 20, 60)))
            for severity in chance.sample(SEVERITIES, chance.randint(1, 3)):
                await self.post("/v1/alerts", said | {"severity": severity}, [Report("flapper", "stateful")], chance)
                await asyncio.sleep(chance.choice((0.02, 0.5, 2, 10)))
            report = [Report("flapper", "stateful", is_firing=False)]
            await self.post("/v1/alerts", said | {"status": "resolved"}, report, chance)

    # events

    async def _events(self, number: int) -> None:
        """Occurrences on a grid of ten seconds (so that some fall exactly on the edge of a window), resolved at the end."""
        world = self._world
        chance = stream(world.plan.seed, f"events {number}")
        through_events_api = chance.random() < 0.5
        service, name = chance.choice(SERVICES), chance.choice(("Burst", "Burst", "Users", "Quiet", "Down", "Flood"))
        key = f"key {number}" if chance.random() < 0.5 else ""
        last = None
        sent: list[str] = []
        while world.is_troubled:
            now = world.loop.time()
            await asyncio.sleep((now // 10 + chance.choice((1, 1, 2, 3, 6, 12))) * 10 - now)
            if not world.is_troubled:
                break
            uid = f"e{number}.{len(sent)}"
            sent.append(key or uid)
            said = self._said(through_events_api, service, name, key or uid, uid, chance)
            last = (said, uid)
            await self.post(*said, [Report(uid, "event")], chance)
            if last is not None and chance.random() < 0.2:
                await asyncio.sleep(10)
                await self.post(*said, [Report(uid, "event")], chance)  # the same again, word for word
        while not self.is_over:
            await asyncio.sleep(5)
        for dedup_key in dict.fromkeys(sent):
            path, said = self._said(through_events_api, service, name, dedup_key, f"{dedup_key} end", chance)
            said = said | {"event_action": "resolve"} if through_events_api else said | {"status": "resolved"}
            await self.post(path, said, [Report(f"{dedup_key} end", "event", is_firing=False)], chance)

    def _said(
        self, through_events_api: bool, service: str, name: str, key: str, uid: str, chance: Any
    ) -> tuple[str, dict[str, Any]]:
        severity, user = chance.choice(SEVERITIES), chance.choice(("ann", "bob", "cy"))
        if not through_events_api:
            labels = {"uid": uid, "user": user, "instance": uid}
            said = {"service": service, "name": name, "severity": severity, "kind": "event", "dedup_key": key, "labels": labels}
            return "/v1/alerts", said
        details = {"uid": uid, "user": user, "instance": uid, "service": service}
        payload = {"summary": f"{name} at {service}", "source": "host", "severity": severity, "class": name}
        said = {"routing_key": INBOUND_KEY, "event_action": "trigger", "dedup_key": key}
        return "/v2/enqueue", said | {"payload": payload | {"custom_details": details}}

    async def _proofs(self) -> None:
        """Once it is calm every team is told something, which proves that it can be reached: that ends troubles about it."""
        while self._world.is_troubled:
            await asyncio.sleep(5)
        await asyncio.sleep(60)
        for service in ("pay-proof", "search-proof", "nothing-proof", "proof"):
            payload = {"summary": "proof", "source": "deploy", "component": service, "custom_details": {"uid": service}}
            said = {"routing_key": INBOUND_KEY, "payload": payload}
            await self.post("/v2/change/enqueue", said, [Report(service, "change")], self._chance)

    async def _late_proofs(self) -> None:
        """Later each team is paged by itself: what was lost is known by then. No times are named, so no clock matters."""
        while self._world.is_troubled:
            await asyncio.sleep(5)
        await asyncio.sleep(345)
        said = {"name": "Other", "severity": "error", "kind": "stateful"}
        while not self.is_over:
            await self._say_proofs(said, is_firing=True)
            await asyncio.sleep(60)
        await self._say_proofs(said | {"status": "resolved"}, is_firing=False)

    async def _say_proofs(self, said: dict[str, Any], *, is_firing: bool) -> None:
        for service in ("pay-proof", "search-proof", "proof"):
            report = [Report(f"late-{service}", "stateful", is_firing=is_firing)]
            about = {"service": service, "dedup_key": f"late-{service}", "labels": {"uid": f"late-{service}"}}
            await self.post("/v1/alerts", said | about, report, self._chance)

    async def _changes(self) -> None:
        world = self._world
        chance = stream(world.plan.seed, "changes")
        for number in range(3):
            await asyncio.sleep(chance.uniform(1, world.plan.active_seconds / 3))
            uid = f"c{number}"
            payload = {"summary": uid, "source": "deploy", "component": "pay-api", "custom_details": {"uid": uid}}
            said = {"routing_key": INBOUND_KEY, "payload": payload}
            await self.post("/v2/change/enqueue", said, [Report(uid, "change")], chance)

    # the wire

    async def post(self, path: str, said: Any, reports: list[Report], chance: Any, *, wait: bool = True) -> None:
        """With ``wait`` until it is taken, with the same words; without, once."""
        body = json.dumps(said).encode()
        while True:
            status = await self._try(path, body, reports, chance)
            if not wait or (status is not None and 200 <= status < 300):
                return
            if status is not None and status not in {429, 503}:
                self._world.violate(f"{path} answered {status} to {body!r}")
                return
            await asyncio.sleep(chance.choice((1, 5, 10)))

    async def _try(self, path: str, body: bytes, reports: list[Report], chance: Any) -> int | None:
        world = self._world
        if self._hasty:
            await asyncio.sleep(chance.random() * self._hasty)
        life = world.life
        if life is None or not life.is_alive or life.doorway is None:
            return None

        known = world.watch.asking(reports)

        def answered(status: int, asked_at: int) -> None:
            if life.is_alive:
                world.note("answer", path, status, *(f"{'+' if report.is_firing else '-'}{report.uid}" for report in reports))
                world.watch.answered_sender(life, reports, status, asked_at, known)

        future = life.doorway.ask(path, body, answered, world.clock)
        gives_up = world.is_troubled and world.plan.has("senders_give_up") and chance.random() < world.plan.trouble
        patience = chance.choice((0.0, 0.01, 0.3)) if gives_up else 10
        await asyncio.wait([future], timeout=patience)
        if not future.done():
            return None  # the connection is closed; the router goes on with what it has read
        if future.exception() is not None:
            assert isinstance(future.exception(), ConnectionLost), future.exception()
            return None
        if world.is_troubled and world.plan.has("answers_lost") and chance.random() < world.plan.trouble:
            return None
        return future.result().status
