"""The Events face: the checks of one request in their fixed order, and the queue of accepted events.

Order: path and method, size, content type and JSON, all members at once, unknown key, rate limit, fault plan, 202.
A refused or throttled event leaves no trace but its journal entry.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

import msgspec

from router.sandbox import validate
from router.sandbox.answer import Answer, empty_answer, json_answer, text_answer
from router.sandbox.faults import FaultPlan
from router.sandbox.journal import Entry
from router.sandbox.mishaps import struck_answer
from router.sandbox.model import World
from router.sandbox.processing import AcceptedEvent, process
from router.sandbox.provision import add_service
from router.sandbox.settings import ServiceSpec
from router.sandbox.windows import SlidingWindows

ALERT_PATH = "/v2/enqueue"
CHANGE_PATH = "/v2/change/enqueue"
ACCEPTED = 202
THROTTLED = 429
_ACCOUNT = ""


class _Refused(Exception):
    """A check failed; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class EventsFace:
    """Answers requests to the Events API and processes what it accepted."""

    def __init__(self, world: World, faults: FaultPlan) -> None:
        self._world = world
        self._faults = faults
        self._windows = SlidingWindows()
        self._queue: list[tuple[int, int, AcceptedEvent, Entry]] = []
        self._accepted = 0

    @property
    def pending(self) -> int:
        """Events that are accepted and not yet processed."""
        return len(self._queue)

    def next_due(self) -> int | None:
        """When the next accepted event is processed."""
        return self._queue[0][0] if self._queue else None

    def process_next(self) -> None:
        """Process the accepted event whose turn it is."""
        due, _, event, entry = heapq.heappop(self._queue)
        entry.effect = process(self._world, event, due)
        entry.processed_at = due

    def receive(self, entry: Entry, headers: Mapping[str, str], now: int) -> Answer:
        """Answer one request; the entry learns what was seen in it."""
        entry.fate = "rejected"
        try:
            self._check_envelope(entry, headers)
            content = self._decode(entry)
            self._check_members(entry, content)
            self._check_key(entry, now)
            self._check_pace(entry, now)
        except _Refused as refused:
            return refused.answer
        return self._accept_or_fail(entry, content, now)

    def _check_envelope(self, entry: Entry, headers: Mapping[str, str]) -> None:
        switches = self._world.switches
        if entry.path not in {ALERT_PATH, CHANGE_PATH}:
            raise _Refused(json_answer(404, _problem("not found", "There is nothing at this path")))
        if entry.method != "POST":
            raise _Refused(empty_answer(405, ("allow", "POST")))
        if len(entry.body) > switches.max_body_bytes:
            raise _Refused(json_answer(switches.too_large_status, _invalid("The event is too large")))
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if switches.require_json_content_type and media != "application/json" and not media.endswith("+json"):
            raise _Refused(json_answer(400, _unrecognized("Content-Type is not JSON"), _assumed("content-type")))

    def _decode(self, entry: Entry) -> dict[str, Any]:
        try:
            return validate.decode(entry.body, self._world.switches)
        except validate.DuplicateMember as error:
            raise _Refused(json_answer(400, _invalid(str(error)), _assumed("duplicate-member"))) from error
        except validate.NotAnObject as error:
            raise _Refused(json_answer(400, _unrecognized("JSON parse error"))) from error

    def _check_members(self, entry: Entry, content: dict[str, Any]) -> None:
        is_change = entry.path == CHANGE_PATH
        _describe(entry, content, is_change=is_change)
        findings = (validate.check_change if is_change else validate.check_event)(content, self._world.switches)
        if findings:
            assumed = sorted({finding.assumed for finding in findings if finding.assumed})
            headers = (_assumed(*assumed),) if assumed else ()
            raise _Refused(json_answer(400, _invalid(*(finding.text for finding in findings)), *headers))

    def _check_key(self, entry: Entry, now: int) -> None:
        world, switches, key = self._world, self._world.switches, entry.routing_key
        if key not in world.integrations and not self._adopt(key, now):
            if switches.unknown_key_answer == "text":
                raise _Refused(text_answer(400, "Invalid routing key"))
            raise _Refused(json_answer(400, _invalid("Invalid routing key")))
        if switches.unknown_alert_status == ACCEPTED or entry.action not in {"acknowledge", "resolve"}:
            return
        waiting = any((row[2].routing_key, row[2].dedup_key) == (key, entry.dedup_key) for row in self._queue)
        if not waiting and (key, entry.dedup_key) not in world.open_alerts:
            raise _Refused(json_answer(400, _invalid("There is no such alert"), _assumed("unknown-alert")))

    def _check_pace(self, entry: Entry, now: int) -> None:
        if self._is_throttled(entry.routing_key, now, is_change=entry.action == "change"):
            entry.fate = "throttled"
            raise _Refused(self._failure(THROTTLED, self._world.switches.throttle_body))

    def _failure(self, status: int, body: str) -> Answer:
        """A failure as the switches word it: a 429 says how long to wait, whether it was earned or planned."""
        wait = self._world.switches.throttle_retry_after_seconds
        return _failure(status, body, (("retry-after", str(wait)),) if wait and status == THROTTLED else ())

    def _accept_or_fail(self, entry: Entry, content: dict[str, Any], now: int) -> Answer:
        fault = self._faults.pick(now, "events", entry.routing_key)
        entry.fault = fault.kind if fault else ""
        entry.fate = "failed"
        if fault is not None and not fault.accepts:
            return struck_answer(fault, Answer(0, (), b""), self._failure)
        if len(self._queue) >= self._world.switches.pending_events:
            return json_answer(503, _problem("error", "The sandbox holds too many unprocessed events"))
        answer = self._accept(entry, content, now, is_change=entry.action == "change")
        return answer if fault is None else struck_answer(fault, answer, self._failure)

    def _adopt(self, key: str, now: int) -> bool:
        """With the switch on, an unknown key gets a service of its own."""
        switches = self._world.switches
        if not switches.accept_any_key or len(self._world.services) >= switches.kept_services:
            return False
        name = f"key ending in {key[-6:]} ({len(self._world.services)})"
        add_service(self._world, ServiceSpec(name=name, keys=(key,)), now)
        return True

    def _is_throttled(self, key: str, now: int, *, is_change: bool) -> bool:
        switches = self._world.switches
        name = key if switches.change_events_share_window or not is_change else f"change {key}"
        full = False
        limits = ((name, switches.rate_limit_per_minute), (_ACCOUNT, switches.account_rate_limit_per_minute))
        for window, limit in limits:
            full = full or (limit > 0 and self._windows.used(window, now) >= limit)
        if not full or switches.rate_limit_counts == "all":
            for window, limit in limits:
                if limit > 0:
                    self._windows.add(window, now, limit)
        return full

    def _accept(self, entry: Entry, content: dict[str, Any], now: int, *, is_change: bool) -> Answer:
        world, switches = self._world, self._world.switches
        if not is_change and not entry.dedup_key:
            entry.dedup_key = world.ids.hexadecimal()
        event = AcceptedEvent(
            routing_key=entry.routing_key,
            action=entry.action,
            dedup_key=entry.dedup_key,
            content=content,
            accepted_at=now,
        )
        due = now + switches.processing_delay_ms
        if switches.reorder_spread_ms:
            due += world.chance.randrange(switches.reorder_spread_ms + 1)
        self._accepted += 1
        heapq.heappush(self._queue, (due, self._accepted, event, entry))
        entry.fate = "accepted"
        if is_change:
            answer = json_answer(202, {"status": "success", "message": "Change event processed"})
        else:
            answer = json_answer(202, {"status": "success", "message": "Event processed", "dedup_key": entry.dedup_key})
        if switches.answer_delay_ms:
            answer = msgspec.structs.replace(answer, delay_ms=switches.answer_delay_ms)
        return answer


