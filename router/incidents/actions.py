"""What a person does to a page from here: acknowledge, resolve, note, reassign, escalate, snooze, through PagerDuty's REST API.

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
from router.model.page import AuditEntry, Page, Sighting

Verb = Literal["acknowledge", "resolve", "note", "reassign", "escalate", "snooze"]
MAX_SNOOZE_SECONDS = 604_800
"""As PagerDuty documents it: a week."""

MAX_NOTE_BYTES = 65_535


class CannotAct(RouterError):
    """Nothing was done; the message says why and what would help."""


class Nowhere(CannotAct):
    """There is no such incident, or PagerDuty has none for it."""


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do besides the verb itself."""

    note: str = ""  # of a note or a resolution
    user: str = ""  # reassign: email address or id
    level: int = 0  # escalate: to this level of the policy
    policy: str = ""  # escalate: to this policy (its id)
    seconds: int = 0  # snooze
    team: str = ""  # only this team's page, when several were paged


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
        _check(verb, wish)
        if self._hand is None:
            raise CannotAct("this needs pagerduty.api_token (one that may write) and pagerduty.from in the configuration")
        done = []
        for page in await self._pages(number, wish.team):
            sighting = await self._do(self._hand, page, verb, wish)
            entry = AuditEntry(
                at=self._clock.now(),
                who=who,
                through="api",
                what=f"asked to {verb}",
                incident=page.incident,
                team=page.team,
                pagerduty_id=page.pagerduty_id,
                text=wish.note or wish.user or wish.policy,
            )
            # A note tells nothing of the status: only the entry is written.
            news = sighting or Sighting(kind="other", pagerduty_id=page.pagerduty_id)
            (now,) = await self._follower.take([page], news, more=(entry,))
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

    async def _do(self, hand: Hand, page: Page, verb: Verb, wish: Wish) -> Sighting | None:
        incident = page.pagerduty_id
        match verb:
            case "acknowledge":
                if page.status == "resolved":  # acknowledging would open it again
                    raise CannotAct(f"incident {page.incident} is resolved in PagerDuty")
                return await hand.acknowledge(incident)
            case "resolve":
                return await hand.resolve(incident, wish.note)
            case "note":
                await hand.annotate(incident, wish.note)
                return None
            case "reassign":
                return await hand.reassign(incident, wish.user)
            case "escalate":
                return await hand.escalate(incident, level=wish.level, policy=wish.policy)
            case "snooze":
                return await hand.snooze(incident, wish.seconds)
            case _:
                assert_never(verb)


def _check(verb: Verb, wish: Wish) -> None:
    if verb == "note" and not wish.note.strip():
        raise CannotAct("a note needs a text")
    if len(wish.note.encode()) > MAX_NOTE_BYTES:
        raise CannotAct(f"a note has at most {MAX_NOTE_BYTES} bytes")
    if verb == "reassign" and not wish.user:
        raise CannotAct("reassigning needs a user: the email address or id of somebody in PagerDuty")
    if verb == "escalate" and bool(wish.level) == bool(wish.policy):
        raise CannotAct("escalating needs either a level or the id of an escalation policy")
    if verb == "snooze" and not 1 <= wish.seconds <= MAX_SNOOZE_SECONDS:
        raise CannotAct(f"snoozing needs 1 to {MAX_SNOOZE_SECONDS} seconds, a week")
