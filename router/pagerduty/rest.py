"""PagerDuty's REST API v2, as far as following a page needs it. Reading needs a read-only token, acting a full one.

Keeps these invariants: one call at a time for a token, and never above its pace; an answer that can come better later is asked
for again a bounded number of times; a call that changes something is repeated only where a repeat changes nothing more. The
token is in no log, error or repr. Must never do: send a blank key filter (PagerDuty answers with everything then).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import msgspec

from router.clock import Clock
from router.errors import InvariantError, RemoteRefused, RemoteUnavailable
from router.model.page import AlertPicture, Sighting
from router.pagerduty.pictures import alert_of, logged, members, rows, sighting_of, text, word
from router.telemetry.logs import logger

ACCEPT = "application/vnd.pagerduty+json;version=2"
PAGE_SIZE = 100
MAX_REACH = 10_000
"""``offset + limit`` beyond it is refused (source: PagerDuty's "Pagination")."""

OVERLAP = 5
"""Rows of the former page asked for again: rows that move between two pages of a list are then still seen."""

ATTEMPTS = 3
MAX_WAIT_SECONDS = 30.0
SPACING_SECONDS = 0.1
"""Between two calls: at most 600 of the 960 a minute that PagerDuty grants a token, which others may share."""

MAX_IDS = 50
"""Ids in one query string."""

MAX_KNOWN = 1_000
"""Addresses whose user's id is remembered."""

_ID = re.compile(r"[PQR][A-Z0-9]{5,15}")

_TOO_MANY = 429
_ALREADY = {1001, 1002}  # resolved, acknowledged already
_RIGHTS = {"GET": "read", "POST": "write", "PUT": "write", "DELETE": "write"}

log = logger("pagerduty")


class ListPage(NamedTuple):
    """One page of a list; ``total`` is of the whole list and told with its first page, else None."""

    rows: list[Mapping[str, Any]]
    more: bool
    total: int | None


class RestClient:
    """One account's REST API."""

    def __init__(
        self,
        *,
        url: str,
        transport: httpx.AsyncBaseTransport,
        token: Callable[[], str],
        sender: str,
        clock: Clock,
        user_agent: str = "alert-router",
        timeout_seconds: float = 10.0,
    ) -> None:
        """``token``: asked at every call; an OAuth token begins with ``Bearer ``. ``sender``: email for ``From``, or empty."""
        self._token = token
        self._sender = sender
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._next_at = 0.0
        self._client = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            headers={"Accept": ACCEPT, "User-Agent": user_agent},
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )
        self.calls = 0
        self._user_ids: dict[str, str] = {}

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    # reading

    async def incident(self, pagerduty_id: str) -> Sighting | None:
        """How it stands; None if there is none of that id."""
        answer = await self._read(f"/incidents/{_path(pagerduty_id)}", "incidents", none_when_missing=True)
        return None if answer is None else sighting_of(members(answer.get("incident")))

    async def incidents_with_key(self, dedup_key: str) -> list[Sighting]:
        """Those whose alerts carry this dedup key, newest first."""
        if not dedup_key.strip():
            raise InvariantError("a blank key would find every incident there is")
        query = [("incident_key", dedup_key), ("date_range", "all"), ("sort_by", "created_at:desc"), ("limit", "25")]
        answer = await self._read("/incidents", "incidents", query) or {}
        return [sighting_of(row) for row in rows(answer.get("incidents"))]

    async def open_incidents(self, services: list[str]) -> list[Sighting]:
        """All that are not resolved, of these services (at most MAX_IDS; none: of all services)."""
        query = [("statuses[]", "triggered"), ("statuses[]", "acknowledged"), ("date_range", "all")]
        query += [("sort_by", "incident_number:asc")]
        query += [("service_ids[]", service) for service in services[:MAX_IDS]]
        return [sighting_of(row) for row in await self._read_all("/incidents", "incidents", query)]

    async def alerts(self, pagerduty_id: str) -> list[AlertPicture]:
        """The alerts of an incident; none if there is no such incident."""
        return [alert_of(row) for row in await self._read_all(f"/incidents/{_path(pagerduty_id)}/alerts", "alerts", [])]

    async def log_entries(self, pagerduty_id: str) -> list[Sighting]:
        """What happened to it, oldest first."""
        found = await self._read_all(
            f"/incidents/{_path(pagerduty_id)}/log_entries", "log_entries", [("include[]", "channels")]
        )
        sightings = [sighting for row in found if (sighting := logged(row, pagerduty_id)) is not None]
        # Their order is not documented, and their times are whole seconds: within one the order given is all there is.
        if sightings and sightings[0].at >= sightings[-1].at:
            sightings.reverse()
        return sorted(sightings, key=lambda sighting: sighting.at)

    async def note(self, pagerduty_id: str, note_id: str) -> str:
        """The whole text of a note; empty if it is gone."""
        answer = await self._read(f"/incidents/{_path(pagerduty_id)}/notes", "notes", none_when_missing=True) or {}
        return next((text(row.get("content")) for row in rows(answer.get("notes")) if row.get("id") == note_id), "")

    async def notes(self, pagerduty_id: str) -> list[str]:
        """The texts of all its notes, each as a whole."""
        answer = await self._read(f"/incidents/{_path(pagerduty_id)}/notes", "notes", none_when_missing=True) or {}
        return [content for row in rows(answer.get("notes")) if isinstance(content := row.get("content"), str)]

    async def requests(self, pagerduty_id: str) -> list[str]:
        """The messages with which responders were asked."""
        answer = await self._read(f"/incidents/{_path(pagerduty_id)}", "incidents", none_when_missing=True) or {}
        asked = rows(members(answer.get("incident")).get("responder_requests"))
        return [message for row in asked if isinstance(message := row.get("message"), str)]

    async def integrations(self, service: str) -> dict[str, str]:
        """The routing keys of a service by the ids of its integrations; empty for one that has none or shows none.

        To find out whose the service is. Secrets: never logged or stored.
        """
        path = f"/services/{_path(service)}"
        answer = await self._read(path, "services", [("include[]", "integrations")], none_when_missing=True) or {}
        found = rows(members(answer.get("service")).get("integrations"))
        return {word(row.get("id")): key if isinstance(key := row.get("integration_key"), str) else "" for row in found}

    # the past, for ``past``

    async def list_page(self, path: str, name: str, query: list[tuple[str, str]], *, offset: int) -> ListPage:
        """One page of a list of incidents or log entries, from the ``offset``-th row on."""
        here = [*query, ("limit", str(PAGE_SIZE)), ("offset", str(offset))]
        answer = await self._call("GET", path, "incidents", query=here if offset else [*here, ("total", "true")])
        total = answer.get("total")
        return ListPage(rows(answer.get(name)), answer.get("more") is True, total if isinstance(total, int) else None)

    async def incident_row(self, pagerduty_id: str) -> Mapping[str, Any] | None:
        """An incident as it is shown; None if there is none of that id."""
        answer = await self._read(f"/incidents/{_path(pagerduty_id)}", "incidents", none_when_missing=True)
        return None if answer is None else members(answer.get("incident"))

    async def incident_rows(self, pagerduty_id: str, name: str) -> list[Mapping[str, Any]]:
        """All ``log_entries``, ``notes`` or ``alerts`` of an incident; none if there is no such incident."""
        path = f"/incidents/{_path(pagerduty_id)}/{name}"
        if name == "notes":  # the one list that has no pages
            return rows((await self._read(path, name, none_when_missing=True) or {}).get(name))
        return await self._read_all(path, name, [])

    async def services_named(self, name: str) -> list[Mapping[str, Any]]:
        """Services whose names hold this text."""
        return await self._read_all("/services", "services", [("query", name)])

    # acting

    async def acknowledge(self, pagerduty_id: str) -> Sighting | None:
        """Say that somebody has it; the same when it is acknowledged already."""
        return await self._update(pagerduty_id, {"status": "acknowledged"})

    async def resolve(self, pagerduty_id: str, note: str = "") -> Sighting | None:
        """Say that it is over; the same when it is resolved already."""
        return await self._update(pagerduty_id, {"status": "resolved"} | ({"resolution": note} if note else {}))

    async def annotate(self, pagerduty_id: str, content: str) -> None:
        """Add a note."""
        await self._write("POST", f"/incidents/{_path(pagerduty_id)}/notes", {"note": {"content": content}}, "incidents")

    async def reassign(self, pagerduty_id: str, user: str) -> Sighting | None:
        """Give it to the user with this email address or id."""
        user_id = await self._user_id(user)
        assignee = {"id": user_id, "type": "user_reference"}
        return await self._update(pagerduty_id, {"assignments": [{"assignee": assignee}]})

    async def is_assigned(self, pagerduty_id: str, user: str) -> bool:
        """Whether the user with this email address or id, and nobody else, has it."""
        row = await self.incident_row(pagerduty_id) or {}
        return [word(members(one.get("assignee")).get("id")) for one in rows(row.get("assignments"))] == [
            await self._user_id(user)
        ]

    async def escalate(self, pagerduty_id: str, *, level: int = 0, policy: str = "") -> Sighting | None:
        """To a level of its escalation policy, or to another policy (name or id)."""
        wanted: dict[str, Any] = {"escalation_level": level} if level else {}
        if policy:
            wanted["escalation_policy"] = {"id": await self._policy_id(policy), "type": "escalation_policy_reference"}
        return await self._update(pagerduty_id, wanted)

    async def prioritise(self, pagerduty_id: str, priority: str) -> Sighting | None:
        """Give it this priority (name, as ``P1``, or id)."""
        found = await self._named("/priorities", "priorities", [], priority)
        return await self._update(pagerduty_id, {"priority": {"id": found, "type": "priority_reference"}})

    async def request_responders(
        self, pagerduty_id: str, *, users: Sequence[str], policies: Sequence[str], message: str
    ) -> None:
        """Ask these to help: users by email address or id, escalation policies by name or id."""
        targets = [{"id": await self._user_id(user), "type": "user_reference"} for user in users]
        targets += [{"id": await self._policy_id(policy), "type": "escalation_policy_reference"} for policy in policies]
        body = {
            "requester_id": await self._user_id(self._acting_for()),
            "message": message,
            "responder_request_targets": [{"responder_request_target": target} for target in targets],
        }
        await self._write("POST", f"/incidents/{_path(pagerduty_id)}/responder_requests", body, "incidents")

    async def publish_status(self, pagerduty_id: str, message: str) -> None:
        """Tell the incident's subscribers how it stands."""
        await self._write("POST", f"/incidents/{_path(pagerduty_id)}/status_updates", {"message": message}, "incidents")

    async def snooze(self, pagerduty_id: str, seconds: int) -> Sighting | None:
        """Quiet for so long, then triggered again."""
        answer = await self._write("POST", f"/incidents/{_path(pagerduty_id)}/snooze", {"duration": seconds}, "incidents")
        return sighting_of(members(answer.get("incident")))

    async def create_incident(self, wanted: dict[str, Any]) -> Sighting:
        """A new one, by hand as it were; RemoteRefused if an open one of the service has its incident key."""
        return sighting_of(
            members((await self._write("POST", "/incidents", {"incident": wanted}, "incidents")).get("incident"))
        )

    async def change_incident(self, pagerduty_id: str, wanted: dict[str, Any]) -> Sighting | None:
        """Title and urgency."""
        return await self._update(pagerduty_id, wanted)

    async def _update(self, pagerduty_id: str, wanted: dict[str, Any]) -> Sighting | None:
        body = {"incident": {"id": pagerduty_id, "type": "incident_reference", **wanted}}
        try:
            answer = await self._write("PUT", f"/incidents/{_path(pagerduty_id)}", body, "incidents")
        except RemoteRefused as refusal:
            if refusal.code in _ALREADY and "status" in wanted:
                return await self.incident(pagerduty_id)
            raise
        return sighting_of(members(answer.get("incident")))

    async def _user_id(self, user: str) -> str:
        if "@" not in user:
            return user
        if user not in self._user_ids:
            found = await self._read_all("/users", "users", [("query", user)])
            ids = [word(row.get("id")) for row in found if word(row.get("email")).lower() == user.lower()]
            if not ids:
                raise RemoteRefused("nobody in PagerDuty has that address", status=404)
            if len(self._user_ids) >= MAX_KNOWN:
                self._user_ids.clear()
            self._user_ids[user] = ids[0]
        return self._user_ids[user]

    async def _policy_id(self, policy: str) -> str:
        return await self._named("/escalation_policies", "escalation_policies", [("query", policy)], policy)

    async def _named(self, path: str, name: str, query: list[tuple[str, str]], wanted: str) -> str:
        """The id of what has this name; something that looks like an id, and is no name there, is taken as one."""
        is_id = _ID.fullmatch(wanted) is not None
        if is_id and query:
            return wanted
        found = await self._read_all(path, name, query)
        for row in found:
            if wanted.lower() in {word(row.get("name")).lower(), word(row.get("id")).lower()}:
                return word(row.get("id"))
        kind = name.replace("_", " ")
        known = ", ".join(word(row.get("name")) for row in found[:10])
        raise RemoteRefused(f"PagerDuty has no {wanted} among its {kind}" + (f": {known}" if known else ""), status=404)

    # calls

    async def _read_all(self, path: str, name: str, query: list[tuple[str, str]]) -> list[Any]:
        """Every page; the offset goes by the rows received, less a few, and each row counts once."""
        found: dict[str, Any] = {}
        offset = 0
        while offset + PAGE_SIZE <= MAX_REACH:
            here = [*query, ("limit", str(PAGE_SIZE)), ("offset", str(offset))]
            answer = await self._read(path, name, here, none_when_missing=True)
            received = rows(answer.get(name)) if answer else []
            fresh = {word(row.get("id")): row for row in received if word(row.get("id")) not in found}
            found |= fresh
            if answer is None or not fresh or answer.get("more") is not True:
                break
            offset += max(1, len(received) - OVERLAP)
        else:
            log.warning("list_cut_short", path=path, rows=len(found))
        return list(found.values())

    async def _read(
        self, path: str, what: str, query: list[tuple[str, str]] | None = None, *, none_when_missing: bool = False
    ) -> dict[str, Any] | None:
        try:
            return await self._call("GET", path, what, query=query)
        except RemoteRefused as refusal:
            if none_when_missing and refusal.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def _acting_for(self) -> str:
        if not self._sender:
            raise RemoteRefused("PagerDuty wants to know who acts: set pagerduty.from to the email address of a user there")
        return self._sender

    async def _write(self, method: str, path: str, body: dict[str, Any], what: str) -> dict[str, Any]:
        self._acting_for()
        return await self._call(method, path, what, body=body)

    async def _call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """RemoteUnavailable after ATTEMPTS, RemoteRefused at once. A write is repeated only after a 429: that was not done."""
        content = None if body is None else msgspec.json.encode(body)
        url = httpx.URL(path, params=query) if query else httpx.URL(path)
        async with self._one_at_a_time:
            for attempt in range(1, ATTEMPTS + 1):
                await self._keep_pace()
                failure, wait = await self._try(method, url, content, what)
                if isinstance(failure, dict):
                    return failure
                is_repeatable = method == "GET" or wait is not None
                if attempt == ATTEMPTS or not is_repeatable:
                    raise failure
                await self._clock.sleep(min(MAX_WAIT_SECONDS, wait if wait is not None else 0.5 * 2**attempt))
        raise InvariantError("a call ends in its loop")

    async def _try(
        self, method: str, url: httpx.URL, content: bytes | None, what: str
    ) -> tuple[dict[str, Any] | RemoteUnavailable, float | None]:
        """The answer, or why there is none yet and how long PagerDuty asks to wait."""
        self.calls += 1
        try:
            answer = await self._client.request(method, url, content=content, headers=self._headers(content is not None))
        except httpx.HTTPError as error:
            return RemoteUnavailable(f"PagerDuty's REST API does not answer: {error}"), None
        self._heed(answer)
        status = answer.status_code
        if answer.is_success:
            return _decoded(answer), None
        if status == _TOO_MANY:
            return RemoteUnavailable("PagerDuty's REST API gets too many calls of this token"), _reset_seconds(answer)
        if status == httpx.codes.REQUEST_TIMEOUT or status >= httpx.codes.INTERNAL_SERVER_ERROR or status < 400:  # noqa: PLR2004
            return RemoteUnavailable(f"PagerDuty's REST API answers HTTP {status}"), None
        raise _refusal(method, what, answer)

    def _headers(self, has_body: bool) -> dict[str, str]:  # noqa: FBT001 - one caller
        token = self._token()
        bearer = token.lower().startswith("bearer ")
        headers = {"Authorization": f"Bearer {token[7:].strip()}" if bearer else f"Token token={token}"}
        if has_body:
            headers["Content-Type"] = "application/json"
        if self._sender:
            headers["From"] = self._sender
        return headers

    async def _keep_pace(self) -> None:
        wait = self._next_at - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(min(wait, MAX_WAIT_SECONDS * 2))
        self._next_at = max(self._next_at, self._clock.monotonic() + SPACING_SECONDS)

    def _heed(self, answer: httpx.Response) -> None:
        """Leave the last tenth of the limit to others who use the token."""
        limit, remaining = _count(answer, "ratelimit-limit"), _count(answer, "ratelimit-remaining")
        if limit is not None and remaining is not None and remaining * 10 < limit:
            self._next_at = self._clock.monotonic() + (_reset_seconds(answer) or 1.0)


