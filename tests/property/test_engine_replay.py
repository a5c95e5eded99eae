"""Whatever happens: a restart at any point is invisible, a replay decides alike, and no promise about pages is broken."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.engine.core import Engine
from router.model.decision import Action
from router.model.digest import Digest
from router.model.journal import (
    AlertReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    Fact,
    IncidentChanged,
    Restarted,
    RuleAdopted,
    RulesChanged,
    SilenceChanged,
)
from router.model.pattern import Pattern
from router.model.ruleset import (
    AbsentFor,
    AfterQuiet,
    AllResolved,
    AtOnce,
    ChannelPolicy,
    CloseEpisode,
    Count,
    FileSilence,
    FiringFor,
    Flapping,
    Inhibition,
    KeepEpisode,
    Limit,
    Maintenance,
    Match,
    Never,
    Otherwise,
    ReopenIfFiring,
    Resolve,
    Rule,
    RuleSet,
    Standing,
    Step,
    Team,
    When,
)
from router.model.schedule import Schedule, Times
from router.model.severity import BY_WORD, Severity
from router.model.silence import PlainMatch, Silence
from tests.support.engine import START, World, event, fire, resolved, ruleset

SECOND = 1_000
MINUTE = 60 * SECOND
SERVICES = ["pay-api", "pay-web", "api"]

whens: st.SearchStrategy[When] = st.one_of(
    st.just(AtOnce()),
    st.builds(
        Count,
        count=st.integers(1, 3),
        within_ms=st.sampled_from([10 * SECOND, 5 * MINUTE]),
        distinct=st.sampled_from([None, None, "user"]),
        per=st.sampled_from([None, None, (), ("service",)]),
    ),
    st.builds(Count, count=st.just(2), within_ms=st.just(5 * MINUTE), firing_for_ms=st.sampled_from([10 * SECOND, 2 * MINUTE])),
    st.builds(Flapping, changes=st.integers(2, 4), within_ms=st.sampled_from([MINUTE, 5 * MINUTE])),
    st.builds(FiringFor, for_ms=st.sampled_from([0, 10 * SECOND, 2 * MINUTE])),
)
absences: st.SearchStrategy[When] = st.builds(AbsentFor, for_ms=st.sampled_from([10 * SECOND, 5 * MINUTE]))
"""Not where everything has to end: what is absent in the end is rightly open."""

closing: st.SearchStrategy[Resolve] = st.one_of(
    st.just(AllResolved()), st.builds(AfterQuiet, quiet_ms=st.sampled_from([SECOND, 3 * MINUTE]))
)
limits = st.none() | st.builds(Limit, incidents=st.integers(0, 2), per_ms=st.sampled_from([30 * SECOND, 5 * MINUTE]))
matches = st.one_of(
    st.just(Match()),
    st.sampled_from(SERVICES).map(lambda service: Match(services=(Pattern(service),))),
    st.just(Match(services=(Pattern("pay-*"),))),
    st.just(Match(severities=frozenset({Severity.ERROR, Severity.CRITICAL}))),
)


told = st.sampled_from([None, None, (), ("chat",), ("mail", "chat")])
otherwise = st.sampled_from(
    [
        None,
        None,
        Otherwise(notify=("chat",)),
        Otherwise(notify=("mail", "chat")),
        Otherwise(page=("platform",), notify=("chat",)),
    ]
)
tables = st.sampled_from(
    [None, {Severity.WARNING: ("mail",), Severity.ERROR: ("chat",), Severity.CRITICAL: ("page", "chat", "mail")}]
)

SOON = Schedule("soon", "UTC", (Times(hours=((11 * 60 + 8, 11 * 60 + 12),)),))  # START is at 11:06:40
schedules = st.sampled_from([(), (), (), (SOON,)])
silences = st.builds(
    FileSilence,
    id=st.just("file"),
    match=matches,
    starts_at=st.sampled_from([0, START + MINUTE]),
    until=st.sampled_from([START + 2 * MINUTE, START + 10 * MINUTE]),
    reason=st.just("why"),
)
inhibitions = st.builds(
    Inhibition,
    id=st.just("inhibition"),
    source=matches,
    target=matches,
    equal=st.sampled_from([(), ("service",), ("user",)]),
)
maintenances = st.builds(Maintenance, id=st.just("maintenance"), match=matches, schedules=st.just((SOON,)))


@st.composite
def silence_changes(draw: st.DrawFn) -> SilenceChanged:
    """Times of the silence are from the start."""
    name = draw(st.sampled_from(["s1", "s2"]))
    if draw(st.booleans()):
        return SilenceChanged(id=name)
    given = Silence(
        id=name,
        match=PlainMatch.of(draw(matches)),
        until=START + draw(st.sampled_from([MINUTE, 5 * MINUTE, 20 * MINUTE])),
        until_resolved=draw(st.booleans()),
        reason="because",
    )
    return SilenceChanged(id=name, silence=given)


@st.composite
def rules(draw: st.DrawFn, resolves: st.SearchStrategy[Resolve], extra: st.SearchStrategy[When]) -> Rule:
    said = draw(told)
    return Rule(
        id=draw(st.sampled_from("abc")),
        match=draw(matches),
        drop=draw(st.sampled_from(["", "", "", "noise"])),
        when=draw(whens | extra),
        page=draw(st.sampled_from([("owner",), ("platform", "payments"), ("payments",), ()]))
        if said is not None
        else ("owner",),
        notify=said,
        by_severity=said is None,
        otherwise=draw(otherwise),
        group_by=draw(st.sampled_from([("service", "name"), ("service",), (), ("severity",)])),
        as_severity=draw(st.sampled_from([None, None, Severity.CRITICAL])),
        resolve=draw(resolves),
        on_resolved_in_pagerduty=draw(st.sampled_from([CloseEpisode(), ReopenIfFiring(after_ms=MINUTE), KeepEpisode()])),
        limit=draw(limits),
        escalate=draw(
            st.sampled_from(
                [
                    (),
                    (),
                    (Step(after_ms=MINUTE, page=("platform",)), Step(after_ms=2 * MINUTE, page=("owner",), notify=("chat",))),
                ]
            )
        ),
        during=draw(schedules),
        outside=draw(schedules),
        goes_on=draw(st.booleans()),
        standing=draw(st.sampled_from([Standing(), Standing(), Standing(guard=True), Standing(owners=("payments",))])),
        renamed_from=draw(st.sampled_from([(), (), ("a",), ("b",)])),
    )


@st.composite
def rulesets(
    draw: st.DrawFn, version: str, resolves: st.SearchStrategy[Resolve], extra: st.SearchStrategy[When] = whens
) -> RuleSet:
    chosen = draw(st.lists(rules(resolves, extra), max_size=3, unique_by=lambda rule: rule.id))
    payments = Team(
        name="payments",
        routing_key="env:PAYMENTS",
        services=(Pattern("pay-*"),),
        limit=draw(limits),
        fallback="platform",
        channels=draw(st.sampled_from([(), ("chat",)])),
    )
    channels = (
        ChannelPolicy(name="chat", limit=draw(limits)),
        ChannelPolicy(name="mail", digest=Digest(every_ms=draw(st.sampled_from([MINUTE, 10 * MINUTE])))),
    )
    return msgspec.structs.replace(
        ruleset(*chosen, version=version, given=[payments], channels=channels, by_severity=draw(tables)),
        silences=tuple(draw(st.lists(silences, max_size=1))),
        inhibitions=tuple(draw(st.lists(inhibitions, max_size=1))),
        maintenance=tuple(draw(st.lists(maintenances, max_size=1))),
    )


@st.composite
def alerts(draw: st.DrawFn) -> AlertReceived:
    made = draw(st.sampled_from([fire, event]))(
        draw(st.sampled_from(SERVICES)),
        "Down",
        draw(st.sampled_from(sorted(BY_WORD))),
        draw(st.sampled_from("12")),
        labels={"user": draw(st.sampled_from(["", "ann", "bob"]))},
    )
    return resolved(made) if draw(st.integers(0, 2)) == 0 else made


@st.composite
def journals(draw: st.DrawFn) -> list[tuple[int, Any]]:
    """Facts with the time since the one before; a DeliveryFailed is drawn as the number of the event it concerns."""
    facts = st.one_of(
        alerts(),
        alerts(),
        alerts(),
        st.sampled_from(["v1", "v2"]).map(lambda version: RulesChanged(version=version)),
        st.integers(0, 20),
        silence_changes(),
        st.tuples(st.sampled_from(["acknowledged", "unacknowledged", "resolved", "closed"]), st.integers(0, 20)),
        st.builds(RuleAdopted, rule=st.sampled_from("abc"), into=st.sampled_from("abc")),
        st.tuples(st.integers(0, 4 * MINUTE), st.sampled_from([0, 30 * SECOND])),
    )
    steps = st.sampled_from([0, 0, 1, SECOND, 10 * SECOND, MINUTE, 3 * MINUTE, -SECOND])
    return draw(st.lists(st.tuples(steps, facts), max_size=25))


def written(drawn: Any, world: World, at: int) -> Fact:
    match drawn:
        case int() if any(event_.team for event_ in world.events):
            pages = [event_ for event_ in world.events if event_.team]
            lost = pages[drawn % len(pages)]
            return DeliveryFailed(
                delivery_id=1,
                team=lost.team,
                dedup_key=lost.dedup_key,
                action=lost.action,
                reason="refused",
                is_update=lost.is_update,
            )
        case int():
            return DeliveryFailed(delivery_id=1, team="payments", dedup_key="none", action="trigger", reason="refused")
        case (str() as status, number):
            key = world.events[number % len(world.events)].dedup_key if world.events else "none"
            return EpisodeClosed(dedup_key=key) if status == "closed" else IncidentChanged(dedup_key=key, status=status)
        case (away_ms, grace_ms):
            return Restarted(down_since=at - away_ms, grace_ms=grace_ms)
        case _:
            return drawn


def check_pages(world: World) -> None:
    """No resolve before its trigger, none twice; every opening is closed at most once; keys are never reused."""
    told: dict[tuple[str, str], str] = {}
    for event_ in world.events:
        lane = (event_.routing_key, event_.dedup_key)
        if event_.action == "trigger":
            assert told.get(lane) == ("open" if event_.is_update else None), event_
            told[lane] = "open"
        elif event_.action == "acknowledge":
            assert (event_.channel, told.get(lane)) == ("chat", "open"), event_
        else:
            assert told.get(lane) == "open", event_
            told[lane] = "closed"
    for incident in world.incidents.values():
        expected = "open" if incident.status == "open" else "closed"
        assert {state for (_, key), state in told.items() if key == incident.dedup_key} <= {expected}


@settings(max_examples=150)
@given(st.data())
def test_a_restart_is_invisible_a_replay_decides_alike_and_pages_pair_up(data: st.DataObject) -> None:
    resolves = closing | st.just(Never())
    first = data.draw(rulesets("v1", resolves, absences))
    world = World(start=first)
    world.rulesets["v2"] = data.draw(rulesets("v2", resolves, absences))
    now = START
    journal: list[Entry] = []
    for seq, (step_ms, drawn) in enumerate(data.draw(journals()), start=1):
        now += step_ms
        journal.append(Entry(seq=seq, at=now, fact=written(drawn, world, now)))
        # Every call is held to a twin restored from the rows: see World.take.
        world.take([journal[-1]], now)
        if isinstance(journal[-1].fact, AlertReceived):
            assert any(decision.alert_seq == seq for decision in world.last.decisions)
        for event_ in world.last.events:
            assert any(decision.dedup_key == event_.dedup_key for decision in world.last.decisions)
    check_pages(world)

    replay = Engine(first, now=START)
    whole = replay.handle(journal, until=replay.now, rulesets=world.rulesets)
    assert whole.events == world.events
    assert {incident.number: incident for incident in whole.incidents} == world.incidents
    assert replay.now == world.engine.now


@settings(max_examples=100)
@given(st.data())
def test_what_was_opened_is_closed_once_all_alerts_resolve_and_time_passes(data: st.DataObject) -> None:
    world = World(start=data.draw(rulesets("v1", closing)))
    world.rulesets["v2"] = data.draw(rulesets("v2", closing))
    now = START
    seen: dict[tuple[str, str], AlertReceived] = {}
    for step_ms, drawn in data.draw(journals()):
        now = max(now, now + step_ms)
        fact = written(drawn, world, now)
        if isinstance(fact, AlertReceived):
            seen[fact.alert.identity] = fact
        world.seq += 1
        world.take([Entry(seq=world.seq, at=now, fact=fact)], now)
    for fact in seen.values():
        world.seq += 1
        world.take([Entry(seq=world.seq, at=now, fact=resolved(fact))], now)
    world.take([], now + 60 * MINUTE)
    assert world.engine.open_incidents == 0
    assert {incident.status for incident in world.incidents.values()} <= {"closed"}
    assert world.engine.active_alerts == world.engine.groups == world.engine.timers == 0
    assert set(world.kinds()) <= {"counter"}
    check_pages(world)
    opened = {event_.dedup_key for event_ in world.events if event_.action == "trigger" and event_.class_ != "digest"}
    closed = [event_ for event_ in world.events if event_.action == "resolve"]
    assert {event_.dedup_key for event_ in closed} == opened


@given(st.data())
def test_how_entries_are_cut_into_calls_decides_nothing(data: st.DataObject) -> None:
    first = data.draw(rulesets("v1", closing))
    known = {"v2": data.draw(rulesets("v2", closing))}
    now = START
    journal = []
    for seq, (step_ms, drawn) in enumerate(data.draw(journals()), start=1):
        now += step_ms
        journal.append(
            Entry(seq=seq, at=now, fact=drawn if isinstance(drawn, AlertReceived | SilenceChanged) else known_fact(seq))
        )
    known["v1"] = first
    one, many = Engine(first, now=START), Engine(first, now=START)
    whole = one.handle(journal, until=START, rulesets=known)
    decisions, events = [], []
    for entry in journal:
        part = many.handle([entry], until=START, rulesets=known)
        decisions += part.decisions
        events += part.events
    assert (whole.decisions, whole.events) == (decisions, events)
    assert all(decision.action in Action for decision in decisions)


def known_fact(seq: int) -> Fact:
    return RulesChanged(version=f"v{seq % 2 + 1}")
