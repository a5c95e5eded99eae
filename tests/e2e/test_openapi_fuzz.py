"""The real daemon against its own OpenAPI document: what fits it is answered as it says, what does not is refused cleanly."""

from __future__ import annotations

import contextlib
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

from tests.support.daemon import Daemon, alert, off_loop

pytestmark = [
    pytest.mark.timeout(300),
    # Its own parts use what pytest's next major version drops; an exchange that it leaves open is closed by its session.
    pytest.mark.filterwarnings("ignore"),
]

TOKEN = "a-token-of-a-good-length"
EXAMPLES = 12
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
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
        # 503 is an answer that the document knows: no history, no webhook secret, a store that is full.
        checks = CHECKS if answer.status_code == 503 else [*CHECKS, not_a_server_error]
        try:
            case.validate_response(answer, checks=checks)
        except BaseExceptionGroup as failures:
            for failure in failures.exceptions:
                findings.setdefault((label, type(failure).__name__), f"{label}: {failure}\n{case.as_curl_command()}")

    # Of some operations nothing can be made that violates the document: all is taken in any path or there is no body.
    with contextlib.suppress(Unsatisfiable):
        ask()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_its_document_says(make_daemon, pagerduty, mode: GenerationMode) -> None:
    daemon = make_daemon(start=False, tokens=[{"name": "fuzz", "token": "env:FUZZ", "scopes": ["read", "write", "ingest"]}])
    daemon.environment["FUZZ"] = TOKEN
    await off_loop(daemon.start)
    headers = {"authorization": f"Bearer {TOKEN}"}
    for name in ("CardError", "Slow"):
        status, _ = await off_loop(daemon.request, "POST", "/api/v2/alerts", [alert(name)], **headers)
        assert status == 200
    findings = await off_loop(fuzz, daemon, mode)
    assert not findings, "\n\n".join(findings)
    assert '"level":"critical"' not in daemon.log
    assert "request_failed" not in daemon.log
    assert (await off_loop(daemon.request, "GET", "/v1/stats", **headers))[0] == 200
