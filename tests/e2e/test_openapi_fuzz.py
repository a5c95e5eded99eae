"""The real daemon against its own OpenAPI document: what fits it is answered as it says, what does not is refused cleanly.

The daemon has all that it can have (a token for PagerDuty, a webhook's secret, history), so that nothing excuses a 503.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from router.sandbox.faults import Fault
from router.sandbox.past import PastSpec
from router.sandbox.settings import DEFAULT_TOKEN
from tests.support.daemon import KEYS, Daemon, alert, eventually, off_loop
from tests.support.document import described, operation_of

pytestmark = [
    pytest.mark.timeout(300),
    # Its own parts use what pytest's next major version drops; an exchange that it leaves open is closed by its session.
    pytest.mark.filterwarnings("ignore"),
]

TOKEN = "a-token-of-a-good-length"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
WEBHOOK_SECRET = "a-webhook-secret"
INBOUND = "9c" * 16
DAY_MS = 86_400_000
RULES = """
rules:
  - id: everything
    match: {service: "payment-*"}
    group_by: [service, name, instance]
"""
EXAMPLES = 12
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
    not_a_server_error,
]


def fuzz(daemon: Daemon, mode: GenerationMode) -> list[str]:
    """What went wrong, one line for each operation and kind."""
    _, document = daemon.request("GET", "/v1/openapi.json", authorization=f"Bearer {TOKEN}")
    findings: dict[tuple[str, str], str] = {}
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(operations) > 50
    for operation in operations:
        _fuzz_one(daemon, operation, mode, findings)
    return list(findings.values())


def _fuzz_one(daemon: Daemon, operation: Any, mode: GenerationMode, findings: dict[tuple[str, str], str]) -> None:
    label = operation.label

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{daemon.port}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as failures:
            for failure in failures.exceptions:
                findings.setdefault((label, type(failure).__name__), f"{label}: {failure}\n{case.as_curl_command()}")

    # Of some operations nothing can be made that violates the document: all is taken in any path or there is no body.
    with contextlib.suppress(Unsatisfiable):
        ask()


async def furnished(make_daemon, pagerduty) -> Daemon:
    """One that has everything: open pages, silences, orphans, history, somebody's deeds in PagerDuty."""
    until = pagerduty.now() - 3_600_000
    pagerduty.sandbox.set_switches({"rest_rate_limit_per_minute": 0})
    pagerduty.sandbox.add_past(PastSpec(incidents=5, since=until - 20 * DAY_MS, until=until))
    daemon = make_daemon(
        RULES,
        start=False,
        tokens=[{"name": "fuzz", "token": "env:FUZZ", "scopes": ["read", "write", "ingest", "admin"]}],
        pagerduty={
            "events_url": pagerduty.url, "api_url": pagerduty.url, "rate": "unlimited", "api_token": "env:PD_TOKEN",
            "from": "ada@example.test", "webhook_secrets": ["env:PD_WEBHOOK"],
        },
        sources={
            "prometheus": {"kind": "alertmanager"},
            "tools": {"kind": "pagerduty", "keys": ["env:INBOUND"]},
            "hook": {"kind": "webhook", "mapping": {"service": "s", "details": "{all: @}"}},
        },
        history={"sync": "1h", "since": "60d", "objectives": [{"name": "fast", "acknowledge_within": "1m"}]},
    )  # fmt: skip
    daemon.environment |= {"FUZZ": TOKEN, "PD_TOKEN": DEFAULT_TOKEN, "PD_WEBHOOK": WEBHOOK_SECRET, "INBOUND": INBOUND}
    done = await off_loop(daemon.run_command, "history", "sync")
    assert done.returncode == 0, done.stderr
    await off_loop(daemon.start)
    for name in ("CardError", "Slow"):
        status, _ = await off_loop(daemon.request, "POST", "/api/v2/alerts", [alert(name)], **HEADERS)
        assert status == 200
    await eventually(lambda: len(pagerduty.sandbox.incidents("open")) >= 2)
    daemon.write_rules(RULES.replace("id: everything", "id: renamed"))
    status, answer = await off_loop(daemon.request, "POST", "/-/reload", None, **HEADERS)
    assert status == 200, answer
    return daemon


def healthy(daemon: Daemon) -> None:
    assert '"level":"critical"' not in daemon.log
    assert "request_failed" not in daemon.log
    assert "connection_failed" not in daemon.log
    assert daemon.request("GET", "/v1/stats", None, **HEADERS)[0] == 200


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_its_document_says(make_daemon, pagerduty, mode: GenerationMode) -> None:
    daemon = await furnished(make_daemon, pagerduty)
    findings = await off_loop(fuzz, daemon, mode)
    assert not findings, "\n\n".join(findings)
    await off_loop(healthy, daemon)


