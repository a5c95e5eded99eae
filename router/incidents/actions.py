"""What a person does to a page from here: acknowledge, resolve, note, escalate, ask for help, through PagerDuty's REST API.

What PagerDuty answers is taken in as news at once; the webhook about it then says nothing new, so nothing goes round in a
circle. Each action is in the audit record with the name of who asked. Must never do: act on an incident that is not ours.
"""

from __future__ import annotations

from typing import Literal, assert_never

import msgspec

from router.clock import Clock
from router.errors import RouterError
from router.incidents.follower import Follower
from router.incidents.protocols import Ask, Hand
from router.model.page import MAX_TEXT, AuditEntry, Page, Sighting
from router.model.wish import Verb, Wish, mistake_of

ASKED: dict[Verb, str] = {
    "acknowledge": "asked to acknowledge",
    "resolve": "asked to resolve",
    "note": "asked to note",
    "reassign": "asked to reassign",
    "escalate": "asked to escalate",
    "snooze": "asked to snooze",
    "responders": "asked for responders",
    "status": "asked to publish a status",
    "priority": "asked to set the priority",
}
"""How the audit record words it."""


class CannotAct(RouterError):
    """Nothing was done; the message says why and what would help."""


class Nowhere(CannotAct):
    """There is no such incident, or PagerDuty has none for it."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One page that was acted on, as it is now."""

    team: str
    pagerduty_id: str
    status: str
    url: str = ""


class Actions:
    """One per daemon."""

    def __init__(self, *, follower: Follower, hand: Hand | None, ask: Ask, clock: Clock) -> None:
        """``hand`` None: no token is configured."""
        self._follower = follower
        self._hand = hand
        self._ask = ask
        self._clock = clock

    async def act(self, number: int, verb: Verb, wish: Wish, *, who: str) -> list[Done]:
        """Do it to every page of the incident (or the wished team's). CannotAct, or a RemoteError when PagerDuty says no."""
        mistake = mistake_of(verb, wish)
        if mistake:
            raise CannotAct(mistake)
        if self._hand is None:
            raise CannotAct("this needs pagerduty.api_token (one that may write) and pagerduty.from in the configuration")
        done = []
        for page in await self._pages(number, wish.team):
            if verb == "note":
                own = Sighting(kind="other", pagerduty_id=page.pagerduty_id, text=wish.note[:MAX_TEXT], by_us=True)
                (page,) = await self._follower.take([page], own)  # noqa: PLW2901 - the same page, newer
            sighting = await carry_out(self._hand, page, verb, wish)
            entry = AuditEntry(
                at=self._clock.now(),
                who=who,
                through="api",
                what=ASKED[verb],
                incident=page.incident,
                team=page.team,
                pagerduty_id=page.pagerduty_id,
                text=wish.words,
            )
            # A note tells nothing of the status: only the entry is written.
            news = sighting or Sighting(kind="other", pagerduty_id=page.pagerduty_id)
            (now,) = await self._follower.take([page], msgspec.structs.replace(news, by_us=True), more=(entry,))
            done.append(Done(team=now.team, pagerduty_id=now.pagerduty_id, status=now.status, url=now.url))
        return done

    async def _pages(self, number: int, team: str) -> list[Page]:
        incident = await self._ask(lambda reader: reader.incident(number))
        if incident is None:
            raise Nowhere(f"there is no incident {number}")
        for (waiting_number, waiting_team), waiting in list(self._follower.register.waiting.items()):
            if waiting_number == number and team in {"", waiting_team}:
                await self._follower.look(waiting)
        stored = await self._ask(lambda reader: reader.pages(incident=number))
        found = [page for page in stored if page.pagerduty_id and team in {"", page.team}]
        if not found:
            raise Nowhere(f"PagerDuty has shown no incident for incident {number}" + (f" of team {team}" if team else ""))
        return found


async def carry_out(hand: Hand, page: Page, verb: Verb, wish: Wish) -> Sighting | None:
    """Do it once, now; how the incident stands then, None if PagerDuty does not say. CannotAct or a RemoteError."""
    incident = page.pagerduty_id
    match verb:
        case "acknowledge":
            if page.status == "resolved":  # acknowledging would open it again
                raise CannotAct(f"incident {page.incident} is resolved in PagerDuty")
            return await hand.acknowledge(incident)
        case "resolve":
            return await hand.resolve(incident, wish.note)
        case "reassign":
            return await hand.reassign(incident, wish.user)
        case "escalate":
            return await hand.escalate(incident, level=wish.level, policy=wish.policy)
        case "snooze":
            return await hand.snooze(incident, wish.seconds)
        case "priority":
            return await hand.prioritise(incident, wish.priority)
        case "note" | "responders" | "status":
            await _say(hand, incident, verb, wish)
            return None
        case _:
            assert_never(verb)


async def _say(hand: Hand, incident: str, verb: Literal["note", "responders", "status"], wish: Wish) -> None:
    """What adds something, each time it is done."""
    if verb == "note":
        await hand.annotate(incident, wish.note)
    elif verb == "status":
        await hand.publish_status(incident, wish.message)
    else:
        await hand.request_responders(incident, users=wish.users, policies=wish.policies, message=wish.told)
