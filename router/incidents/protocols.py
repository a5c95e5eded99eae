"""What following a page needs of others: PagerDuty's REST API, the store, somebody to tell. Protocols only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from router.model.journal import Fact
from router.model.page import AlertPicture, Followed, Sighting
from router.store.base import Reader

Value = TypeVar("Value")


class Remote(Protocol):
    """PagerDuty's REST API. Everything may raise RemoteUnavailable (later) or RemoteRefused (never, as asked)."""

    async def incident(self, pagerduty_id: str) -> Sighting | None:
        """How it stands; None if there is none of that id."""
        ...

    async def incidents_with_key(self, dedup_key: str) -> list[Sighting]:
        """Those whose alerts carry this dedup key, newest first."""
        ...

    async def open_incidents(self, services: list[str]) -> list[Sighting]:
        """All that are not resolved, of these services."""
        ...

    async def alerts(self, pagerduty_id: str) -> list[AlertPicture]:
        """The alerts of an incident."""
        ...

    async def log_entries(self, pagerduty_id: str) -> list[Sighting]:
        """What happened to it, oldest first."""
        ...

    async def note(self, pagerduty_id: str, note_id: str) -> str:
        """The whole text of a note."""
        ...

    async def notes(self, pagerduty_id: str) -> list[str]:
        """The texts of all its notes."""
        ...

    async def requests(self, pagerduty_id: str) -> list[str]:
        """The messages with which responders were asked."""
        ...

    async def integrations(self, service: str) -> dict[str, str]:
        """The routing keys of a service by the ids of its integrations; empty for one that has none or shows none."""
        ...


class Hand(Remote, Protocol):
    """The calls that change something; they answer how the incident stands then."""

    async def acknowledge(self, pagerduty_id: str) -> Sighting | None:
        """Say that somebody has it."""
        ...

    async def resolve(self, pagerduty_id: str, note: str = "") -> Sighting | None:
        """Say that it is over."""
        ...

    async def annotate(self, pagerduty_id: str, content: str) -> None:
        """Add a note."""
        ...

    async def is_assigned(self, pagerduty_id: str, user: str) -> bool:
        """Whether this user, and nobody else, has it."""
        ...

    async def reassign(self, pagerduty_id: str, user: str) -> Sighting | None:
        """Give it to a user (email address or id)."""
        ...

    async def escalate(self, pagerduty_id: str, *, level: int = 0, policy: str = "") -> Sighting | None:
        """To a level, or to another policy (name or id)."""
        ...

    async def prioritise(self, pagerduty_id: str, priority: str) -> Sighting | None:
        """Give it this priority (name or id)."""
        ...

    async def request_responders(
        self, pagerduty_id: str, *, users: Sequence[str], policies: Sequence[str], message: str
    ) -> None:
        """Ask these to help: users by email address or id, escalation policies by name or id."""
        ...

    async def publish_status(self, pagerduty_id: str, message: str) -> None:
        """Tell its subscribers how it stands."""
        ...

    async def snooze(self, pagerduty_id: str, seconds: int) -> Sighting | None:
        """Quiet for so long."""
        ...


class Journal(Protocol):
    """Where facts for the engine go."""

    async def append(self, at: int, facts: Sequence[Fact], *, reserved: bool = False) -> object:
        """Make these facts durable."""
        ...


class Notebook(Protocol):
    """Where what was learnt of pages goes."""

    async def follow(self, step: Followed) -> None:
        """Durable as a whole."""
        ...


class Ask(Protocol):
    """Looks back into the store, away from the loop."""

    def __call__(self, question: Callable[[Reader], Value]) -> Awaitable[Value]:
        """The answer."""
        ...


class Bell(Protocol):
    """The router's own troubles."""

    async def not_confirmed(self, team: str, summary: str) -> None:
        """A page of this team reached nobody, as far as PagerDuty shows."""
        ...

    async def confirmed(self, team: str) -> None:
        """A page of this team did."""
        ...

    async def blind(self, summary: str) -> None:
        """Pages cannot be followed now."""
        ...

    async def sees(self) -> None:
        """They can."""
        ...

    async def strays(self, summary: str) -> None:
        """Incidents are open in PagerDuty that came from us and that we do not know."""
        ...

    async def no_strays(self) -> None:
        """None are."""
        ...
