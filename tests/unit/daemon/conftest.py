"""A strict stand-in for PagerDuty, for the tests of what is wired together."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router.sandbox.server import SandboxServer
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches
from tests.support.daemon import KEYS


@pytest.fixture
async def pagerduty() -> AsyncIterator[SandboxServer]:
    """On a free port, with a service for every key of the tests."""
    async with SandboxServer(from_keys(KEYS, port=0, switches=Switches(processing_delay_ms=1))) as server:
        yield server