STORY: list[tuple[str, str, Any]] = [
    # method, path, body: each is answered 2xx, and exactly as it is described
    ("GET", "/-/healthy", None), ("GET", "/-/ready", None), ("GET", "/metrics", None), ("GET", "/v1/openapi.json", None),
    ("GET", "/api/v2/status", None), ("GET", "/api/v2/receivers", None), ("GET", "/api/v2/alerts", None),
    ("GET", "/api/v2/alerts/groups", None), ("POST", "/api/v2/alerts", [alert("Third")]),
    ("POST", "/v1/alerts", {"service": "payment-own", "name": "Down", "kind": "stateful", "labels": {"a": "b"}}),
    ("POST", "/v1/sources/hook", {"s": "payment-hook"}), ("POST", "/v1/heartbeats/backup", None),
    ("GET", "/v1/heartbeats/backup", None),
    ("POST", "/v2/enqueue", {"routing_key": INBOUND, "event_action": "trigger",
                             "payload": {"summary": "s", "source": "payment-x", "severity": "error"}}),
    ("POST", "/v2/change/enqueue", {"routing_key": INBOUND, "payload": {"summary": "s", "source": "payment-x"}}),
    ("GET", "/v1/alerts", None), ("GET", "/v1/alerts?journal=true", None), ("GET", "/v1/incidents", None),
    ("GET", "/v1/incidents/1", None), ("GET", "/v1/decisions", None), ("GET", "/v1/deliveries", None), ("GET", "/v1/deliveries/1", None), ("GET", "/v1/rules", None), ("GET", "/v1/audit", None), ("GET", "/v1/orphans", None),
    ("GET", "/v1/strays", None), ("GET", "/v1/stats", None), ("GET", "/v1/stats?by=service", None), ("GET", "/v1/search?q=error", None),
    ("GET", "/v1/reports", None),
    ("POST", "/v1/silences?dry_run=true", {"match": {"service": "payment-*"}, "reason": "works", "for": "1h"}),
    ("POST", "/v1/reconcile?dry_run=true", None),
    ("POST", "/v1/orphans/everything/adopt", {"into": "renamed"}),
    ("POST", "/v1/incidents/1/acknowledge", {}), ("POST", "/v1/incidents/1/note", {"note": "seen"}),
    ("POST", "/v1/incidents/1/snooze", {"seconds": 60}), ("POST", "/v1/incidents/1/priority", {"priority": "P1"}),
    ("POST", "/v1/incidents/1/status", {"message": "we look at it"}),
    ("POST", "/v1/incidents/1/responders", {"users": ["ada@example.test"], "message": "help"}),
    ("POST", "/v1/incidents/1/reassign", {"user": "ada@example.test"}), ("POST", "/v1/incidents/1/escalate", {"level": 1}),
    ("POST", "/v1/incidents/1/resolve", {"note": "done"}),
    ("POST", "/v1/incidents/2/close", {"reason": "over"}),
    ("POST", "/-/reload", None),
]  # fmt: skip


async def test_every_operation_is_answered_for_real_as_exactly_as_it_is_described(make_daemon, pagerduty) -> None:
    daemon = await furnished(make_daemon, pagerduty)
    answered: set[tuple[str, str]] = set()

    async def ask(method: str, path: str, body: Any = None, *, expected: int = 2, **headers: str) -> Any:
        status, answer = await off_loop(daemon.request, method, path, body, **(headers or HEADERS))
        assert status // 100 == expected, (method, path, status, answer)
        found = operation_of(method, path)
        assert found is not None, path
        answered.add((method.lower(), found[0]))
        return answer

    for method, path, body in STORY:
        await ask(method, path, body)
    await go_on(ask, pagerduty, daemon)
    whole = {(method, path) for path, operations in described()["paths"].items() for method in operations}
    assert sorted(whole - answered) == []
    await off_loop(healthy, daemon)


async def go_on(ask: Any, pagerduty: Any, daemon: Daemon) -> None:
    """What needs an id that an answer gave."""
    seq = (await ask("GET", "/v1/alerts"))["items"][0]["seq"]
    await ask("GET", f"/v1/alerts/{seq}")
    await ask("GET", f"/v1/explain/{seq}")
    months = await ask("GET", "/v1/reports")
    for form in ("html", "markdown", "json", "csv"):
        await ask("GET", f"/v1/reports/{months['items'][0]['month']}?format={form}")
    made = (await ask("POST", "/v1/silences", {"match": {"service": "x"}, "reason": "works", "until": "resolved"}))["silence"]
    await ask("GET", "/v1/silences")
    await ask("GET", f"/v1/silences/{made['id']}")
    matchers = [{"name": "service", "value": "y", "isRegex": False}]
    times = {"startsAt": alert()["startsAt"], "endsAt": alert()["endsAt"]}
    posted = await ask("POST", "/api/v2/silences", {"matchers": matchers, "createdBy": "a", "comment": "b", **times})
    await ask("GET", "/api/v2/silences")
    await ask("GET", f"/api/v2/silence/{posted['silenceID']}")
    await ask("DELETE", f"/api/v2/silence/{posted['silenceID']}")
    await ask("DELETE", f"/v1/silences/{made['id']}")
    body = json.dumps({"event": {"id": "E1", "event_type": "pagey.ping", "data": {}}}).encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    await ask("POST", "/v1/pagerduty/webhook", body, **{"X-PagerDuty-Signature": f"v1={signature}"})
    pagerduty.sandbox.add_fault(Fault(kind="403", routing_key=KEYS["payments"]), pagerduty.now())
    for name in ("Refused", "AlsoRefused"):
        await ask("POST", "/api/v2/alerts", [alert(name, instance=name)])
    for deed in ("drop", "retry"):
        dead = await eventually(lambda: daemon.request("GET", "/v1/deliveries?state=dead", None, **HEADERS)[1]["items"])
        await ask("POST", f"/v1/deliveries/{dead[0]['id']}/{deed}")
    pagerduty.sandbox.clear_faults()
    daemon.write_rules(RULES.replace("id: everything", "id: third"))
    await ask("POST", "/-/reload")
    await ask("POST", "/v1/orphans/renamed/close", {"reason": "gone"})
    await ask("POST", "/v1/strays/resolve", {"all": True, "reason": "put back"})
