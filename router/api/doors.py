"""The doors alerts come through. Each speaks its protocol's shapes; what an alert means is the intake's business.

Every door answers 2xx only for what the intake says is durable or known. 429 and 503 carry ``Retry-After``; nothing of such
a request was taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from router.api.auth import Scope
from router.api.exchange import Answer, Headers, Refused, Request, answer_json
from router.errors import Overloaded, StoreError, StoreFull
from router.model.receipt import Invalid, Receipt, Refusal, TooLarge, Unauthorised, UnknownSource, Unreadable

RETRY_WHEN_UNAVAILABLE_SECONDS = 5
RETRY_WHEN_FULL_SECONDS = 60
HEARTBEAT = "Heartbeat"
"""The name of the alert that a heartbeat is."""
MAX_REFUSALS_NAMED = 20
"""Refused alerts an answer names one by one; the rest are counted."""


class Intake(Protocol):
    """Takes a body to the journal. Raises Unreadable, TooLarge, Overloaded or a StoreError when nothing was taken."""

    async def take_alertmanager(self, body: bytes) -> Receipt:
        """Alertmanager's ``postableAlerts``."""
        ...

    async def take_alerts(self, body: bytes) -> Receipt:
        """Our own JSON."""
        ...

    async def take_event(self, body: bytes) -> Receipt:
        """An Events API v2 event; besides Invalid or Unauthorised."""
        ...

    async def take_change(self, body: bytes) -> Receipt:
        """An Events API v2 change event; besides Invalid or Unauthorised."""
        ...

    async def take_webhook(
        self, name: str, body: bytes, headers: Mapping[bytes, bytes], query: Mapping[str, list[str]]
    ) -> Receipt:
        """A body for the webhook source of this name; besides UnknownSource or Unauthorised."""
        ...

    def has_credentials(self, name: str) -> bool:
        """Whether that source checks its sender itself."""
        ...


Shape = Callable[[int, str, Headers], Answer]
"""How a protocol words an error: status, text, headers."""


class Doors:
    """The POST doors over one intake."""

    def __init__(self, intake: Intake) -> None:
        """Nothing to set up."""
        self._intake = intake

    async def alertmanager(self, request: Request) -> Answer:
        """``POST /api/v2/alerts``: 200 with nothing, or 400 with a JSON text naming what was refused; the rest is taken."""
        receipt = await _guard(self._intake.take_alertmanager, request.body)
        if not receipt.refusals:
            return _TAKEN
        return answer_json(_name(receipt.refusals), status=400)

    async def alerts(self, request: Request) -> Answer:
        """``POST /v1/alerts``: 202, or 400 with ``refused``; the rest is taken."""
        return _answer_taken(await _guard(self._intake.take_alerts, request.body))

    async def source(self, request: Request, name: str) -> Answer:
        """``POST /v1/sources/NAME``: 202, or 400 with ``refused``; the rest is taken."""
        query = request.query()
        try:
            receipt = await _guard(lambda body: self._intake.take_webhook(name, body, request.headers, query), request.body)
        except UnknownSource as error:
            raise Refused(404, str(error)) from error
        except Unauthorised as error:
            raise Refused(401, str(error)) from error
        return _answer_taken(receipt)

    async def heartbeat(self, _request: Request, name: str) -> Answer:
        """``POST`` or ``GET /v1/heartbeats/NAME``: an event of service NAME, for a rule with ``absent_for``; 202."""
        alert = {"service": name, "name": HEARTBEAT, "severity": "info", "kind": "event", "summary": f"{name} is alive"}
        return _answer_taken(await _guard(self._intake.take_alerts, msgspec.json.encode(alert)))

    def scope_of_source(self, name: str) -> Scope | None:
        """A source that checks its sender itself needs no token of ours."""
        return None if self._intake.has_credentials(name) else "ingest"

    async def event(self, request: Request) -> Answer:
        """``POST /v2/enqueue``: 202 with PagerDuty's three members."""
        receipt = await self._take_event(self._intake.take_event, request.body)
        if isinstance(receipt, Answer):
            return receipt
        return answer_json({"status": "success", "message": "Event processed", "dedup_key": receipt.dedup_key}, status=202)

    async def change(self, request: Request) -> Answer:
        """``POST /v2/change/enqueue``: 202, no dedup key."""
        receipt = await self._take_event(self._intake.take_change, request.body)
        if isinstance(receipt, Answer):
            return receipt
        return answer_json({"status": "success", "message": "Change event processed"}, status=202)

    async def _take_event(self, take: Callable[[bytes], Awaitable[Receipt]], body: bytes) -> Receipt | Answer:
        try:
            return await _guard(take, body)
        except Invalid as error:
            return _invalid_event(error.errors)
        except Unauthorised as error:
            return _invalid_event([str(error)])


