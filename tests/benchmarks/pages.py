"""What arrived at the sink, put together: which alert was paged when, how often, under how many dedup keys."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Self

from tests.benchmarks.processes import ask
from tests.benchmarks.workload import severity

_REFUSED_FROM = 300
_SAMPLES = 20_000


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which this share of them lies; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


class Pages:
    """Triggers and resolves by token, in order of arrival."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Lines of the sink's dump."""
        self.first: dict[str, int] = {}  # token -> when its first trigger was accepted
        self.attempts: dict[str, list[tuple[int, int]]] = defaultdict(list)  # token -> (when, status) of triggers
        self.resolved: set[str] = set()
        self.repeated = 0
        keys: dict[str, set[str]] = defaultdict(set)
        for line in lines:
            at, token, action, status, key = line.split()
            if action == "resolve":
                self.resolved.add(token)
                continue
            self.attempts[token].append((int(at), int(status)))
            if int(status) >= _REFUSED_FROM:
                continue
            keys[token].add(key)
            if token in self.first:
                self.repeated += 1
            else:
                self.first[token] = int(at)
        self.second_incidents = sum(len(of_token) - 1 for of_token in keys.values())

    @classmethod
    def of(cls, sink_port: int) -> Self:
        """Everything the sink has."""
        return cls(ask(sink_port, "GET", "/_dump")[1].decode().splitlines())

    def share_out_of_order(self) -> float:
        """Of all pairs of pages of one severity (sampled), how many arrived in another order than their alerts were sent in.

        Pairs of different severity do not count: what is worse may go first.
        """
        numbers = [int(token.rsplit("_", 1)[1]) for token in self.first]
        chance = random.Random(2)
        pairs = bad = 0
        for _ in range(_SAMPLES if len(numbers) > 1 else 0):
            earlier, later = (numbers[place] for place in sorted(chance.sample(range(len(numbers)), 2)))
            if severity(earlier) == severity(later):
                pairs += 1
                bad += earlier > later
        return bad / pairs if pairs else 0.0
