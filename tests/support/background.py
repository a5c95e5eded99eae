"""A sandbox on a loop of its own in another thread, for tests of code that blocks or runs a loop itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from router.sandbox.server import SandboxServer
from router.sandbox.settings import from_keys
from router.sandbox.switches import Switches


@contextlib.contextmanager
def sandbox_in_background(keys: Mapping[str, str], **switches: Any) -> Iterator[SandboxServer]:
    """Runs until the end of the block; look at it, and steer it, from outside only while no request is under way."""
    server = SandboxServer(from_keys(keys, port=0, switches=Switches(**({"processing_delay_ms": 1} | switches))))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