def _answer_taken(receipt: Receipt) -> Answer:
    """Our own shape: how many were taken, and what was refused."""
    if not receipt.refusals:
        return answer_json({"accepted": receipt.taken}, status=202)
    refused = [
        {"index": refusal.index, "field": refusal.field, "reason": refusal.reason}
        for refusal in receipt.refusals[:MAX_REFUSALS_NAMED]
    ]
    text = _name(receipt.refusals)
    return answer_json({"error": text, "accepted": receipt.taken, "refused": refused}, status=400)


_TAKEN = Answer()


async def _guard(take: Callable[[bytes], Awaitable[Receipt]], body: bytes) -> Receipt:
    """What the intake answers, its refusals of the whole body made into HTTP's."""
    try:
        return await take(body)
    except TooLarge as error:
        raise Refused(413, str(error)) from error
    except Unreadable as error:
        raise Refused(400, str(error)) from error
    except Overloaded as error:
        raise Refused(429, str(error), _retry_after(error.retry_after_seconds)) from error
    except StoreFull as error:
        raise Refused(503, f"the store is full, nothing was taken: {error}", _retry_after(RETRY_WHEN_FULL_SECONDS)) from error
    except StoreError as error:
        text = f"the store cannot take it now, nothing was taken: {error}"
        raise Refused(503, text, _retry_after(RETRY_WHEN_UNAVAILABLE_SECONDS)) from error


def _retry_after(seconds: int) -> Headers:
    return ((b"retry-after", b"%d" % max(1, seconds)),)


def _name(refusals: tuple[Refusal, ...]) -> str:
    text = "; ".join(map(str, refusals[:MAX_REFUSALS_NAMED]))
    rest = len(refusals) - MAX_REFUSALS_NAMED
    return f"{text}; and {rest} more" if rest > 0 else text


def _invalid_event(errors: list[str]) -> Answer:
    return answer_json({"status": "invalid event", "message": "Event object is invalid", "errors": errors}, status=400)


_WORDED_BY_ALERTMANAGER = (400, 404, 500)
"""The errors that Alertmanager's own document of its API knows, each of which it gives as a JSON text."""


def shape_alertmanager(status: int, text: str, headers: Headers = ()) -> Answer:
    """Errors as Alertmanager's API words them: its clients (amtool, karma) read these codes as a text, and no other content."""
    content = text if status in _WORDED_BY_ALERTMANAGER else {"code": status, "message": text}
    return answer_json(content, status=status, headers=headers)


def shape_event(status: int, text: str, headers: Headers = ()) -> Answer:
    """Errors as PagerDuty's Events API words them."""
    match status:
        case 429:
            word, message = "throttle exceeded", "Requests for this service are arriving too quickly. Please retry later."
        case 400:
            word, message = "Unrecognized object", "Event object format is unrecognized"
        case 401 | 403:
            word, message = "access denied", "Not allowed"
        case _ if status >= 500:  # noqa: PLR2004 -- HTTP's own boundary
            word, message = "unavailable", "Event not processed, please retry later."
        case _:
            word, message = "invalid request", "Event not processed"
    return answer_json({"status": word, "message": message, "errors": [text]}, status=status, headers=headers)
