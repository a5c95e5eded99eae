"""That a team's pages reach nobody: our own alert of it, from the page that was missed to the proof that the way is open again.

The proof is a page of that team which PagerDuty shows. One that was sent after the missed one and seen before that was given up
proves it too, but says nothing of the page itself: then the alert is over when what that page was about is. Keeps this
invariant: the alert is neither cleared without a proof nor left when there is one, also over a restart. Must never do: wait for
PagerDuty.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.clock import Clock
from router.incidents.protocols import Ask, Bell
from router.incidents.register import PageRegister, Recalled, Waiting, is_sent_page
from router.model.page import Page
from router.store.base import Reader

WITHIN_MS = 300_000
"""How long a page may wait to be confirmed whose team is gone from the configuration."""


class Misses:
    """Knows when a page counts as missed; raises the alert and clears it (the bell takes the same twice as once)."""

    def __init__(
        self, *, register: PageRegister, ask: Ask, bell: Bell, clock: Clock, confirm_within_ms: Mapping[str, int]
    ) -> None:
        """Nothing was missed; in ``register`` waits what was and is not over."""
        self._clock = clock
        self._confirm_within_ms = confirm_within_ms
        self._register = register
        self._ask = ask
        self._bell = bell
        self._newest: dict[str, int] = {}  # team -> the newest delivery that reached nobody, until it is proven that one does
        self._proof: dict[str, int] = {}  # team -> the incident of ours whose page was confirmed last

    def configure(self, confirm_within_ms: Mapping[str, int]) -> None:
        """What teams want after a reload; it holds for what waits as well."""
        self._confirm_within_ms = confirm_within_ms
        for waiting in self._register.waiting.values():
            waiting.deadline_at = self.deadline_of(waiting.page)
            if waiting.deadline_at:
                waiting.look_at = min(waiting.look_at, waiting.deadline_at)

    def within(self, team: str) -> int:
        """How long its pages may wait to be confirmed; 0: as long as they like."""
        return self._confirm_within_ms.get(team, WITHIN_MS)

    def deadline_of(self, page: Page) -> int:
        """When it counts as missed, by the monotonic clock; 0: never, or it does already.

        What was sent in a life before waits by the wall clock, though never longer than a page that is sent now.
        """
        within = self.within(page.team)
        if not within or page.missed_at:
            return 0
        left = page.sent_at + within - self._clock.now()
        return max(1, int(self._clock.monotonic() * 1000) + min(max(left, 0), within))

    async def take_up(self, recalled: Recalled) -> None:
        """After a restart, from the audit record: what was missed, and what is over since, or was about to be told so."""
        self._proof = {team: row.entry.incident for team, row in recalled.confirmed.items()}
        for team in sorted({*recalled.confirmed, *recalled.missed}):
            missed, proof = recalled.missed.get(team), recalled.confirmed.get(team)
            if missed is None or (proof is not None and missed.id < proof.id):
                await self._bell.confirmed(team)
            else:
                self._newest[team] = await self._sent(missed.entry.incident, team)
                await self._look_again(team)

    async def miss(self, waiting: Waiting, summary: str) -> None:
        """A page reached nobody."""
        team = waiting.page.team
        self._newest[team] = max(self._newest.get(team, 0), waiting.delivery_id)
        await self._bell.not_confirmed(team, summary)

    async def confirm(self, page: Page) -> None:
        """A page reached somebody."""
        self._proof[page.team] = page.incident
        self._newest.pop(page.team, None)
        await self._bell.confirmed(page.team)

    async def end(self, waiting: Waiting | None) -> None:
        """What waited for its incident waits no more, because what it was about is over."""
        if waiting is not None and waiting.page.missed_at:
            await self._look_again(waiting.page.team)

    async def _look_again(self, team: str) -> None:
        """Nothing that was missed is open any more, and a page that was sent after all of it has arrived: it is over."""
        waiting = self._register.waiting.values()
        if team not in self._newest or any(each.page.team == team and each.page.missed_at for each in waiting):
            return
        if await self._sent(self._proof.get(team, 0), team) > self._newest[team]:
            del self._newest[team]
            await self._bell.confirmed(team)

    async def _sent(self, number: int, team: str) -> int:
        """The delivery of this incident's page for this team, which says what was sent after what; 0: it is not known."""

        def find(reader: Reader) -> int:
            incident = reader.incident(number)
            if incident is None:
                return 0
            deliveries = reader.deliveries(dedup_key=incident.dedup_key, team=team, limit=1_000)
            return max((delivery.id for delivery in deliveries if is_sent_page(delivery)), default=0)

        return await self._ask(find)
