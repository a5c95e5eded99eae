"""Settings for every test: hypothesis profiles, and no task may die unheard."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

_SLOW_MACHINE = (HealthCheck.too_slow,)
settings.register_profile("dev", deadline=None, suppress_health_check=_SLOW_MACHINE)
settings.register_profile("ci", deadline=None, suppress_health_check=_SLOW_MACHINE, derandomize=True, print_blob=True)
settings.register_profile("nightly", deadline=None, suppress_health_check=_SLOW_MACHINE, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def no_task_dies_unheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test whose event loop had to report an error nobody handled: asyncio only logs it."""
    reports: list[dict[str, Any]] = []
    report = asyncio.BaseEventLoop.default_exception_handler

    def keep(loop: asyncio.BaseEventLoop, context: dict[str, Any]) -> None:
        reports.append(context)
        report(loop, context)

    monkeypatch.setattr(asyncio.BaseEventLoop, "default_exception_handler", keep)
    yield
    assert not reports, f"the event loop reported: {[context.get('message') for context in reports]}"


@pytest.fixture(autouse=True)
def logs_as_they_come() -> Iterator[None]:
    """A test that set the log up leaves nothing of it: the next one captures lines from a set-up of its own."""
    structlog.reset_defaults()
    structlog.configure(cache_logger_on_first_use=False, wrapper_class=structlog.make_filtering_bound_logger(0))
    yield
    structlog.reset_defaults()
