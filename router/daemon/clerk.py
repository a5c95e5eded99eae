"""Keeps the audit record of what is done to the router itself: who reloaded, retried, dropped, started and stopped it.

What happens to pages is recorded by those who follow them (``router.incidents``), what happens to silences by their desk. Must
never do: keep anything from happening because it cannot be recorded; the log then says so.
"""

from __future__ import annotations

from typing import Protocol

from router.clock import Clock
from router.errors import StoreError
from router.model.page import MAX_TEXT, AuditEntry, Followed, Through
from router.telemetry.logs import logger

OURSELVES = "alert-router"

log = logger("daemon")


class Notebook(Protocol):
    """The store, as the clerk needs it."""

    async def follow(self, step: Followed) -> None:
        """Make it durable."""
        ...


class Clerk:
    """One per daemon."""

    def __init__(self, notebook: Notebook, clock: Clock) -> None:
        """Nothing is written before ``note``."""
        self._notebook = notebook
        self._clock = clock

    async def note(self, who: str, what: str, text: str = "", *, through: Through = "api") -> None:
        """Somebody did this now."""
        entry = AuditEntry(at=self._clock.now(), who=who, through=through, what=what, text=text[:MAX_TEXT])
        try:
            await self._notebook.follow(Followed(audit=(entry,)))
        except StoreError as error:
            log.warning("audit_not_kept", who=who, what=what, cause=str(error))
