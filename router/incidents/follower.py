"""Follows every page until PagerDuty has closed it: confirms that there is an incident, and keeps up with what people do.

News comes by webhook (``offer``) and by asking (``look``, ``poll``); both take the same way, ``take``: the facts are journalled
for the engine first, then the pages and the audit record are written. A crash between the two tells the engine twice, which
changes nothing. Must never do: page anybody itself, or say that a page is missing when it could not look.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from router.clock import Clock
from router.errors import Overloaded, RemoteError, RemoteRefused, StoreError
from router.incidents.following import follow
from router.incidents.misses import Misses
from router.incidents.protocols import Ask, Bell, Journal, Notebook, Remote
from router.incidents.register import Followable, PageRegister, Waiting, recall
from router.incidents.rhythm import Rhythm
from router.model.delivery import Delivery, Priority
from router.model.incident import Incident
from router.model.journal import DeliveryFailed, Fact
from router.model.page import AuditEntry, Followed, Page, Sighting, Webhook
from router.model.quantity import format_duration
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

MAX_WEBHOOKS = 10_000
"""Webhooks taken and not yet worked on; above it PagerDuty is told to come again."""

MAX_FOREIGN = 10_000
"""Incidents of PagerDuty's that are remembered as none of ours."""

MAX_BATCH = 500
BLIND_AFTER_MS = 300_000

log = logger("follow")


