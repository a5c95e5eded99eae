"""A replay through the rules that were in force is what happened: the same decisions, the same pages, nothing lost or new."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine.core import Engine
from router.model.incident import Incident
from router.model.journal import Entry
from router.rehearsal.comparing import Comparison
from router.rehearsal.redacting import Redactor
from router.rehearsal.replaying import Recorded, Replay, batches
from router.rehearsal.slices import encode_entry, read_entries
from tests.support.engine import ruleset
from tests.support.journals import START, busy_journal
from tests.support.rule_texts import compile_rules

RULES = ruleset(
    *compile_rules(
        "id: dev, match: {service: dev-*}, drop: noise",
        "id: card, match: {name: CardError}, when: {count: 3, within: 5m}, resolve: {after_quiet: 10m}",
        "id: slow, match: {severity: warning}, when: {firing_for: 2m}",
        "id: rest, limit: {incidents: 3, per: 10m}",
    )
)


def recorded(entries: list[Entry]) -> tuple[list[Incident], list[object], int]:
    """What the daemon would have recorded: incidents, decisions, and how far time went."""
    engine = Engine(RULES, now=START)
    incidents: dict[int, Incident] = {}
    decisions: list[object] = []
    for entry in entries:
        transition = engine.handle([entry], until=entry.at, rulesets={})
        incidents |= {incident.number: incident for incident in transition.incidents}
        decisions += transition.decisions
    return [incidents[number] for number in sorted(incidents)], decisions, engine.now


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.integers(1, 64))
def test_a_run_replayed_through_its_own_rules_is_the_same_run(seed: int, count: int, size: int) -> None:
    entries = busy_journal(count, seed)
    incidents, decisions, until = recorded(entries)
    # By way of a file, cut into batches of any size.
    read = list(read_entries(map(encode_entry, entries), "a"))
    assert read == entries
    engine = Engine(RULES, now=START)
    again = [
        decision
        for batch in batches(read, size)
        for decision in engine.handle(batch, until=batch[-1].at, rulesets={}).decisions
    ]
    assert msgspec.json.encode(again) == msgspec.json.encode(decisions)

    replay, record = Replay(RULES), Recorded(iter(incidents))
    comparison = Comparison(since=0)
    for batch in batches(read, size):
        comparison.take(record.take(batch, batch[-1].at), replay.take(batch, batch[-1].at))
    effect = comparison.finish(since=START, until=until, entries=count)
    assert effect.before is not None
    assert (effect.lost_pages, effect.new_pages) == (0, 0)
    assert effect.before == effect.after


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_redacted_decides_alike_as_far_as_rules_only_group_by_it(seed: int) -> None:
    entries = busy_journal(100, seed)
    redactor = Redactor(["summary", "user"], b"key")

    def reasons(journal: list[Entry]) -> list[tuple[int, str, str, str]]:
        transition = Engine(RULES, now=START).handle(journal, until=journal[-1].at, rulesets={})
        return [(each.at, each.action.value, each.reason.value, each.cause) for each in transition.decisions]

    assert reasons([redactor.redact(entry) for entry in entries]) == reasons(entries)
