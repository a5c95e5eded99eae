"""The REST face: who may call, how often, which handler answers, and how errors look.

Order of the checks: path, authentication, version, rate, scope, fault plan, body, ``From`` header, the handler.
What is not built answers 501 to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import msgspec

from router.sandbox import rest_children, rest_incidents, rest_people, rest_render, validate
from router.sandbox.answer import Answer, empty_answer, json_answer, text_answer
from router.sandbox.faults import Fault, FaultPlan
from router.sandbox.journal import Entry
from router.sandbox.mishaps import struck_answer
from router.sandbox.model import Agent, World
from router.sandbox.rest_request import RestProblem, RestRequest
from router.sandbox.rest_webhooks import SubscriptionHandlers
from router.sandbox.settings import TokenSpec
from router.sandbox.webhooks import WebhookBook
from router.sandbox.windows import SlidingWindows

Handler = Callable[[RestRequest], dict[str, Any] | None]
_VERSION = re.compile(r"application/vnd\.pagerduty\+json\s*;\s*version=2")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Route(NamedTuple):
    """One call: its answer's status, whether it lists the ``From`` header, whether it has a body, its handler."""

    handler: Handler
    status: int = 200
    needs_from: bool = False
    has_body: bool = False
    create: bool = False  # the status is the switch's


def _routes(book: WebhookBook) -> dict[str, Route]:
    """Every call that is built; ``*`` stands for one name."""
    incidents, children, people, hooks = rest_incidents, rest_children, rest_people, SubscriptionHandlers(book)
    return {
        "GET incidents": Route(incidents.list_incidents),
        "POST incidents": Route(incidents.create_incident, 201, needs_from=True, has_body=True),
        "PUT incidents": Route(incidents.update_incidents, needs_from=True, has_body=True),
        "GET incidents/*": Route(incidents.get_incident),
        "PUT incidents/*": Route(incidents.update_incident, needs_from=True, has_body=True),
        "GET incidents/*/notes": Route(children.list_notes),
        "POST incidents/*/notes": Route(children.create_note, needs_from=True, has_body=True, create=True),
        "PUT incidents/*/notes/*": Route(children.update_note, needs_from=True, has_body=True),
        "DELETE incidents/*/notes/*": Route(children.delete_note, 204),
        "GET incidents/*/alerts": Route(children.list_alerts),
        "PUT incidents/*/alerts": Route(children.update_alerts, needs_from=True, has_body=True),
        "GET incidents/*/alerts/*": Route(children.get_alert),
        "GET incidents/*/log_entries": Route(children.list_log_entries),
        "POST incidents/*/snooze": Route(children.snooze, 201, needs_from=True, has_body=True),
        "PUT incidents/*/merge": Route(children.merge, needs_from=True, has_body=True),
        "POST incidents/*/responder_requests": Route(children.request_responders, has_body=True),
        "POST incidents/*/status_updates": Route(children.publish_status, needs_from=True, has_body=True),
        "GET log_entries": Route(children.list_all_log_entries),
        "GET services": Route(people.list_services),
        "GET services/*": Route(people.get_service),
        "POST services/*/integrations": Route(people.create_integration, 201, has_body=True),
        "GET users": Route(people.list_users),
        "GET users/me": Route(people.get_me),
        "GET users/*": Route(people.get_user),
        "GET escalation_policies": Route(people.list_policies),
        "GET escalation_policies/*": Route(people.get_policy),
        "GET oncalls": Route(people.list_oncalls),
        "GET abilities": Route(people.list_abilities),
        "GET abilities/*": Route(people.check_ability, 204),
        "GET priorities": Route(people.list_priorities),
        "GET webhook_subscriptions": Route(hooks.list),
        "POST webhook_subscriptions": Route(hooks.create, has_body=True, create=True),
        "GET webhook_subscriptions/*": Route(hooks.get),
        "PUT webhook_subscriptions/*": Route(hooks.update, has_body=True),
        "DELETE webhook_subscriptions/*": Route(hooks.delete, 204),
        "POST webhook_subscriptions/*/ping": Route(hooks.ping, 202),
        "POST webhook_subscriptions/*/enable": Route(hooks.enable),
    }