class Follower:
    """One per daemon. ``run`` until ``stop``; without ``remote`` only webhooks that carry the dedup key mean anything."""

    def __init__(
        self,
        *,
        remote: Remote | None,
        journal: Journal,
        notebook: Notebook,
        ask: Ask,
        bell: Bell,
        clock: Clock,
        metrics: Metrics,
        rhythm: Rhythm,
        confirm_within_ms: Mapping[str, int],
        teams_with_key: Callable[[Iterable[str]], set[str]],
        teams_with_service: Callable[[str], set[str]],
        reads_log: bool,
    ) -> None:
        """``reads_log``: tell what people did from PagerDuty's log (where no webhooks tell it).

        ``teams_with_key``: which of our teams have one of these routing keys; ``teams_with_service``: which have their
        incidents made in this service of PagerDuty's.
        """
        self.remote = remote
        self.register = PageRegister()
        self._misses = Misses(register=self.register, ask=ask, bell=bell, clock=clock, confirm_within_ms=confirm_within_ms)
        self._journal = journal
        self._notebook = notebook
        self._ask = ask
        self._bell = bell
        self._clock = clock
        self._metrics = metrics
        self._rhythm = rhythm
        self._teams_with_key = teams_with_key
        self._teams_with_service = teams_with_service
        self._reads_log = reads_log
        self._webhooks: deque[Webhook] = deque()
        self._not_before: dict[str, int] = {}  # incident of PagerDuty's -> when to ask again
        self._sent: deque[Delivery] = deque(maxlen=100_000)
        self._foreign: OrderedDict[str, None] = OrderedDict()
        self._service_teams: dict[str, str] = {}
        self._read_at: dict[str, int] = {}
        self._confirmed_at: dict[str, float] = {}
        self._poll_at = 0
        self._failing_since = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._one_at_a_time = asyncio.Lock()

    # what comes in

    @property
    def is_full(self) -> bool:
        """Whether more webhooks wait than are worked on."""
        return len(self._webhooks) >= MAX_WEBHOOKS

    def configure(self, confirm_within_ms: Mapping[str, int]) -> None:
        """What teams want after a reload; it holds for what waits as well."""
        self._misses.configure(confirm_within_ms)
        self._wake.set()

    def offer(self, webhook: Webhook) -> None:
        """A durable webhook; its effect comes soon."""
        self._webhooks.append(webhook)
        self._wake.set()

    def delivered(self, delivery: Delivery) -> None:
        """PagerDuty answered 202. Called on the dispatcher's path, so it only remembers."""
        is_page = delivery.action == "trigger" and delivery.priority is not Priority.UPDATE
        if self.remote is not None and delivery.team and (is_page or delivery.action == "resolve"):
            self._sent.append(delivery)
            self._wake.set()

    def figures(self) -> dict[str, float | dict[str, float]]:
        """How many pages wait to be confirmed, and how many for somebody; when each team's page was last confirmed."""
        return {
            "page_confirmed_timestamp_seconds": {team: at / 1000 for team, at in self._confirmed_at.items()},
            "pages_unconfirmed": len(self.register.waiting),
            "pages_unacknowledged": sum(page.status == "triggered" for page in self.register.pages.values()),
            "webhooks_waiting": len(self._webhooks),
        }

    # life

    def stop(self) -> None:
        """Finish the step at hand; the rest is there after the next start."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Take up what was open, then follow until stopped."""
        while not self._stopping:
            try:
                await self._recall()
                break
            except StoreError as error:
                log.warning("following_delayed", cause=str(error))
                await self._clock.sleep(1.0)
        while not self._stopping:
            try:
                await self.step()
            except (StoreError, Overloaded) as error:
                log.warning("following_delayed", cause=str(error))
                await self._clock.sleep(1.0)
            except Exception:  # a mistake of ours here must not end what pages people
                log.exception("following_failed")
                await self._clock.sleep(1.0)
            await self._pause()

    async def _recall(self) -> None:
        if self.remote is None and self._reads_log:
            return  # nothing is followed
        recalled = await self._ask(recall)
        for page in recalled.pages:
            self.register.put(page)
        for page, delivery_id in recalled.unconfirmed:
            self._wait_for(page, delivery_id)
        self._webhooks.extend(recalled.webhooks)
        self._confirmed_at = {team: row.entry.at for team, row in recalled.confirmed.items()} | self._confirmed_at
        await self._misses.take_up(recalled)

    async def step(self) -> None:
        """Everything that is due now."""
        await self._take_sent()
        await self._take_webhooks()
        if self.remote is None:
            return
        try:
            await self._look_where_due()
            if self._poll_at and self._poll_at <= self._now():
                await self.poll()
        except RemoteError as error:
            await self._fail(error)
        self._plan_poll()

    def _now(self) -> int:
        """For what is waited for: whoever sets the clock does not move it."""
        return int(self._clock.monotonic() * 1000)

    async def _pause(self) -> None:
        self._wake.clear()
        if self._sent or self._stopping:
            return
        now = self._now()
        times = [waiting.look_at for waiting in self.register.waiting.values()] if self.remote is not None else []
        if self._poll_at:
            times.append(self._poll_at)
        times += [self._not_before.get(webhook.sighting.pagerduty_id, now) for webhook in self._webhooks]
        seconds = None if not times else min(60.0, max(0.01, (min(times) - now) / 1000))
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _plan_poll(self) -> None:
        rhythm, now = self._rhythm, self._now()
        statuses = {page.status for page in self.register.pages.values()}
        if "triggered" in statuses:
            wanted = now + rhythm.unacknowledged_ms
        elif "acknowledged" in statuses:
            wanted = now + rhythm.acknowledged_ms
        else:
            self._poll_at = 0
            return
        self._poll_at = wanted if self._poll_at <= now else min(self._poll_at, wanted)

    async def _fail(self, error: RemoteError) -> None:
        """PagerDuty cannot be asked; what waits goes on waiting."""
        now = self._now()
        self._failing_since = self._failing_since or now
        log.warning("pagerduty_not_read", cause=str(error))
        later = now + self._rhythm.retry_ms
        for waiting in self.register.waiting.values():
            waiting.look_at = max(waiting.look_at, later)
        if self._poll_at:
            self._poll_at = max(self._poll_at, later)
        if isinstance(error, RemoteRefused) or now - self._failing_since >= BLIND_AFTER_MS:
            await self._bell.blind(f"pages cannot be followed to somebody who has them: {error}")

    async def _succeed(self) -> None:
        if self._failing_since:
            self._failing_since = 0
        await self._bell.sees()

    # deliveries

    async def _take_sent(self) -> None:
        while self._sent:
            batch = [self._sent.popleft() for _ in range(min(len(self._sent), MAX_BATCH))]
            keys = list({delivery.dedup_key for delivery in batch if delivery.action == "trigger"})
            found: dict[str, Incident | None] = await self._ask(lambda reader, keys=keys: {k: reader.incident(k) for k in keys})  # type: ignore[misc]
            for delivery in batch:
                incident = found.get(delivery.dedup_key)
                if delivery.action == "resolve":
                    await self._misses.end(self.register.forget_waiting(delivery.dedup_key, delivery.team))
                elif incident is not None and (incident.number, delivery.team) not in self.register.pages:
                    page = Page(
                        incident=incident.number,
                        team=delivery.team,
                        dedup_key=delivery.dedup_key,
                        sent_at=delivery.finished_at or self._clock.now(),
                    )
                    self._wait_for(page, delivery.id)

    def _wait_for(self, page: Page, delivery_id: int) -> None:
        deadline_at = self._misses.deadline_of(page)
        look_at = self._now() + self._rhythm.first_look_ms
        self.register.wait(
            Waiting(
                page=page,
                delivery_id=delivery_id,
                deadline_at=deadline_at,
                look_at=min(look_at, deadline_at) if deadline_at else look_at,
                pause_ms=self._rhythm.first_look_ms,
            )
        )

    # webhooks

    async def _take_webhooks(self) -> None:
        """In order for each incident; one that PagerDuty cannot be asked about now does not hold up the others."""
        for _ in range(len(self._webhooks)):
            webhook = self._webhooks.popleft()
            incident = webhook.sighting.pagerduty_id
            if self._not_before.get(incident, 0) > self._now():
                self._webhooks.append(webhook)
                continue
            try:
                await self._take_webhook(webhook)
                self._not_before.pop(incident, None)
            except RemoteError as error:
                self._not_before[incident] = self._now() + self._rhythm.retry_ms
                self._webhooks.append(webhook)
                await self._fail(error)
            except (StoreError, Overloaded):
                self._webhooks.appendleft(webhook)
                raise
            except Exception:  # it is kept, and tried again after the next start; the others go on
                log.exception("webhook_failed", event_type=webhook.event_type, webhook_id=webhook.webhook_id)

    async def _take_webhook(self, webhook: Webhook) -> None:
        sighting = webhook.sighting
        if sighting.is_trimmed and sighting.note and self.remote is not None:
            whole = await self.remote.note(sighting.pagerduty_id, sighting.note)
            sighting = msgspec.structs.replace(sighting, text=whole or sighting.text)
        pages = await self.find(sighting)
        await self.take(pages, sighting, done=(webhook.webhook_id,))
        if sighting.merged_into and pages and self.remote is not None:
            await self._look_at_target(sighting.merged_into)

    async def _look_at_target(self, pagerduty_id: str) -> None:
        assert self.remote is not None
        target = await self.remote.incident(pagerduty_id)
        if target is not None:
            await self.take(self.register.of(pagerduty_id), target)

    async def find(self, sighting: Sighting) -> list[Page]:
        """Our pages that this incident of PagerDuty's is about; empty if it is none of ours."""
        incident = sighting.pagerduty_id
        known = self.register.of(incident) or await self._ask(lambda reader: reader.pages(pagerduty_id=incident))
        if known or (incident in self._foreign and not sighting.key):
            return known
        followables = [Followable(key=sighting.key, service=sighting.service)] if sighting.key else []
        if not followables and self.remote is not None:
            alerts = await self.remote.alerts(incident)
            await self._succeed()
            followables = [Followable(key=alert.key, service=alert.service or sighting.service) for alert in alerts]
        pages = [page for one in followables if (page := await self._page_for(one)) is not None]
        if not pages:
            self._foreign[incident] = None
            if len(self._foreign) > MAX_FOREIGN:
                self._foreign.popitem(last=False)
        return pages

    async def _page_for(self, followable: Followable) -> Page | None:
        """The page of ours behind a dedup key, as far as we know it; None if the key is not ours."""
        if not followable.key:
            return None
        incident = await self._ask(lambda reader: reader.incident(followable.key))
        if incident is None:
            return None
        team = await self.team_of(followable.service, incident)
        if not team:
            return None
        waiting = self.register.waiting.get((incident.number, team))
        if waiting is not None:
            return waiting.page
        stored = await self._ask(lambda reader: reader.pages(incident=incident.number))
        found = next((page for page in stored if page.team == team), None)
        return found or Page(incident=incident.number, team=team, dedup_key=incident.dedup_key)

    async def team_of(self, service: str, incident: Incident) -> str:
        """Which of the teams told of an incident owns this service of PagerDuty's; empty if that cannot be known."""
        teams = incident.teams
        if len(teams) == 1:
            return teams[0]
        known = self._service_teams.get(service, "")
        if known in teams:
            return known
        made = [team for team in teams if team in self._teams_with_service(service)] if service else []
        if made:
            return made[0]
        if service and self.remote is not None:
            keys = await self.remote.integrations(service)
            owners = [team for team in teams if team in self._teams_with_key(keys.values())]
            if owners:
                if len(self._service_teams) < MAX_FOREIGN:
                    self._service_teams[service] = owners[0]
                return owners[0]
        unconfirmed = [team for team in teams if (incident.number, team) in self.register.waiting]
        return unconfirmed[0] if len(unconfirmed) == 1 else ""

    # the one way in for all news

    async def take(
        self, pages: Sequence[Page], sighting: Sighting, *, done: tuple[str, ...] = (), more: tuple[AuditEntry, ...] = ()
    ) -> list[Page]:
        """Journal what the engine has to know, then write pages and audit entries; answers the pages as they are now.

        ``more``: audit entries besides, of what led to it.
        """
        async with self._one_at_a_time:
            now = self._clock.now()
            known = [await self._newest(page) for page in pages]
            steps = [follow(page, sighting, now=now) for page in known]
            changed = [(step.page, page) for step, page in zip(steps, known, strict=True) if step.page != page]
            facts: list[Fact] = []
            for step in steps:
                if step.facts and await self._is_open(step.page):
                    facts += step.facts
            if facts:
                await self._journal.append(now, facts, reserved=True)
            audit = (*more, *(entry for step in steps for entry in step.audit))
            if changed or audit or done:
                await self._notebook.follow(Followed(pages=tuple(page for page, _ in changed), audit=audit, done=done))
            for page, before in changed:
                await self._settle(page, is_first=bool(page.pagerduty_id) and not before.pagerduty_id)
        return [step.page for step in steps]

    async def _newest(self, page: Page) -> Page:
        """As it is known now: news that came by another way meanwhile may have closed it."""
        known = self.register.newest(page)
        if known is not page or (page.incident, page.team) in self.register.pages:
            return known
        stored = await self._ask(lambda reader: reader.pages(incident=page.incident))
        return next((one for one in stored if one.team == page.team), page)

    async def _settle(self, page: Page, *, is_first: bool) -> None:
        self.register.put(page)
        if is_first:
            if page.sent_at:  # else its webhook was here before it was recorded that it was sent
                self._metrics.confirm_seconds.observe(max(0, page.confirmed_at - page.sent_at) / 1000)
            self._confirmed_at[page.team] = page.confirmed_at
            await self._misses.confirm(page)
        if not page.is_open:
            self._read_at.pop(page.pagerduty_id, None)
        if page.is_open and (not self._poll_at or page.status == "triggered"):
            self._plan_poll()
        if page.is_open and not page.changed_at:  # what was heard of it does not say how it stands
            self._poll_at = min(self._poll_at, self._now() + self._rhythm.first_look_ms)

    async def _is_open(self, page: Page) -> bool:
        incident = await self._ask(lambda reader: reader.incident(page.incident))
        return incident is not None and incident.status == "open"

    # looking for the incident of a page

    async def _look_where_due(self) -> None:
        now = self._now()
        due = [waiting for waiting in self.register.waiting.values() if waiting.look_at <= now]
        for waiting in sorted(due, key=lambda waiting: waiting.look_at):
            if not self._stopping and self.register.waiting.get((waiting.page.incident, waiting.page.team)) is waiting:
                await self.look(waiting)
                await self._succeed()

    async def look(self, waiting: Waiting) -> None:
        """Is there an incident for this page? If not in time, say so; RemoteError: it is not known."""
        assert self.remote is not None
        page = waiting.page
        asked_at = self._now()
        found = await self.remote.incidents_with_key(page.dedup_key)
        incident = await self._ask(lambda reader: reader.incident(page.incident))
        for sighting in sorted(found, key=lambda sighting: sighting.status == "resolved"):
            if incident is not None and await self.team_of(sighting.service, incident) == page.team:
                await self.take([page], sighting)
                self.register.forget_waiting(page.dedup_key, page.team)  # also if all of that was known
                return
        if incident is None or incident.status == "closed":
            await self._misses.end(self.register.forget_waiting(page.dedup_key, page.team))
            return
        if waiting.deadline_at and asked_at >= waiting.deadline_at:
            await self._miss(waiting)
        waiting.pause_ms = min(waiting.pause_ms * 2, self._rhythm.longest_look_ms)
        if waiting.page.missed_at:
            waiting.pause_ms = self._rhythm.missed_look_ms
        waiting.look_at = asked_at + waiting.pause_ms
        if waiting.deadline_at > asked_at:
            waiting.look_at = min(waiting.look_at, waiting.deadline_at)

    async def _miss(self, waiting: Waiting) -> None:
        """Took, and no incident: nobody on call, service disabled or in maintenance, suppressed, or lost there."""
        page, now = waiting.page, self._clock.now()
        reason = f"PagerDuty took it and shows no incident after {format_duration(self._misses.within(page.team))}"
        fact = DeliveryFailed(
            delivery_id=waiting.delivery_id, team=page.team, dedup_key=page.dedup_key, action="trigger", reason=reason
        )
        await self._journal.append(now, [fact], reserved=True)
        missed = msgspec.structs.replace(page, missed_at=now)
        entry = AuditEntry(
            at=now,
            who="alert-router",
            through="router",
            what="not_confirmed",
            incident=page.incident,
            team=page.team,
            text=reason,
        )
        await self._notebook.follow(Followed(pages=(missed,), audit=(entry,)))
        waiting.page, waiting.deadline_at = missed, 0
        self._metrics.pages_missed.labels(page.team).inc()
        hint = "is somebody on call, is the service enabled and not in maintenance, does its orchestration suppress it?"
        await self._misses.miss(waiting, f"a page for team {page.team} reached nobody: {reason}; {hint}")

    # asking how pages stand

    async def poll(self) -> None:
        """Ask about every page that is open in PagerDuty."""
        assert self.remote is not None
        self._poll_at = 0
        services = sorted({page.service for page in self.register.pages.values() if page.service})
        listed: dict[str, Sighting] = {}
        for start in range(0, len(services), 50):
            for sighting in await self.remote.open_incidents(services[start : start + 50]):
                listed[sighting.pagerduty_id] = sighting
        for incident in list(self.register.by_pagerduty_id):
            found = listed.pop(incident) if incident in listed else await self.remote.incident(incident)
            if found is not None:
                await self._take_polled(found)
        for other in listed.values():  # somebody may have reopened one of ours
            if other.pagerduty_id not in self._foreign and (pages := await self.find(other)):
                await self.take(pages, other)
        await self._succeed()

    async def _take_polled(self, sighting: Sighting) -> None:
        assert self.remote is not None
        incident = sighting.pagerduty_id
        if sighting.merged_into:  # its log would tell of a resolution
            await self.take(self.register.of(incident), sighting)
            await self._look_at_target(sighting.merged_into)
            return
        if self._reads_log and self._read_at.get(incident) != sighting.updated_at:
            pages = self.register.of(incident)
            for entry in await self.remote.log_entries(incident):
                pages = await self.take(pages, entry)
            self._read_at[incident] = sighting.updated_at
        await self.take(self.register.of(incident), sighting)
