"""One REST request as its handlers see it, the way it is refused, and paging with its traps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from router.sandbox.model import Agent, Incident, World
from router.sandbox.timestamps import add_months, parse_iso

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
MAX_REACH = 10_000
MAX_RANGE_MONTHS = 6


class RestProblem(Exception):
    """A request is refused: status, PagerDuty's code, message, single errors."""

    def __init__(self, status: int, code: int, message: str, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = list(errors)


def invalid(*errors: str) -> RestProblem:
    """The refusal of bad input."""
    return RestProblem(400, 2001, "Invalid Input Provided", errors)


class RestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler works on; ``agent`` is who acts, when the call says who."""

    world: World
    method: str
    path: tuple[str, ...]
    query: dict[str, list[str]]
    content: dict[str, Any]
    agent: Agent | None
    user_level: bool
    now: int

    def one(self, name: str) -> str | None:
        """A parameter given once; of several the last counts."""
        found = self.query.get(name)
        return found[-1] if found else None

    def many(self, name: str) -> list[str]:
        """A set filter; only the spelling with brackets counts, a classic slip."""
        return self.query.get(f"{name}[]", [])

    def includes(self, name: str) -> bool:
        """Whether references of that kind are to be given in full."""
        return name in self.many("include")

    def acting(self) -> Agent:
        """Who acts; calls that need one are refused before without."""
        assert self.agent is not None
        return self.agent

    def incident(self) -> Incident:
        """The incident that the path names by id or by number."""
        name = self.path[1]
        found = self.world.incidents.get(name)
        if found is None and name.isdecimal():
            found = self.world.incidents_by_number.get(int(name))
        if found is None:
            raise RestProblem(404, 5001, "Incident Not Found")
        return found

    def wrapped(self, name: str) -> dict[str, Any]:
        """The resource under its root key."""
        found = self.content.get(name)
        if not isinstance(found, dict):
            raise invalid(f"{name} cannot be empty")
        return found

    def date_range(self) -> tuple[int, int]:
        """Since and until: a month by default, a month from the end that is given, half a year at most."""
        since, until = self._moment("since"), self._moment("until")
        if since is None and until is None:
            return add_months(self.now, -1), self.now + 1
        if since is None:
            assert until is not None
            since = add_months(until, -1)
        elif until is None:
            until = add_months(since, 1)
        if since > until:
            raise RestProblem(400, 2004, "Invalid Date Range")
        if until > add_months(since, MAX_RANGE_MONTHS):
            raise RestProblem(400, 2005, "Invalid Date Range", ["The range is longer than 6 months"])
        return since, until

    def _moment(self, name: str) -> int | None:
        text = self.one(name)
        if not text:
            return None
        found = parse_iso(text, time_required=False)
        if found is None:
            raise RestProblem(400, 2004, "Invalid Date Range", [f"{name} is not an ISO 8601 date"])
        return found


def as_text(holder: dict[str, Any], name: str) -> str:
    """A member that must be a text with something in it."""
    found = holder.get(name)
    if not isinstance(found, str) or not found.strip():
        raise invalid(f"{name} cannot be empty")
    return found


def reference_id(holder: dict[str, Any], name: str) -> str:
    """The id inside a reference."""
    found = holder.get(name)
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise invalid(f"{name} must be a reference with an id")
    return str(found["id"])


def paged(request: RestRequest, name: str, rows: Sequence[Any]) -> dict[str, Any]:
    """One page of rows: ``more`` is right, ``total`` only for the literal ``true``."""
    limit, offset = _count(request, "limit", DEFAULT_LIMIT), _count(request, "offset", 0)
    limit = min(limit, MAX_LIMIT)
    if limit + offset > MAX_REACH:
        raise RestProblem(400, 2002, "Arguments Caused Error", ["Offset must be less than 10000 minus limit"])
    shown = rows[1:] if offset and request.world.switches.rest_rows_change_between_pages else rows
    return {
        name: list(shown[offset : offset + limit]),
        "limit": limit,
        "offset": offset,
        "more": len(shown) > offset + limit,
        "total": len(shown) if request.one("total") == "true" else None,
    }


def _count(request: RestRequest, name: str, default: int) -> int:
    text = request.one(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise invalid(f"{name} must be a number")
    return int(text)
