"""``POST /v1/incidents/N/…``, ``/v1/reconcile`` and ``/v1/strays``: what a person does to pages from here, through PagerDuty.

Must never do: act for somebody whose token may not write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import Query
from router.api.silences import signed
from router.errors import Overloaded, RemoteRefused, RemoteUnavailable, StoreError
from router.incidents.actions import CannotAct, Done, Nowhere
from router.incidents.strays import MAX_RESOLVED, Ended, Looked
from router.model.wish import Verb, Wish

_decode = msgspec.json.Decoder(Wish).decode
_MAX_DIGITS = 18
_MAX_REASON = 4_096


class PageActions(Protocol):
    """Does something to the pages of an incident."""

    async def act(self, number: int, verb: Verb, wish: Wish, *, who: str) -> Sequence[Done]:
        """CannotAct, or a RemoteError when PagerDuty says no."""
        ...


class StrayFinder(Protocol):
    """Knows what is open in PagerDuty that came from us and that we do not know."""

    async def look(self) -> Looked:
        """CannotAct without a token, a RemoteError when PagerDuty cannot be asked."""
        ...

    async def resolve(self, numbers: Sequence[int], *, everything: bool = False, reason: str, who: str) -> Ended:
        """The same; CannotAct also where none is open in one of these incidents."""
        ...


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which strays are over, by PagerDuty's numbers of their incidents or all of them; why, and who says so."""

    reason: str
    numbers: tuple[int, ...] = ()
    all: bool = False
    by: str = ""


_decode_ending = msgspec.json.Decoder(Ending).decode


class Acting:
    """The handlers. ``who``: the name behind an ``Authorization`` header; ``reconcile``: compare, and mend unless dry."""

    def __init__(
        self,
        *,
        actions: PageActions,
        reconcile: Callable[[bool], Awaitable[Sequence[Any]]],
        strays: StrayFinder,
        who: Callable[[bytes | None], str],
    ) -> None:
        """Nothing to set up."""
        self._actions = actions
        self._reconcile = reconcile
        self._strays = strays
        self._who = who

    def doing(self, verb: Verb) -> Callable[[Request, str], Awaitable[Answer]]:
        """The handler of ``POST /v1/incidents/N/VERB``; the body is a ``Wish``."""

        async def act(request: Request, number: str) -> Answer:
            return await self._act(request, number, verb)

        return act

    async def reconcile(self, request: Request) -> Answer:
        """``POST /v1/reconcile``; ``dry_run=true`` mends nothing."""
        query = request.query()
        wanted = query.get("dry_run", ["false"])
        if wanted not in (["true"], ["false"]) or query.keys() - {"dry_run"}:
            raise Refused(400, "the only query value is dry_run, true or false")
        return answer_json({"items": await _guard(self._reconcile(wanted == ["true"])), "next": None})

    async def list_strays(self, request: Request) -> Answer:
        """``GET /v1/strays``: asks PagerDuty, unless it was asked a moment ago."""
        Query(request)
        looked = await _guard(self._strays.look())
        return answer_json({"items": looked.strays, "next": None, "looked_at": looked.at, "not_asked": looked.not_asked})

    async def resolve_strays(self, request: Request) -> Answer:
        """``POST /v1/strays/resolve``: ``numbers`` or ``all``, and a ``reason``; each resolved under its own key."""
        try:
            wish = _decode_ending(request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(400, f"the body cannot be used: {error}") from error
        reason = wish.reason.strip()[:_MAX_REASON]
        if not reason:
            raise Refused(400, "reason: expected why they are over, found nothing")
        if bool(wish.numbers) is wish.all or len(wish.numbers) > MAX_RESOLVED:
            raise Refused(400, f"expected either numbers, of PagerDuty's incidents and at most {MAX_RESOLVED}, or all")
        name = self._who(request.headers.get(b"authorization"))
        who = signed(wish.by[:256], name) or name
        return answer_json(await _guard(self._strays.resolve(wish.numbers, everything=wish.all, reason=reason, who=who)))

    async def _act(self, request: Request, number: str, verb: Verb) -> Answer:
        if not (number.isascii() and number.isdigit()) or len(number) > _MAX_DIGITS:
            raise Refused(400, f"an incident's number: expected a whole number, found {number[:64]!r}")
        try:
            wish = _decode(request.body) if request.body else Wish()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Refused(400, f"the body cannot be used: {error}") from error
        who = self._who(request.headers.get(b"authorization"))
        done = await _guard(self._actions.act(int(number), verb, wish, who=who))
        return answer_json({"incident": int(number), "pages": done})


async def _guard(work: Awaitable[Any]) -> Any:
    """Our errors as HTTP's. 502: PagerDuty said no; 503: it did not say anything."""
    try:
        return await work
    except Nowhere as error:
        raise Refused(404, str(error)) from error
    except CannotAct as error:
        raise Refused(409, str(error)) from error
    except RemoteRefused as error:
        raise Refused(502, str(error)) from error
    except Overloaded as error:
        raise Refused(429, str(error), ((b"retry-after", b"%d" % error.retry_after_seconds),)) from error
    except (RemoteUnavailable, StoreError) as error:
        raise Refused(503, str(error), ((b"retry-after", b"5"),)) from error
