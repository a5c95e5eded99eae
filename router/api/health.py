"""Alive, ready, reload, metrics: for supervisors, balancers and scrapers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from router.api.exchange import Answer, Request, answer_json

METRICS = b"text/plain; version=0.0.4; charset=utf-8"


class Health:
    """Answers by asking the daemon's callbacks."""

    def __init__(
        self,
        *,
        not_ready: Callable[[], Sequence[str]],
        reload: Callable[[], Awaitable[Sequence[str]]],
        prepare_metrics: Callable[[], None],
        render_metrics: Callable[[], bytes],
        restart_needed: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """``not_ready``: every reason not to send alerts here. ``reload``: the mistakes that kept it from happening.

        ``restart_needed``: the settings that were changed and that no reload puts in force.
        """
        self._not_ready = not_ready
        self._reload = reload
        self._restart_needed = restart_needed
        self._prepare_metrics = prepare_metrics
        self._render_metrics = render_metrics
        self._rendering = asyncio.Lock()

    async def healthy(self, _request: Request) -> Answer:
        """``/-/healthy``: the process runs and its loop turns."""
        return answer_json({"status": "healthy"})

    async def ready(self, _request: Request) -> Answer:
        """``/-/ready``: 503 with every reason while alerts would be refused."""
        reasons = list(self._not_ready())
        if reasons:
            return answer_json({"status": "not ready", "reasons": reasons}, status=503)
        return answer_json({"status": "ready"})

    async def reload(self, _request: Request) -> Answer:
        """``POST /-/reload``: 200 once the new rules are in force, 422 with every mistake if they cannot be."""
        mistakes = list(await self._reload())
        if mistakes:
            return answer_json({"error": "not reloaded, the last good configuration stays", "mistakes": mistakes}, status=422)
        waiting = list(self._restart_needed())
        return answer_json({"status": "reloaded"} | ({"restart_needed": waiting} if waiting else {}))

    async def metrics(self, _request: Request) -> Answer:
        """``/metrics``; rendered in a thread, one at a time, for 20,000 series take half a second."""
        async with self._rendering:
            self._prepare_metrics()
            body = await asyncio.to_thread(self._render_metrics)
        return Answer(body=body, content_type=METRICS)