def _describe(entry: Entry, content: dict[str, Any], *, is_change: bool) -> None:
    """Note in the journal what the request names, as far as it names it properly."""
    key, action, dedup_key = content.get("routing_key"), content.get("event_action"), content.get("dedup_key")
    entry.routing_key = key if isinstance(key, str) else ""
    entry.action = "change" if is_change else action if isinstance(action, str) else ""
    entry.dedup_key = dedup_key if isinstance(dedup_key, str) and not is_change else ""


def _assumed(*names: str) -> tuple[str, str]:
    return ("x-sandbox-assumed", ", ".join(names))


def _unrecognized(*errors: str) -> dict[str, Any]:
    return {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": list(errors),
    }


def _invalid(*errors: str) -> dict[str, Any]:
    return {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}


def _problem(status: str, message: str) -> dict[str, Any]:
    return {"status": status, "message": message, "errors": []}


def _failure(status: int, body: str, headers: tuple[tuple[str, str], ...]) -> Answer:
    if body == "empty":
        return empty_answer(status, *headers)
    if body == "html":
        return text_answer(status, f"<html><body><h1>{status}</h1></body></html>", *headers, media="text/html")
    if status == THROTTLED:
        return json_answer(
            status, _problem("throttle exceeded", "Requests for this service are arriving too quickly."), *headers
        )
    return json_answer(status, _problem("error", "The service could not handle the event"), *headers)
