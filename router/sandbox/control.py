"""The control endpoints under ``/_sandbox/``: how a test of another process, and the page, steer and read the sandbox.

Only for callers on this machine that mean it: the Host header must be a loopback name and writes must be JSON,
so that a web page of somebody else cannot reach in through the browser.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from router.sandbox.answer import Answer, json_answer, text_answer
from router.sandbox.facade import Refused, Sandbox, ServiceChange
from router.sandbox.faults import Fault
from router.sandbox.journal import Entry
from router.sandbox.openapi import document
from router.sandbox.past import PastSpec
from router.sandbox.settings import ServiceSpec
from router.sandbox.webhooks import Delivery

PREFIX = "/_sandbox/"
DOCUMENT = "/openapi.json"
_STATIC = Path(__file__).parent / "static"
_FILES = {
    "/": ("page.html", "text/html"),
    "/_sandbox/page.js": ("page.js", "text/javascript"),
    "/_sandbox/page.css": ("page.css", "text/css"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
)
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_ACTIONS = (
    *("acknowledge", "resolve", "annotate", "reassign", "escalate", "reopen", "snooze", "merge"),
    *("request_responders", "respond", "publish_status", "prioritise"),
)
SHOWN_RESOLVED = 50
SHOWN_PAGES = 50


class Subscribing(msgspec.Struct, forbid_unknown_fields=True):
    """A webhook subscription without REST."""

    url: str
    events: list[str] | None = None
    service: str = ""


class Control:
    """Answers control requests; ``skip`` moves the sandbox's time forward, which only the server can do."""

    def __init__(self, sandbox: Sandbox, skip: Callable[[int], None]) -> None:
        self._sandbox = sandbox
        self._skip = skip

    def handles(self, path: str) -> bool:
        """Whether this request is for the control endpoints or the page."""
        bare = path.partition("?")[0]
        return bare.startswith(PREFIX) or bare in {"/", DOCUMENT}

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: bytes, now: int) -> Answer:
        """Answer one control request."""
        bare, _, query = path.partition("?")
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in _LOOPBACK_NAMES:
            return _problem(403, "the sandbox answers only to loopback names")
        reads = method in {"GET", "HEAD"}
        if not reads and headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _problem(415, "send application/json")
        try:
            if reads:
                return json_answer(200, document()) if bare == DOCUMENT else self._read(bare, dict(parse_qsl(query)), now)
            content = json.loads(body or b"{}")
            return self._write(method, bare, content, now)
        except (ValueError, TypeError, KeyError, msgspec.ValidationError) as error:
            return _problem(409 if isinstance(error, Refused) else 400, str(error))

    def _read(self, path: str, query: dict[str, str], now: int) -> Answer:
        if path in _FILES:
            name, media = _FILES[path]
            return text_answer(200, (_STATIC / name).read_text(encoding="utf-8"), *_PAGE_HEADERS, media=media)
        sandbox = self._sandbox
        sandbox.advance(now)
        match path.removeprefix(PREFIX):
            case "state.json":
                content = self._state(now)
            case "incidents.json":
                content = self._incidents(query, now)
            case "pages.json":
                content = {"pages": [msgspec.to_builtins(page) for page in sandbox.pages()]}
            case "requests.json":
                filters = {name: query[name] for name in ("face", "routing_key", "dedup_key") if name in query}
                content = {"requests": [_entry(entry) for entry in sandbox.requests(**filters)]}
            case "faults" | "faults.json":
                content = {"faults": sandbox.faults()}
            case "switches" | "switches.json":
                content = msgspec.to_builtins(sandbox.switches)
            case "webhooks" | "webhooks.json":
                content = {"webhooks": [_delivery(delivery) for delivery in sandbox.webhooks()]}
            case "services" | "services.json":
                content = {"services": sandbox.services(), "users": sandbox.users()}
            case _:
                return _problem(404, f"no control endpoint {path}")
        return json_answer(200, content, ("cache-control", "no-store"))

    def _state(self, now: int) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "now": now,
            "counts": sandbox.counts(),
            "faults": sandbox.faults(),
            "suppressed": sandbox.suppressed(),
            "change_events": sandbox.change_events(),
            "switches": msgspec.to_builtins(sandbox.switches),
        }

    def _incidents(self, query: dict[str, str], now: int) -> dict[str, Any]:
        sandbox = self._sandbox
        resolved = int(query.get("resolved", SHOWN_RESOLVED))
        opened = sandbox.incidents("open")
        if "open" in query:
            opened = opened[max(0, len(opened) - int(query["open"])) :]
        return {
            "now": now,
            "counts": sandbox.counts(),
            "open": [msgspec.to_builtins(incident) for incident in opened],
            "resolved": [msgspec.to_builtins(incident) for incident in sandbox.newest_resolved(resolved)],
            "pages": [msgspec.to_builtins(page) for page in sandbox.newest_pages(SHOWN_PAGES)],
            "users": [{"name": user["name"], "email": user["email"]} for user in sandbox.users()],
            "policies": sandbox.policies(),
        }

    def _write(self, method: str, path: str, content: Any, now: int) -> Answer:
        sandbox = self._sandbox
        match method, path.removeprefix(PREFIX).split("/"):
            case "POST", ["reset"]:
                sandbox.reset(now)
            case "POST", ["faults"]:
                self._add_faults(content, now)
            case "DELETE", ["faults"]:
                sandbox.clear_faults()
            case (("POST" | "PATCH"), ["switches"]):
                sandbox.set_switches(content)
            case "POST", ["services"]:
                sandbox.add_service(msgspec.convert(content, ServiceSpec), now)
            case "PATCH", ["services"]:
                change = msgspec.convert(content, ServiceChange)
                sandbox.set_service(change, now)
            case "POST", ["webhooks" | "past" as what]:
                return self._subscribe(content) if what == "webhooks" else self._add_past(content)
            case "POST", ["skip"]:
                self._skip(msgspec.convert(content["milliseconds"], int))
            case "POST", ["incidents", incident_id, action] if action in _ACTIONS:
                return self._act(action, unquote(incident_id), content, now)
            case _:
                return _problem(404, f"no control endpoint {method} {path}")
        return json_answer(200, {"done": True})

    def _add_faults(self, content: Any, now: int) -> None:
        for fault in msgspec.convert(content if isinstance(content, list) else [content], list[Fault]):
            self._sandbox.add_fault(fault, now)

    def _act(self, action: str, incident_id: str, content: Any, now: int) -> Answer:
        words = msgspec.convert(content, dict[str, str])
        incident = getattr(self._sandbox, action)(incident_id, now, **words)
        return json_answer(200, {"incident": msgspec.to_builtins(incident)})

    def _add_past(self, content: Any) -> Answer:
        return json_answer(200, {"incidents": len(self._sandbox.add_past(msgspec.convert(content, PastSpec)))})

    def _subscribe(self, content: Any) -> Answer:
        wanted = msgspec.convert(content, Subscribing)
        made = self._sandbox.subscribe(wanted.url, wanted.events, service=wanted.service)
        return json_answer(200, {"id": made.id, "secret": made.secret})


def _problem(status: int, message: str) -> Answer:
    return json_answer(status, {"problem": message})


def _delivery(delivery: Delivery) -> dict[str, Any]:
    """A webhook with its attempts; the body as text, as it is JSON."""
    plain = msgspec.structs.asdict(delivery)
    plain["body"] = delivery.body.decode()
    plain["headers"] = dict(delivery.headers)
    return plain


def _entry(entry: Entry) -> dict[str, Any]:
    """A journal entry with its bytes both readable and exact."""
    plain = msgspec.structs.asdict(entry)
    for name in ("body", "answer"):
        raw = plain[name]
        plain[name] = raw.decode("utf-8", "replace")
        plain[f"{name}_base64"] = base64.b64encode(raw).decode()
    plain["headers"] = dict(entry.headers)
    return plain
