"""Short ways to say what a test sends to the sandbox."""

from __future__ import annotations

import json
from typing import Any

from router.sandbox.answer import Answer
from router.sandbox.facade import Sandbox
from router.sandbox.settings import OrchestrationSpec, ServiceSpec, Settings
from router.sandbox.switches import Switches

KEY = "a" * 32
OTHER_KEY = "b" * 32
SECOND_KEY_OF_SAME = "c" * 32
ORCHESTRATION_KEY = "R0" + "D" * 30
JSON = {"Content-Type": "application/json"}
LATER = 1_000


def sandbox(service: dict[str, Any] | None = None, **switches: Any) -> Sandbox:
    """Two services, the first with two keys, and an orchestration routing the source ``db`` to the first."""
    first = ServiceSpec(**{"name": "payments", "keys": (KEY, SECOND_KEY_OF_SAME), **(service or {})})
    settings = Settings(
        services=(first, ServiceSpec(name="search", keys=(OTHER_KEY,))),
        orchestrations=(OrchestrationSpec(name="all", key=ORCHESTRATION_KEY, routes={"db": "payments"}),),
    )
    return Sandbox(Switches(**switches), settings=settings)


def payload(**changes: Any) -> dict[str, Any]:
    """A payload that is right, with some members changed; ``None`` leaves one out."""
    members = {"summary": "Disk full", "source": "db", "severity": "critical", **changes}
    return {name: value for name, value in members.items() if value is not None}


def event(action: str = "trigger", dedup_key: str | None = "k", **changes: Any) -> dict[str, Any]:
    """An event that is right, with some members changed; ``None`` leaves one out."""
    members = {"routing_key": KEY, "event_action": action, "dedup_key": dedup_key, **changes}
    if action == "trigger":
        members.setdefault("payload", payload())
    return {name: value for name, value in members.items() if value is not None}


def post(to: Sandbox, content: Any, now: int = 0, path: str = "/v2/enqueue") -> Answer:
    """Send an event."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return to.receive_event(path, JSON, body, now)


def do(to: Sandbox, action: str, dedup_key: str = "k", now: int = 0, **changes: Any) -> str:
    """Send an event, let it be processed and say what it did."""
    assert post(to, event(action, dedup_key, **changes), now).status == 202
    entry = to.requests()[-1]
    to.advance(entry.at + to.switches.processing_delay_ms + to.switches.reorder_spread_ms)
    return entry.effect


def content_of(answer: Answer) -> Any:
    """The answer's JSON."""
    return json.loads(answer.body)