def _decoded(answer: httpx.Response) -> dict[str, Any] | RemoteUnavailable:
    if not answer.content:
        return {}
    try:
        found = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return RemoteUnavailable("PagerDuty's REST API answers with something that is no JSON")
    return found if isinstance(found, dict) else {}


def _count(answer: httpx.Response, name: str) -> int | None:
    found = answer.headers.get(name, "").strip()
    return int(found) if found.isascii() and found.isdigit() and len(found) < 10 else None  # noqa: PLR2004


def _reset_seconds(answer: httpx.Response) -> float | None:
    found = _count(answer, "ratelimit-reset")
    found = _count(answer, "retry-after") if found is None else found
    return 2.0 if found is None else float(found)


def _refusal(method: str, what: str, answer: httpx.Response) -> RemoteRefused:
    """What it means for the person who asked; error bodies come in several shapes, or as HTML."""
    status = answer.status_code
    message, code = _said(answer)
    right = f"{what}.{_RIGHTS.get(method, 'write')}"
    if status == httpx.codes.UNAUTHORIZED:
        return RemoteRefused("PagerDuty does not know the token in pagerduty.api_token", status=status, code=code)
    if status == httpx.codes.FORBIDDEN:
        needs = "a token with full access" if right.endswith("write") else "a token that may read"
        hint = f"the token in pagerduty.api_token lacks the right {right}: it takes {needs} (or that scope)"
        return RemoteRefused(hint, status=status, code=code, right=right)
    if status == httpx.codes.PAYMENT_REQUIRED:
        return RemoteRefused(f"the PagerDuty account's plan lacks this ability: {message}", status=status, code=code)
    if code in {1008, 1028, 2016} and "user" in f"{message} from".lower():
        hint = "; pagerduty.from has to be the email address of a user there"
        return RemoteRefused(f"PagerDuty refuses the sender: {message}{hint}", status=status, code=code)
    return RemoteRefused(f"PagerDuty refuses (HTTP {status}): {message or 'no reason given'}", status=status, code=code)


def _said(answer: httpx.Response) -> tuple[str, int]:
    try:
        error = members(msgspec.json.decode(answer.content)).get("error")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", 0
    if isinstance(error, list):
        return "; ".join(word(one) for one in error[:5]), 0
    found = members(error)
    errors = found.get("errors")
    more = errors if isinstance(errors, list) else [errors] if isinstance(errors, str) else []
    code = found.get("code")
    parts = [word(found.get("message")), *(word(one) for one in more[:5])]
    return ": ".join(part for part in parts if part), code if isinstance(code, int) else 0


def _path(part: str) -> str:
    if not part:
        raise InvariantError("a blank id would name the whole collection")
    return quote(part, safe="")
