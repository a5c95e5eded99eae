"""Every end-to-end test has a sandbox of its own on a socket, and starts daemons in folders of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.sandbox.server import SandboxServer
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches
from tests.support.daemon import KEYS, Daemon, config


@pytest.fixture
async def pagerduty() -> AsyncIterator[SandboxServer]:
    """The strict stand-in with a service per key of the tests; processes what it accepted after 20 ms."""
    switches = Switches(processing_delay_ms=20, rate_limit_per_minute=0)
    async with SandboxServer(from_keys(KEYS, port=0, switches=switches)) as server:
        yield server


@pytest.fixture
def make_daemon(tmp_path: Path, pagerduty: SandboxServer) -> Iterator[Callable[..., Daemon]]:
    """A factory of daemons that page the sandbox; all are ended with the test."""
    with contextlib.ExitStack() as stack:
        made: list[Daemon] = []

        def make(rules: str | dict[str, str] | None = None, *, start: bool = True, **settings: Any) -> Daemon:
            files = {"everything.yaml": rules} if isinstance(rules, str) else rules
            daemon = Daemon(tmp_path / f"daemon{len(made)}", config(pagerduty.url, **settings), files)
            made.append(daemon)
            stack.callback(_end, daemon)
            return daemon.start() if start else daemon

        yield make


def _end(daemon: Daemon) -> None:
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.kill()
