"""What a seed stands for: how long, how many senders, and which kinds of trouble, each with its own strength.

Each kind is off in most seeds, so that rare mixtures appear, and some seeds are calm. Everything random is drawn from a stream
with a name: what one part draws does not move what another one sees.
"""

from __future__ import annotations

import random
from typing import Literal

import msgspec

KINDS = (
    "crash_at_append",  # the process dies before or after facts are durable
    "crash_at_commit",  # … a decision is
    "crash_at_record",  # … the progress of a delivery is
    "crash_at_send",  # … before PagerDuty has an event, after it has it, after it answered
    "crash_anytime",
    "stop",  # SIGTERM and a new start
    "store_busy",  # does not answer, and may have written all the same
    "store_full",
    "store_slow",
    "events_reset",  # connection reset, before or after the event was accepted
    "events_hang",  # no answer, whether or not it was accepted
    "events_broken",  # dripping, cut and truncated answers
    "events_errors",  # 5xx and 408, also after accepting
    "events_throttled",  # 429 out of the blue
    "events_rate",  # 429 because PagerDuty takes fewer calls than our pace, with or without Retry-After
    "events_refused",  # 403: dead letters and fallbacks
    "outage",  # nobody answers for minutes
    "impatience",  # dead letters by age
    "clock_steps",
    "reloads",
    "broken_rules",
    "senders_give_up",  # close the connection before the answer
    "answers_lost",  # the sender never hears our 2xx
    "replica_down",
    "replica_skewed",  # a sender's clock is off
    "silence",  # alerts that nobody resolves: they expire
    "late_resolves",
    "wording",  # annotations change while the alert fires
    "people",  # acknowledge and resolve in PagerDuty
    "crowds",  # more incidents than limits let through
    "webhooks_lost",
    "webhooks_repeated",
    "webhooks_late",  # behind newer ones
    "rest_errors",
)

LATER_KINDS = (
    "power_cuts",  # most deaths are the machine's: what was not synced is gone as well
    "silences",  # people mute services and names, for a while or until it has resolved, and take that back
    "orphans",  # reloads rename rules and drop them; people give what is left open to another rule, or close it
    "handovers",  # reloads give services to other teams, take a team away and bring it back
    "losses",  # PagerDuty answers 202 and loses the event; only where it is asked how pages stand
    "flapping",  # a rule that pages what comes and goes
    "digests",  # the channel collects
    "heartbeats",  # rules that page when nothing comes, and reporters that go silent and come back
)
"""Drawn from streams of their own: what the kinds above draw stays as it was."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The draw of one seed. Times in seconds."""

    seed: int
    on: frozenset[str]
    active_seconds: int
    replicas: int
    problems: int
    events: int
    rate: str  # calls per routing key, as configured
    retry_for: str
    sandbox_rate: int  # calls a minute that PagerDuty takes of one key
    sandbox_retry_after: int
    following: Literal["not", "polls", "hears"]
    chat: bool  # a channel besides is told as well
    trouble: float  # 0..1, how often what is on strikes

    def has(self, kind: str) -> bool:
        """Whether this kind of trouble is on."""
        return kind in self.on

    @property
    def loses(self) -> bool:
        """Whether PagerDuty loses what it took. Where it is not asked how pages stand, nobody can know, and nothing is promised."""
        return self.has("losses") and self.following != "not"


def stream(seed: int, name: str) -> random.Random:
    """Chance for one part of the world."""
    return random.Random(f"{seed}/{name}")


def draw(seed: int) -> Plan:
    """The plan of a seed; always the same."""
    chance = stream(seed, "plan")
    share = chance.choice((0.0, 0.1, 0.2, 0.3, 0.5))
    on = frozenset(kind for kind in KINDS if chance.random() < share)
    if chance.random() < 0.5:
        on |= {chance.choice(KINDS)}
    on |= {kind for kind in LATER_KINDS if stream(seed, kind).random() < 0.25}
    return Plan(
        seed=seed,
        on=on,
        active_seconds=chance.choice((240, 480, 720)),
        replicas=chance.choice((1, 2, 2)),
        problems=chance.randint(2, 10),
        events=chance.randint(0, 5),
        rate=chance.choice(("5/1m", "20/1m", "100/1m", "unlimited")),
        retry_for="3m" if "impatience" in on else "24h",
        sandbox_rate=chance.choice((6, 15, 25)) if "events_rate" in on else 0,
        sandbox_retry_after=chance.choice((0, 5, 30)),
        following=chance.choice(("not", "polls", "hears", "hears")),
        chat=stream(seed, "chat").random() < 0.3,
        trouble=chance.choice((0.05, 0.2, 0.5)),
    )
