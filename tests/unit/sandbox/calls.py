"""Short ways to call the sandbox's REST face."""

from __future__ import annotations

import json
from typing import Any

from router.sandbox.answer import Answer
from router.sandbox.facade import Sandbox
from router.sandbox.settings import DEFAULT_TOKEN
from tests.unit.sandbox.builders import content_of, do

HEADERS = {
    "Authorization": f"Token token={DEFAULT_TOKEN}",
    "Accept": "application/vnd.pagerduty+json;version=2",
    "Content-Type": "application/json",
    "From": "ada@example.test",
}


def call(to: Sandbox, method: str, path: str, content: Any = None, now: int = 10_000, **headers: str | None) -> Answer:
    """One call; headers given as ``None`` are left out."""
    merged = {**HEADERS, **{name.replace("_", "-").title(): value for name, value in headers.items()}}
    body = b"" if content is None else json.dumps(content).encode()
    return to.receive(method, path, {name: value for name, value in merged.items() if value is not None}, body, now)


def ok(to: Sandbox, method: str, path: str, content: Any = None, now: int = 10_000) -> Any:
    """One call that must succeed; its content."""
    answer = call(to, method, path, content, now)
    assert 200 <= answer.status < 300, answer.body
    return content_of(answer) if answer.body else None


def code(answer: Answer) -> tuple[int, int]:
    """Status and code of a refusal."""
    return answer.status, content_of(answer)["error"]["code"]


def incident_id(to: Sandbox, dedup_key: str = "k", **changes: Any) -> str:
    """Open an incident by an event; its id."""
    do(to, "trigger", dedup_key, **changes)
    return to.incidents()[-1].id
