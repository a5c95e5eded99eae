from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from router.model.journal import Entry, Fact, IncidentChanged, SilenceChanged
from router.model.ruleset import Count, Rule, RuleSet, Standing
from router.model.severity import Severity
from router.model.silence import PlainMatch, Silence
from router.rehearsal.hiding import MAX_LISTED, Hidden, find_hidden
from router.store.memory import MemoryStore
from tests.support.engine import START, World, at, event, fire, resolved, ruleset, services
from tests.support.stores import StillClock, commit_of

RULES = ruleset(Rule(id="counted", match=services("pay-*"), when=Count(count=2, within_ms=300_000)), Rule(id="all"))


def asked(*matched: str) -> Silence:
    return Silence(id="s1", match=PlainMatch(services=matched), until=2**60, reason="works")


def look(
    rules: RuleSet | None, facts: Sequence[tuple[str, Fact]], *matched: str, now: str = "1h", most: int | None = None
) -> Hidden:
    """A store with these facts journalled, and decided by these rules."""
    return asyncio.run(_look(rules, facts, matched, at(now), most))


async def _look(
    rules: RuleSet | None, facts: Sequence[tuple[str, Fact]], matched: Sequence[str], now: int, most: int | None
) -> Hidden:
    store = MemoryStore(clock=StillClock())
    await store.open()
    world = World(start=rules or RULES)
    for offset, fact in facts:
        (entry,) = await store.append(at(offset), [fact])
        assert isinstance(entry, Entry)
        done = world.engine.handle([entry], until=entry.at, rulesets={})
        await store.commit(commit_of(entry.seq, decisions=done.decisions, incidents=done.incidents, changes=done.changes))
    reader = store.reader()
    advanced: list[int] = []
    found = find_hidden(reader, rules, asked(*matched), now=now, most_entries=most, advance=advanced.append)
    assert sum(advanced) == found.entries
    return found


def test_what_fires_now_and_what_it_belongs_to() -> None:
    found = look(
        RULES, [("0s", fire("api")), ("1m", fire("pay-a")), ("2m", fire("web")), ("3m", fire("web", "Slow"))], "pay-*", "web"
    )
    assert found.alerts == 3
    assert [(alert.service, alert.name, alert.is_open) for alert in found.firing] == [
        ("pay-a", "Down", False),  # held: one of two
        ("web", "Down", True),
        ("web", "Slow", True),
    ]


def test_the_pages_of_the_past_that_it_would_have_hidden() -> None:
    down = fire("web", severity="critical")
    found = look(RULES, [("0s", down), ("5m", resolved(down)), ("6m", event("pay-a")), ("7m", event("pay-a")), ("8m", fire("api"))],
                 "web", "pay-*")  # fmt: skip
    assert (found.pages, found.critical, found.acknowledged, found.entries) == (2, 1, 0, 5)
    assert found.by_team == {"payments": 1, "platform": 1}
    assert [(page.service, page.severity) for page in found.listed] == [("web", Severity.CRITICAL), ("pay-a", Severity.ERROR)]
    assert (found.since, found.until) == (START, at("1h"))


def test_a_count_that_was_never_reached_was_no_page() -> None:
    found = look(RULES, [("0s", event("pay-a")), ("9m", event("pay-a"))], "pay-a")
    assert (found.pages, found.by_team) == (0, {})


def test_a_group_with_an_alert_that_is_not_matched_would_have_paged_all_the_same() -> None:
    rules = ruleset(Rule(id="all", group_by=()))
    found = look(rules, [("0s", fire("web")), ("0s", fire("api"))], "web")
    assert (found.alerts, found.pages) == (1, 0)


def test_what_somebody_acknowledged_is_counted() -> None:
    world = World(start=RULES)
    world.step("0s", fire("web"))
    key = world.last.decisions[0].dedup_key
    found = look(RULES, [("0s", fire("web")), ("1m", IncidentChanged(dedup_key=key, status="acknowledged", who="Ann"))], "web")
    assert (found.pages, found.acknowledged) == (1, 1)


def test_the_time_before_the_week_is_replayed_and_not_counted() -> None:
    facts = [("0s", fire("web")), ("3d", fire("web", "Slow"))]
    assert look(RULES, facts, "web", now="8d").pages == 1


def test_nothing_was_ever_decided() -> None:
    found = look(None, [("0s", fire("web"))], "web")
    assert (found.alerts, found.pages, found.entries) == (1, 0, 0)


def test_only_the_newest_entries_where_one_may_not_take_long() -> None:
    facts = [(f"{minute}m", fire("web", f"N{minute}")) for minute in range(MAX_LISTED + 10)]
    everything, newest = look(RULES, facts, "web", now="2h"), look(RULES, facts, "web", now="2h", most=5)
    assert (everything.pages, len(everything.listed), everything.alerts, len(everything.firing)) == (60, 50, 60, 50)
    assert (newest.entries, newest.pages) == (5, 5)


def test_what_guards_would_have_paged_counts_as_well() -> None:
    rules = ruleset(Rule(id="guard", match=services("web"), standing=Standing(guard=True)), Rule(id="all"))
    assert look(rules, [("0s", fire("web"))], "web").pages == 1


def test_one_that_is_in_force_is_shown_with_what_it_has_hidden() -> None:
    added = SilenceChanged(id="s1", silence=asked("web"))
    other = SilenceChanged(id="s2", silence=msgspec.structs.replace(asked("pay-a"), id="s2"))
    facts = [("0s", added), ("0s", other), ("1m", fire("web")), ("2m", event("pay-a")), ("3m", event("pay-a"))]
    assert look(RULES, facts, "web", "pay-a").by_team == {"platform": 1}
