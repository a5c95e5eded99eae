"""The circuit breaker of one endpoint: while it does not answer, one probe at a time tells when it does again. Pure.

Closed, it lets everything through. After ``failures`` calls in a row without a usable answer it opens: one call at a time,
about every ``probe_ms``. The first answer closes it and everything that waits goes at once. In a long outage probes become
rarer, up to ``cap_ms``, but recovery is never noticed later than a sixtieth of the outage; a delivery that is new hastens the
next probe. A 429 is an answer: it concerns its routing key, not the endpoint. Times are milliseconds that do not go back.
"""

from __future__ import annotations

from router.dispatch.protocols import BreakerState

_SHARE_OF_OUTAGE = 60
_JITTER = 0.1  # probes come this much earlier at most, so that several routers do not knock in step


class Breaker:
    """The state of one endpoint."""

    __slots__ = (
        "_asked_until",
        "_cap_ms",
        "_failures",
        "_limit",
        "_opened_at",
        "_probe_at",
        "_probe_ms",
        "_probed_at",
        "_probing",
    )

    def __init__(self, *, failures: int, probe_ms: int, cap_ms: int) -> None:
        """Closed."""
        self._limit = failures
        self._probe_ms = probe_ms
        self._cap_ms = cap_ms
        self._failures = 0
        self._opened_at: int | None = None
        self._asked_until = 0
        self._probe_at = 0
        self._probed_at = 0
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """Closed, open (waits for its next probe) or half open (a probe is under way)."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._probing else "open"

    @property
    def is_closed(self) -> bool:
        """Whether calls go through freely."""
        return self._opened_at is None

    @property
    def probe_at(self) -> int | None:
        """When the next probe may go; None while one is under way or there is no need."""
        return None if self._opened_at is None or self._probing else self._probe_at

    def may_call(self, now: int) -> bool:
        """Whether a call may start."""
        return self._opened_at is None or (not self._probing and now >= self._probe_at)

    def begin(self, now: int) -> bool:
        """A call starts; True: it is the probe, and how it ends must be told with ``was_probe``."""
        if self._opened_at is None:
            return False
        self._probing = True
        self._probed_at = now
        return True

    def succeed(self) -> bool:
        """The endpoint answered; True: it was not closed, and is now."""
        self._failures = 0
        was_open = self._opened_at is not None
        self._opened_at = None
        self._probing = False
        return was_open

    def fail(self, now: int, *, was_probe: bool, retry_after_ms: int | None, jitter: float) -> bool:
        """No usable answer; ``jitter`` 0..1 spreads the probes. True: it was closed, and is open now."""
        self._failures += 1
        if self._opened_at is None:
            if self._failures < self._limit:
                return False
            self._opened_at = now
            self._probed_at = now
            self._plan_probe(now, retry_after_ms, jitter)
            return True
        if was_probe:
            self._probing = False
            self._plan_probe(now, retry_after_ms, jitter)
        return False

    def abandon(self, *, was_probe: bool) -> None:
        """A call ended without saying anything about the endpoint."""
        if was_probe:
            self._probing = False

    def hasten(self) -> None:
        """Something new waits: the next probe need not be later than the shortest interval."""
        if self._opened_at is not None:
            self._probe_at = min(self._probe_at, max(self._probed_at + self._probe_ms, self._asked_until))

    def _plan_probe(self, now: int, retry_after_ms: int | None, jitter: float) -> None:
        opened_at = self._opened_at if self._opened_at is not None else now
        interval = min(max(self._probe_ms, (now - opened_at) // _SHARE_OF_OUTAGE), self._cap_ms)
        interval = int(interval * (1 - _JITTER * jitter))
        self._asked_until = now + (retry_after_ms or 0)
        self._probe_at = max(self._probed_at + interval, self._asked_until)