class RestFace:
    """Answers requests to the REST API."""

    def __init__(
        self, world: World, faults: FaultPlan, book: WebhookBook, tokens: tuple[TokenSpec, ...], scheme: str = "http"
    ) -> None:
        self._scheme = scheme
        self._world = world
        self._faults = faults
        self._tokens = {token.token: token for token in tokens}
        self._windows = SlidingWindows()
        self._routes = _routes(book)

    def receive(self, entry: Entry, query: str, headers: Mapping[str, str], now: int) -> Answer:
        """Answer one request."""
        entry.fate = "rejected"
        limits: tuple[tuple[str, str], ...] = ()
        try:
            name, route, path = self._find(entry)
            token = self._authenticate(headers)
            self._check_version(headers)
            limits = self._count(token, name, now)
            _check_scope(token, entry.method)
            answer = self._struck(entry, lambda: self._answer(entry, query, headers, token, route, path, now), now)
        except RestProblem as problem:
            answer = self._refusal(problem)
        return msgspec.structs.replace(answer, headers=(*answer.headers, *limits))

    def _authenticate(self, headers: Mapping[str, str]) -> TokenSpec:
        given = headers.get("authorization", "")
        found = re.fullmatch(r"(?:Token token=|Bearer )(\S+)", given)
        token = self._tokens.get(found[1]) if found else None
        if token is None:
            raise RestProblem(401, 2006, "Authentication Failed")
        return token

    def _check_version(self, headers: Mapping[str, str]) -> None:
        if self._world.switches.rest_require_accept and not _VERSION.search(headers.get("accept", "")):
            raise RestProblem(400, 2001, "Invalid Input Provided", ["Accept must ask for version=2"])

    def _find(self, entry: Entry) -> tuple[str, Route, tuple[str, ...]]:
        path = tuple(unquote(part) for part in entry.path.strip("/").split("/"))
        starred = [part if index % 2 == 0 else "*" for index, part in enumerate(path)]
        for pattern in ("/".join(path), "/".join(starred)):
            name = f"{entry.method} {pattern}"
            if name in self._routes:
                return name, self._routes[name], path
        raise RestProblem(501, 2000, f"The sandbox does not implement {entry.method} {entry.path}")

    def _count(self, token: TokenSpec, name: str, now: int) -> tuple[tuple[str, str], ...]:
        """Count the call and give the headers of the limit that is closest; beyond one it is refused."""
        switches = self._world.switches
        extra = {
            "POST incidents": switches.rest_create_limit_per_minute,
            "PUT incidents": switches.rest_update_limit_per_minute,
            "GET oncalls": switches.rest_oncalls_limit_per_minute,
        }
        windows = [(token.token, switches.rest_rate_limit_per_minute), (f"{token.token} {name}", extra.get(name, 0))]
        windows = [(window, limit) for window, limit in windows if limit]
        if not windows:
            return ()
        full = [(window, limit) for window, limit in windows if self._windows.used(window, now) >= limit]
        if full:
            headers = self._limit_headers(*full[0], now)
            raise _Throttled(headers)
        for window, limit in windows:
            self._windows.add(window, now, limit)
        closest = min(windows, key=lambda row: row[1] - self._windows.used(row[0], now))
        return self._limit_headers(*closest, now)

    def _limit_headers(self, window: str, limit: int, now: int) -> tuple[tuple[str, str], ...]:
        seconds = -(-self._windows.resets_in_ms(window, now) // 1000)
        return (
            ("ratelimit-limit", str(limit)),
            ("ratelimit-remaining", str(limit - self._windows.used(window, now))),
            ("ratelimit-reset", str(seconds)),
        )

    def _struck(self, entry: Entry, make: Callable[[], Answer], now: int) -> Answer:
        fault = self._faults.pick(now, "rest")
        if fault is None:
            entry.fate = "answered"
            return make()
        return self._with_fault(fault, entry, make)

    def _with_fault(self, fault: Fault, entry: Entry, make: Callable[[], Answer]) -> Answer:
        entry.fault = fault.kind
        entry.fate = "answered" if fault.accepts else "failed"
        answer = make() if fault.accepts else Answer(0, (), b"{}")
        return struck_answer(fault, answer, self._failure)

    def _answer(  # noqa: PLR0917 - everything that is known about the call by now
        self,
        entry: Entry,
        query: str,
        headers: Mapping[str, str],
        token: TokenSpec,
        route: Route,
        path: tuple[str, ...],
        now: int,
    ) -> Answer:
        request = RestRequest(
            world=self._world,
            method=entry.method,
            path=path,
            query=parse_qs(query, keep_blank_values=True),
            content=self._content(entry, headers) if route.has_body else {},
            agent=self._agent(headers, token, route),
            user_level=bool(token.user_email),
            now=now,
        )
        content = route.handler(request)
        status = self._world.switches.rest_create_status if route.create else route.status
        if content is None:
            return empty_answer(status)
        answer = json_answer(status, content)
        # As PagerDuty's own, addresses in an answer begin with where it was asked: clients go on by them.
        site = f"{self._scheme}://{headers.get('host', 'sandbox.invalid')}".encode()
        return msgspec.structs.replace(answer, body=answer.body.replace(rest_render.SITE.encode(), site))

    def _content(self, entry: Entry, headers: Mapping[str, str]) -> dict[str, Any]:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RestProblem(400, 2001, "Invalid Input Provided", ["Content-Type must be application/json"])
        try:
            return validate.decode(entry.body, self._world.switches)
        except ValueError as error:
            raise RestProblem(400, 2001, "Invalid Input Provided", ["The body is not a JSON object"]) from error

    def _agent(self, headers: Mapping[str, str], token: TokenSpec, route: Route) -> Agent | None:
        world = self._world
        email = headers.get("from", "")
        if not email and (token.user_email or not route.needs_from):
            email = token.user_email
            if not email:
                return None
        elif not email and not world.switches.rest_require_from:
            email = next(iter(world.users.values())).email
        elif not email:
            raise RestProblem(400, 2016, "A valid user email is needed in the From header")
        elif not _EMAIL.fullmatch(email):
            raise RestProblem(400, 1028, "The From header is not an email address")
        user = world.user_by_email(email)
        if user is None:
            raise RestProblem(400, 1008, "Requester User Not Found")
        return Agent("user", user.id, user.name)

    # errors

    def _refusal(self, problem: RestProblem) -> Answer:
        if isinstance(problem, _Throttled):
            if self._world.switches.rest_bare_throttle:
                return empty_answer(429)
            answer = self._shaped(429, 2020, "Rate Limit Exceeded", [])
            return msgspec.structs.replace(answer, headers=(*answer.headers, *problem.headers))
        return self._shaped(problem.status, problem.code, problem.message, problem.errors)

    def _shaped(self, status: int, code: int, message: str, errors: list[str]) -> Answer:
        match self._world.switches.rest_error_shape:
            case "string_errors":
                text = errors[0] if errors else message
                return json_answer(status, {"error": {"message": message, "code": code, "errors": text}})
            case "array":
                return json_answer(status, {"error": [message, *errors]})
            case "html":
                return text_answer(status, f"<html><body><h1>{status}</h1></body></html>", media="text/html")
            case _:
                error: dict[str, Any] = {"message": message, "code": code}
                if errors:
                    error["errors"] = errors
                return json_answer(status, {"error": error})

    def _failure(self, status: int, body: str) -> Answer:
        if body == "empty":
            return empty_answer(status)
        if body == "html":
            return text_answer(status, f"<html><body><h1>{status}</h1></body></html>", media="text/html")
        return self._shaped(status, 2020 if status == 429 else 2000, "Internal Error", [])  # noqa: PLR2004


def _check_scope(token: TokenSpec, method: str) -> None:
    if method in _WRITES and token.scope == "read_only":
        raise RestProblem(403, 2010, "Access Denied")


class _Throttled(RestProblem):
    """Too many calls; carries the limit's headers."""

    def __init__(self, headers: tuple[tuple[str, str], ...]) -> None:
        super().__init__(429, 2020, "Rate Limit Exceeded")
        self.headers = headers
