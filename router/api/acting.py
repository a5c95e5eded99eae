"""``POST /v1/incidents/N/…`` and ``POST /v1/reconcile``: what a person does to pages from here, through PagerDuty.

Must never do: act for somebody whose token may not write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.errors import RemoteRefused, RemoteUnavailable, StoreError
from router.incidents.actions import CannotAct, Done, Nowhere
from router.model.wish import Verb, Wish

_decode = msgspec.json.Decoder(Wish).decode
_MAX_DIGITS = 18


class PageActions(Protocol):
    """Does something to the pages of an incident."""

    async def act(self, number: int, verb: Verb, wish: Wish, *, who: str) -> Sequence[Done]:
        """CannotAct, or a RemoteError when PagerDuty says no."""
        ...


class Acting:
    """The handlers. ``who``: the name behind an ``Authorization`` header; ``reconcile``: compare, and mend unless dry."""

    def __init__(
        self,
        *,
        actions: PageActions,
        reconcile: Callable[[bool], Awaitable[Sequence[Any]]],
        who: Callable[[bytes | None], str],
    ) -> None:
        """Nothing to set up."""
        self._actions = actions
        self._reconcile = reconcile
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
    except (RemoteUnavailable, StoreError) as error:
        raise Refused(503, str(error), ((b"retry-after", b"5"),)) from error
