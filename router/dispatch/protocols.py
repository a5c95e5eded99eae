"""What dispatch needs of others. ``router.pagerduty``, the store and the daemon fit these without knowing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from router.model.delivery import Delivery, DeliveryState, Outcome

BreakerState = Literal["closed", "open", "half_open"]


class Sender(Protocol):
    """Sends one delivery once."""

    async def send(self, delivery: Delivery) -> Outcome:
        """The outcome, within a deadline of the sender's own; never raises for what a network can do."""
        ...


class Recorder(Protocol):
    """Makes progress durable: the store. Must never write ``Delivery.body``, which may have been let go."""

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when state, attempts and next time of these are durable, all or none."""
        ...


class Archive(Protocol):
    """Looks deliveries up: the store's reader."""

    def delivery(self, delivery_id: int) -> Delivery | None:
        """One delivery with its body, or None."""
        ...

    def deliveries(
        self, *, state: DeliveryState | None = None, dedup_key: str | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Newest first."""
        ...


class Failures(Protocol):
    """Told of deliveries that were given up: the daemon journals a ``DeliveryFailed`` for each (``dead.fact_of``)."""

    async def failed(self, deliveries: Sequence[Delivery]) -> None:
        """Returns when that is durable; StoreError or Overloaded: it is called again with the same.

        It comes before the dead letter itself is recorded, so a crash between the two tells it twice, never not at all.
        """
        ...


class Observer(Protocol):
    """Counts. Called synchronously on the hot path: a few microseconds at most, and must not raise."""

    def attempted(self, delivery: Delivery, outcome: Outcome, took_ms: int) -> None:
        """A call ended."""
        ...

    def delivered(self, delivery: Delivery) -> None:
        """It was accepted; ``finished_at`` says when."""
        ...

    def retried(self, delivery: Delivery) -> None:
        """It will be tried again; ``next_attempt_at`` is the earliest time."""
        ...

    def dead(self, delivery: Delivery) -> None:
        """It was given up; ``reason`` says why."""
        ...

    def cancelled(self, delivery: Delivery) -> None:
        """It will not be sent; ``reason`` says why."""
        ...

    def breaker_changed(self, endpoint: str, state: BreakerState) -> None:
        """The breaker of an endpoint opened or closed; how often it probes, ``attempted`` tells."""
        ...


class Unobserved:
    """An observer that counts nothing."""

    def attempted(self, delivery: Delivery, outcome: Outcome, took_ms: int) -> None:
        """Nothing."""

    def delivered(self, delivery: Delivery) -> None:
        """Nothing."""

    def retried(self, delivery: Delivery) -> None:
        """Nothing."""

    def dead(self, delivery: Delivery) -> None:
        """Nothing."""

    def cancelled(self, delivery: Delivery) -> None:
        """Nothing."""

    def breaker_changed(self, endpoint: str, state: BreakerState) -> None:
        """Nothing."""
