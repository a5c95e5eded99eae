"""How often one routing key may be called: at most so many calls in any window, in bursts if need be. Pure.

Keeps this invariant: seen from the other side of the network, no window of ``window_ms`` holds more than ``limit`` calls. A
call arrives somewhere between its start and its end, so it holds its place from its start until a window after its end.

After a 429 the key pauses for as long as it was told to, and then goes on at half the limit; the limit doubles again after
each window without another 429. Times are milliseconds of any one clock that does not go back.
"""

from __future__ import annotations

from collections import deque

_SMALLEST_SHARE = 1 / 16


class Pace:
    """The pace of one routing key; ``limit`` 0 is unlimited, and then only pauses hold it back."""

    __slots__ = (
        "_calling",
        "_ended",
        "_recovers_from",
        "_share",
        "_throttled_at",
        "limit",
        "paused_until",
        "streak",
        "window_ms",
    )

    def __init__(self, limit: int, window_ms: int) -> None:
        """Nothing was called yet."""
        self.limit = limit
        self.window_ms = window_ms
        self.paused_until = 0
        self.streak = 0  # rounds of 429 in a row
        self._ended: deque[int] = deque()
        self._calling = 0
        self._share = 1.0
        self._throttled_at = -1
        self._recovers_from = 0

    def free_at(self, now: int) -> int | None:
        """The earliest time of the next call, ``now`` or before for at once; None: only after a call has ended."""
        if self.limit == 0:
            return self.paused_until
        ended = self._ended
        since = now - self.window_ms
        while ended and ended[0] <= since:
            ended.popleft()
        excess = self._calling + len(ended) - self.current_limit(now) + 1
        if excess <= 0:
            return self.paused_until
        if excess > len(ended):
            return None
        return max(self.paused_until, ended[excess - 1] + self.window_ms)

    def current_limit(self, now: int) -> int:
        """The limit as far as it has recovered."""
        while self._share < 1.0 and now - self._recovers_from >= self.window_ms:
            self._share = min(1.0, self._share * 2)
            self._recovers_from += self.window_ms
        return max(1, int(self.limit * self._share))

    def begin(self) -> None:
        """A call starts."""
        if self.limit:
            self._calling += 1

    def end(self, now: int) -> None:
        """A call has ended, whatever its answer."""
        if self.limit and self._calling:
            self._calling -= 1
            self._ended.append(now)

    def remember(self, ended_at: int) -> None:
        """A call that ended before this object was made; oldest first."""
        if self.limit:
            self._ended.append(ended_at)

    def pause(self, until: int) -> None:
        """A pause that began before this object was made."""
        self.paused_until = max(self.paused_until, until)

    def accept(self, began_at: int) -> None:
        """A call was taken; one that began after the last 429 ends the row of them."""
        if began_at > self._throttled_at:
            self.streak = 0

    def is_new_refusal(self, began_at: int) -> bool:
        """Whether a 429 is news: calls that were under way at the first 429 of a round say the same thing again."""
        return began_at > self._throttled_at

    def refuse(self, now: int, *, began_at: int, pause_ms: int) -> None:
        """A call was answered 429: pause, and be slower for a while."""
        self.paused_until = max(self.paused_until, now + pause_ms)
        if self.is_new_refusal(began_at):
            self._share = max(_SMALLEST_SHARE, self._share / 2)
            self._throttled_at = now
            self.streak += 1
        self._recovers_from = self.paused_until

    def change(self, limit: int, window_ms: int) -> None:
        """A new limit from the configuration; calls under way when it was unlimited are not counted."""
        if limit == 0:
            self._ended.clear()
            self._calling = 0
        self.limit = limit
        self.window_ms = window_ms

    def is_idle(self, now: int) -> bool:
        """Whether it remembers nothing that still matters."""
        self.free_at(now)
        return not self._calling and not self._ended and self._share >= 1.0 and self.paused_until <= now
