"""The application: from a request to its answer, whatever server carries it. Finds the route, asks who may, guards the handler.

``answer`` never raises and always answers; what it cannot foresee is a 500 with a log line, and its own mistake.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from router.api.auth import Authenticator, Peer
from router.api.exchange import Answer, Refused, Request
from router.api.routes import Found, Route, Routes
from router.telemetry.logs import logger
from router.telemetry.metrics import Metrics

log = logger("api")


async def _nowhere(_request: Request) -> Answer:
    raise Refused(404, "nothing is here")


UNKNOWN = Route(method="", path="", handler=_nowhere, scope=None, name="unknown")
"""Stands for every path that is not known, in answers and metrics."""


Record = Callable[[str, str, str], Awaitable[None]]
"""Keeps who did what to what in the audit record; never fails."""


class Api:
    """One per daemon. A server calls ``admit`` when the head of a request is there and ``answer`` when its body is."""

    def __init__(
        self, *, routes: Iterable[Route], authenticator: Authenticator, metrics: Metrics, record: Record | None = None
    ) -> None:
        """Parts as wired by the daemon. ``record``: who did what, and to what."""
        self._record = record
        self.routes = Routes(routes)
        self._authenticator = authenticator
        self._metrics = metrics
        self._counts: dict[tuple[str, int], int] = {}  # by door and status; handed in when somebody asks for the metrics
        metrics.before_render(self._report_counts)

    def admit(self, method: str, path: str, headers: Mapping[bytes, bytes], peer: Peer) -> Found | Answer:
        """The route if this peer may take it, else the answer that ends the request before its body is read."""
        found = self.routes.find(method, path)
        if found is None:
            return self._unknown(method, path, peer)
        route = found.route
        try:
            scope = route.scope if route.scope_of is None else route.scope_of(found.rest)
            self._authenticator.check(headers.get(b"authorization"), peer, scope)
            if method == "POST":
                _check_posted(headers, needs_json=route.takes_body, takes_any_type=route.takes_any_type)
        except Refused as error:
            return self._refuse(route, error)
        return found

    async def answer(self, found: Found, request: Request) -> Answer:
        """Run the handler."""
        route = found.route
        try:
            answer = await (route.handler(request, found.rest) if found.rest else route.handler(request))
        except Refused as error:
            answer = route.shape(error.status, error.text, error.headers)
        except Exception as error:
            log.exception("request_failed", door=route.name, cause=repr(error))
            answer = route.shape(500, "internal error; the log says more", ())
        self.count(route.name, answer.status)
        if route.audit and self._record is not None:
            await self._keep(self._record, found, request, answer)
        return answer

    async def _keep(self, record: Record, found: Found, request: Request, answer: Answer) -> None:
        """It is done and will be answered, whatever becomes of its record."""
        try:
            who = self._authenticator.name_of(request.headers.get(b"authorization"))
            await record(who, found.route.audit, _subject(found.rest, request, answer.status))
        except Exception as error:
            log.exception("audit_not_kept", door=found.route.name, cause=repr(error))

    def refuse(self, found: Found, status: int, text: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
        """What the server itself has to refuse (too large, too slow, too much at once), in the route's shape."""
        return self._refuse(found.route, Refused(status, text, headers))

    def count(self, door: str, status: int) -> None:
        """One more request answered."""
        key = (door, status)
        self._counts[key] = self._counts.get(key, 0) + 1

    def _report_counts(self) -> None:
        counts, self._counts = self._counts, {}
        for (door, status), count in counts.items():
            self._metrics.http_requests.labels(door, str(status)).inc(count)

    def _refuse(self, route: Route, error: Refused) -> Answer:
        self.count(route.name, error.status)
        return route.shape(error.status, error.text, error.headers)

    def _unknown(self, method: str, path: str, peer: Peer) -> Answer:
        try:
            self._authenticator.check(None, peer, None)
        except Refused as error:
            return self._refuse(UNKNOWN, error)
        methods = self.routes.methods(path)
        if methods:
            text = f"{path} takes {', '.join(methods)}, not {method}"
            return self._refuse(UNKNOWN, Refused(405, text, ((b"allow", ", ".join(methods).encode()),)))
        return self._refuse(UNKNOWN, Refused(404, f"nothing is at {path[:200]}; GET /v1/openapi.json lists what is"))


def _subject(rest: str, request: Request, status: int) -> str:
    """What it was done to, with the reason given, and whether it came to nothing."""
    try:
        reason = "".join(request.query().get("reason", [])[:1])
    except Refused:  # as the handler has refused it
        reason = ""
    outcome = f"refused ({status})" if status >= 400 else ""  # noqa: PLR2004 -- HTTP's first refusal
    return ": ".join(part for part in (rest, reason, outcome) if part)


def _check_posted(headers: Mapping[bytes, bytes], *, needs_json: bool, takes_any_type: bool) -> None:
    """What a page in somebody's browser could post across sites is refused, as is a body we would have to unpack."""
    site = headers.get(b"sec-fetch-site")
    if site is not None and site not in (b"same-origin", b"none"):
        raise Refused(403, "requests from pages of other sites are not taken")
    if not needs_json:
        return
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise Refused(415, f"content-encoding {_show(encoding)} is not taken; send the body as it is")
    coding = headers.get(b"transfer-encoding")
    if coding is not None and coding.strip().lower() != b"chunked":
        raise Refused(415, f"transfer-encoding {_show(coding)} is not taken; send the body as it is")
    content_type = headers.get(b"content-type")
    if takes_any_type or content_type is None or content_type == b"application/json":
        return
    kind, _, parameters = content_type.lower().partition(b";")
    if kind.strip() != b"application/json" and not kind.strip().endswith(b"+json"):
        raise Refused(415, f"content-type {_show(content_type)} is not taken; send Content-Type: application/json")
    charset = parameters.partition(b"charset=")[2].strip(b' "')
    if charset not in (b"", b"utf-8", b"utf8"):
        raise Refused(415, f"charset {_show(charset)} is not taken; send UTF-8")


def _show(text: bytes) -> str:
    return repr(text[:64].decode("latin-1"))
