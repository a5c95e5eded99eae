"""The sandbox against its own OpenAPI document: asked for whatever it allows and whatever it does not, it answers as it says."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from router.sandbox.openapi import document
from router.sandbox.server import SandboxServer
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches
from tests.support.daemon import off_loop

KEY = "a1" * 16
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
pytestmark = pytest.mark.filterwarnings("ignore")  # of the fuzzer's own parts


def test_every_reference_leads_somewhere_and_every_type_is_used() -> None:
    text = json.dumps(document())
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= set(document()["components"]["schemas"])
    assert {"IncidentView", "Page", "Fault", "Switches"} <= names


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_every_operation_answers_as_its_document_says(mode: GenerationMode) -> None:
    switches = Switches(processing_delay_ms=0, rate_limit_per_minute=0, accept_any_key=mode is GenerationMode.POSITIVE)
    async with SandboxServer(from_keys({"payments": KEY}, port=0, switches=switches)) as server:
        findings = await off_loop(fuzz, server.url, mode, server.sandbox.clear_faults)
        assert not findings, "\n\n".join(findings)
        if mode is GenerationMode.POSITIVE:
            fates = {entry.fate for entry in server.sandbox.requests(face="events")}
            assert "accepted" in fates, "what the document allows is an event"


def fuzz(url: str, mode: GenerationMode, clear_faults: Callable[[], None]) -> list[str]:
    findings: dict[tuple[str, str], str] = {}
    for found in schemathesis.openapi.from_dict(document()).get_all_operations():
        _ask(url, found.ok(), mode, findings, clear_faults)
    return list(findings.values())


def _ask(
    url: str, operation: Any, mode: GenerationMode, findings: dict[tuple[str, str], str], clear_faults: Callable[[], None]
) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call(base_url=url, timeout=10)
        clear_faults()  # a fault that was taken would strike whoever asks next
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as failures:
            for failure in failures.exceptions:
                findings.setdefault(
                    (operation.label, type(failure).__name__), f"{operation.label}: {failure}\n{case.as_curl_command()}"
                )

    with contextlib.suppress(Unsatisfiable):  # of some nothing can be made that violates the document
        ask()
