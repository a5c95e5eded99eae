"""Random streams of occurrences through the engine, held to a window that is nothing but a list of all occurrences.

Many streams share an engine, each in a group of its own, so that a million are minutes. Run them:

    python -m tests.support.windows --streams 1000000 --seed 0
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from typing import NamedTuple

from router.engine.core import Engine
from router.model.alert import Alert
from router.model.decision import Action, Decision
from router.model.journal import AlertReceived, Entry
from router.model.pattern import Pattern
from router.model.quantity import format_duration
from router.model.ruleset import AfterQuiet, Count, Match, Never, Rule
from tests.support.engine import START, ruleset

STREAMS_EACH = 500
"""Streams that share an engine."""

RULES_EACH = 10
_USERS = ("", "ann", "bob", "cid", "dan")
_HOSTS = ("h1", "h2", "h3")


class Occurrence(NamedTuple):
    """One event of a stream."""

    at: int
    host: str
    user: str


class Stream(NamedTuple):
    """What occurs under one rule; ``per`` rules count over hosts, each of which is a group."""

    rule: Rule
    number: int
    occurrences: list[Occurrence]


def expect(stream: Stream) -> Iterator[tuple[Action, str]]:
    """What is decided at each occurrence, by the definition: the action, and the figures of the window."""
    when, resolve = stream.rule.when, stream.rule.resolve
    assert isinstance(when, Count)
    seen: list[Occurrence] = []  # since the count was reached last; what occurs in an open episode is not counted
    quiet_ms = resolve.quiet_ms if isinstance(resolve, AfterQuiet) else None
    open_since_last: dict[str, int] = {}
    for occurrence in stream.occurrences:
        at, host, _ = occurrence
        if host in open_since_last and (quiet_ms is None or at < open_since_last[host] + quiet_ms):
            open_since_last[host] = at
            yield Action.UPDATE, ""
            continue
        open_since_last.pop(host, None)
        seen.append(occurrence)
        inside = [each for each in seen if at - when.within_ms < each.at <= at]
        counted = len(inside) if when.distinct is None else len({each.user for each in inside if each.user})
        figures = f"{counted} of {when.count} in {format_duration(when.within_ms)}"
        if counted >= when.count:
            seen.clear()
            open_since_last[host] = at
            yield Action.OPEN, figures
        else:
            yield Action.HOLD, figures


def make_rules(chance: random.Random) -> list[Rule]:
    """Rules of every kind of count, each for a service of its own; windows of a few ms and of hours, where edges meet."""
    rules = []
    for number in range(RULES_EACH):
        unit = chance.choice((1, 1_000, 60_000))
        shared = chance.random() < 0.3
        when = Count(
            count=chance.randint(1, 5),
            within_ms=chance.randint(1, 15) * unit,
            distinct="user" if chance.random() < 0.4 else None,
            per=("stream",) if shared else None,
        )
        resolve = AfterQuiet(quiet_ms=chance.randint(1, 20) * unit) if chance.random() < 0.6 else Never()
        group_by = ("stream", "host") if shared else ("stream",)
        match = Match(services=(Pattern(f"s{number}"),))
        rules.append(Rule(id=f"r{number}", match=match, when=when, group_by=group_by, resolve=resolve))
    return rules


def make_stream(rule: Rule, number: int, chance: random.Random) -> Stream:
    """Gaps around the window's length, none among them, so that its two edges are met often."""
    when = rule.when
    assert isinstance(when, Count)
    unit = 60_000 if when.within_ms % 60_000 == 0 else 1_000 if when.within_ms % 1_000 == 0 else 1
    steps = when.within_ms // unit
    hosts = _HOSTS if when.per is not None else _HOSTS[:1]
    at = START + chance.randrange(1_000) * unit
    occurrences = []
    for _ in range(min(1 + int(chance.expovariate(0.15)), 30)):
        occurrences.append(Occurrence(at, chance.choice(hosts), chance.choice(_USERS)))
        at += chance.choice((0, unit, steps * unit, steps * unit - 1, chance.randint(0, steps + 1) * unit, 2 * steps * unit))
    return Stream(rule, number, occurrences)


def differences(seed: int, streams: int = STREAMS_EACH) -> list[str]:
    """Play that many streams in one engine; where it and the definition disagree."""
    chance = random.Random(seed)
    rules = make_rules(chance)
    made = [make_stream(chance.choice(rules), number, chance) for number in range(streams)]
    moments = sorted(
        (occurrence.at, stream.number, place) for stream in made for place, occurrence in enumerate(stream.occurrences)
    )
    entries = [
        Entry(seq=seq, at=at, fact=AlertReceived(alert=_alert(made[number], made[number].occurrences[place])))
        for seq, (at, number, place) in enumerate(moments, 1)
    ]
    engine = Engine(ruleset(*rules), now=START)
    transition = engine.handle(entries, until=moments[-1][0], rulesets={})
    said = {decision.alert_seq: decision for decision in transition.decisions if decision.alert_seq}
    expected = [list(expect(stream)) for stream in made]
    return [
        f"seed {seed}, stream {number}, occurrence {place}: {_shown(said.get(seq))}, by the definition {expected[number][place]}"
        for seq, (_, number, place) in enumerate(moments, 1)
        if not _agree(said.get(seq), *expected[number][place])
    ]


def _alert(stream: Stream, occurrence: Occurrence) -> Alert:
    labels = {"stream": str(stream.number), "host": occurrence.host, "user": occurrence.user}
    service = f"s{stream.rule.id[1:]}"
    return Alert(
        source="test", fingerprint=f"{stream.number}/{occurrence.host}", service=service, name="E", labels=labels, kind="event"
    )


def _agree(decision: Decision | None, action: Action, figures: str) -> bool:
    return decision is not None and decision.action is action and (action is Action.UPDATE or decision.cause == figures)


def _shown(decision: Decision | None) -> str:
    return "nothing" if decision is None else f"{decision.action} {decision.cause}"


def main(arguments: list[str]) -> int:
    """Play as many streams as are asked for; 1 at the first disagreement."""
    parser = argparse.ArgumentParser(description="Windows against their definition.")
    parser.add_argument("--streams", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    played = 0
    for seed in range(options.seed, options.seed + -(-options.streams // STREAMS_EACH)):
        found = differences(seed)
        if found:
            print("\n".join(found))
            return 1
        played += STREAMS_EACH
        if played % 50_000 == 0:
            print(f"{played:,} streams agree", flush=True)
    print(f"{played:,} streams, seeds {options.seed} to {seed}: the engine and the definition agree on every occurrence")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
