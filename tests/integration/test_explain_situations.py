"""What ``explain`` says in every situation there is: the true reason with its figures, in one screen, the most important first.

Each situation is played by the engine into a store, and explained from there as a person would ask for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from router.cli.explain import print_explanation
from router.incidents.explanation import Explanation, explain_alert, explain_incident
from router.model.decision import Reason
from router.model.digest import Digest
from router.model.journal import (
    AlertReceived,
    ChangeReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    EventForwarded,
    Fact,
    IncidentChanged,
    RuleAdopted,
    RulesChanged,
    SilenceChanged,
)
from router.model.pattern import Pattern
from router.model.ruleset import NO_CHANNELS, Callback, ChannelPolicy, Channels, Limit, Rule, RuleSet, Team
from router.model.severity import SeverityScale
from router.model.silence import PlainMatch, Silence
from router.processor import undecidable
from router.rules.compiling import compile_ruleset, ruleset_texts
from router.store.memory import MemoryStore
from tests.support.engine import World, at, event, fire, resolved
from tests.support.stores import StillClock, commit_of

SCREEN = 40
"""Lines."""

TEAMS = {
    "payments": Team(
        name="payments", services=(Pattern("pay-*"),), routing_key="env:PAYMENTS", fallback="platform",
        limit=Limit(incidents=2, per_ms=3_600_000),
    ),
    "platform": Team(name="platform", services=(Pattern("*"),), routing_key="env:PLATFORM"),
    "leads": Team(name="leads", routing_key="env:LEADS"),
}  # fmt: skip
CHANNELS = Channels(
    policies={
        "chat": ChannelPolicy(name="chat"),
        "daily": ChannelPolicy(name="daily", digest=Digest(every_ms=3_600_000)),
        "back": ChannelPolicy(name="back"),
    },
    callbacks={"zabbix": Callback(channel="back", on=("acknowledged", "resolved"))},
)
SCALE = SeverityScale()
SCHEDULES = "schedules:\n  lunch: {zone: UTC, hours: '11:00-12:00'}\n"
API, PAY = fire(), fire("pay-a")


def compiled(text: str, channels: Channels = CHANNELS) -> tuple[RuleSet, bytes]:
    files = [(f"{name}.yaml", part) for name, part in zip("abc", text.split("---\n"), strict=False)]
    ruleset, diagnostics = compile_ruleset(files, teams=TEAMS, default_team="platform", scale=SCALE, channels=channels)
    assert ruleset is not None, diagnostics
    return ruleset, ruleset_texts(files, teams=TEAMS, default_team="platform", scale=SCALE, channels=channels)


class Story:
    """A store that an engine is played into."""

    def __init__(self, rules: str | RuleSet) -> None:
        self.rules, texts = (rules, b"") if isinstance(rules, RuleSet) else compiled(rules)
        self.texts = {self.rules.version: texts}
        self.store = MemoryStore(clock=StillClock())
        self.world = World(start=self.rules)
        self.seen: set[Reason] = set()
        self.cursor = 0

    async def play(self, steps: list[tuple[str, Any]]) -> None:
        await self.store.open()
        for version, texts in self.texts.items():
            if texts:
                await self.store.save_ruleset(version, 0, texts)
        for offset, step in steps:
            fact = step(self) if callable(step) else step
            if isinstance(fact, str | tuple):
                other, texts = compiled(fact) if isinstance(fact, str) else compiled(*fact)
                await self.store.save_ruleset(other.version, 0, texts)
                self.world.rulesets[other.version] = other
                fact = RulesChanged(version=other.version)
            entries: list[Entry] = [] if fact is None else list(await self.store.append(at(offset), [fact]))
            self.world.take(entries, at(offset))
            done = self.world.last
            self.seen |= {decision.reason for decision in done.decisions}
            self.cursor = entries[-1].seq if entries else self.cursor
            await self.store.commit(
                commit_of(self.cursor, decisions=done.decisions, incidents=done.incidents, changes=done.changes)
            )

    def key(self) -> str:
        """Of what was opened first."""
        return min(self.world.incidents.values(), key=lambda incident: incident.number).dedup_key


def changed(status: str, who: str = "Ann") -> Callable[[Story], Fact]:
    return lambda story: IncidentChanged(dedup_key=story.key(), status=status, who=who)  # type: ignore[arg-type]


def failed(team: str) -> Callable[[Story], Fact]:
    return lambda story: DeliveryFailed(
        delivery_id=1, team=team, dedup_key=story.key(), action="trigger", reason="HTTP 400: Invalid routing key"
    )


def closed(story: Story) -> Fact:
    return EpisodeClosed(dedup_key=story.key(), by="Ann", reason="the host is gone")


SILENCE = Silence(id="s1", match=PlainMatch(services=("pay-*",)), until=at("2h"), reason="upgrade", by="Ann")
SILENCED = SilenceChanged(id="s1", silence=SILENCE, by="Ann")
CHANGE = ChangeReceived(source="events", service="pay-a", summary="deployed")
SHADOW = EventForwarded(source="events", routing_key="env:OLD", action="trigger", dedup_key="k", body="{}")
MINUTE = "1m"

SITUATIONS: dict[str, tuple[str | RuleSet, list[tuple[str, Any]], int | str, list[str], list[str]]] = {}


def situation(
    name: str, rules: str | RuleSet, steps: list[tuple[str, Any]], subject: int | str, first: list[str], more: list[str] | None = None
) -> None:  # fmt: skip
    """``subject``: an entry's number, or ``incident:N``. ``first``: of the first line; ``more``: somewhere on the screen."""
    assert name not in SITUATIONS
    SITUATIONS[name] = (rules, steps, subject, first, more or [])


def rule(body: str, rest: str = "") -> str:
    return f"rules:\n  - {{{body}}}\n{rest}"


# Why a rule does, or does not, concern it: the first condition that fails, with both values.
NO_RULE = "no rule matched, so it went to the default team"
for name, body, alert, told in (
    ("another service", "id: a, match: {service: web}", fire(), '✗ a  service "web": found "api"'),
    ("another name", "id: a, match: {name: Up}", fire(), '✗ a  name "Up": found "Down"'),
    ("less severe", "id: a, match: {min_severity: critical}", fire(), "✗ a  severity critical: found error"),
    ("another source", "id: a, match: {source: zabbix}", fire(), '✗ a  source "zabbix": found "prometheus"'),
    ("another label", "id: a, match: {labels: {env: prod}}", fire(labels={"env": "dev"}), '✗ a  label env "prod": found "dev"'),
    ("no label", "id: a, match: {labels: {env: prod}}", fire(), '✗ a  label env "prod": found no such label'),
    ("a number", "id: a, match: {where: {score: {gt: 0.5}}}", fire(labels={"score": "0.4"}), "✗ a  score > 0.5: found 0.4"),
    ("an exception", "id: a, match: {unless: {name: Down}}", fire(), '✗ a  unless not name "Down": found that is what it is'),
):
    situation(f"a rule for {name}", rule(body), [("0s", alert)], 1, ["Paged platform", NO_RULE], [told, "✓ default"])
situation(
    "a rule of another team's file",
    "owner: payments\n" + rule("id: a"),
    [("0s", API)],
    1,
    [NO_RULE],
    ["✗ a  owner payments: found platform owns the service"],
)
situation(
    "a guard, over a team's drop",
    "owner: payments\n" + rule("id: mine, drop: quiet") + "---\nguard: true\n" + rule("id: g, page: platform"),
    [("0s", PAY)],
    1,
    ["Paged platform by rule g: its rule pages at the first occurrence"],
    ["✓ guard g  matches  (b.yaml:3:5)"],
)
situation(
    "rules that go on",
    rule("id: a, continue: true", "  - {id: b, match: {service: web}}\n  - {id: c}\n"),
    [("0s", API)],
    1,
    ["by rule"],
    ["✓ a  matches, and goes on", '✗ b  service "web": found "api"', "✓ c  matches"],
)

# Counting and waiting.
COUNTED = rule("id: a, when: {count: 3, within: 5m}, resolve: {after_quiet: 10m}")
THREE = [("0s", event()), ("1m", event()), ("2m", event())]
situation(
    "the count is not reached",
    COUNTED,
    THREE[:2],
    2,
    ["Not paged yet, held by rule a", "(2 of 3 in 5m)"],
    ["counted on 2026-11-18 at 11:06:40Z, 11:07:40Z"],
)
situation(
    "the count is reached",
    COUNTED,
    THREE,
    3,
    ["Paged platform by rule a", "was reached (3 of 3 in 5m)"],
    ["at 11:06:40Z, 11:07:40Z, 11:08:40Z"],
)
situation("what was counted is too old", COUNTED, [THREE[0], ("5m", event())], 2, ["(1 of 3 in 5m)"])
situation(
    "different values are counted",
    rule("id: a, when: {count: 2, within: 5m, distinct: host}"),
    [("0s", event(labels={"host": "x"})), ("1m", event(labels={"host": "x"}))],
    2,
    ["(1 of 2 in 5m)"],
)
situation(
    "it has not fired for long enough",
    rule("id: a, when: {firing_for: 10m}"),
    [("0s", API)],
    1,
    ["Not paged yet, held by rule a", "(0s of 10m)"],
)
situation(
    "it fired for long enough",
    rule("id: a, when: {firing_for: 10m}"),
    [("0s", API), ("10m", None)],
    "incident:1",
    ["Paged platform", "fired for as long as its rule asks (10m)"],
)
situation(
    "counted, and not for long enough",
    rule("id: a, when: {count: 1, within: 10m, firing_for: 5m}"),
    [("0s", API)],
    1,
    ["(1 of 1 in 10m, 0s of 5m)"],
)
BEAT = rule("id: a, when: {absent_for: 10m}")
situation("a heartbeat", BEAT, [("0s", event())], 1, ["Nothing done by rule a", "pages only when nothing like it arrives"])
situation(
    "a heartbeat that stays away",
    BEAT,
    [("0s", event()), ("10m", None)],
    "incident:1",
    ["Paged platform", "nothing arrived for as long as its rule allows (10m)"],
)
situation(
    "a heartbeat that is back",
    BEAT,
    [("0s", event()), ("10m", None), ("11m", event())],
    2,
    ["Closed by rule a", "what was absent has arrived again"],
)
FLAPS = rule("id: a, when: {flapping: {changes: 3, within: 10m}}")
TURNS = [("0s", API), ("1m", resolved(API)), ("2m", fire(starts_at=5))]
situation(
    "it does not flap yet", FLAPS, TURNS[:2], 2, ["Not paged yet", "(2 of 3 changes in 10m)"], ["at 11:06:40Z, 11:07:40Z"]
)
situation("it flaps", FLAPS, TURNS, 3, ["Paged platform", "again and again (3 of 3 changes in 10m)"])
situation(
    "it is stable again",
    FLAPS,
    [*TURNS, ("3m", resolved(API)), ("30m", None)],
    "incident:1",
    ["Closed: it has neither fired nor resolved"],
)

# Dropped and muted.
situation("dropped", rule("id: a, drop: never pages"), [("0s", API)], 1, ["Not paged by rule a", "(never pages)"])
situation(
    "outside its schedule",
    rule("id: a, except: lunch", SCHEDULES),
    [("0s", API)],
    1,
    ["Not paged by rule a", "does not page at this time (in lunch)"],
)
situation(
    "maintenance",
    rule("id: a", SCHEDULES + "maintenance: [{id: m, during: lunch, reason: upgrade}]\n"),
    [("0s", API)],
    1,
    ["Not paged", "maintenance mutes it (maintenance m: upgrade)"],
)
situation(
    "a silence of a file",
    rule("id: a", "silences: [{id: s, match: {}, until: 2099-01-01T00:00:00Z, reason: moving}]\n"),
    [("0s", API)],
    1,
    ["Not paged", "a silence mutes it (silence s: moving)"],
)
situation(
    "a silence of a person",
    rule("id: a"),
    [("0s", SILENCED), ("1m", PAY)],
    2,
    ["Not paged", "a silence mutes it (silence s1: upgrade)"],
)
situation(
    "somebody silences", rule("id: a"), [("0s", SILENCED)], 1, ["a silence was added or is over (silence s1: upgrade by Ann)"]
)
situation(
    "inhibited",
    rule("id: a", "inhibitions: [{id: i, source: {name: Gone}, target: {service: api}}]\n"),
    [("0s", fire("db", "Gone")), ("1m", API)],
    2,
    ["Not paged", "(inhibition i: db Gone)"],
)
situation(
    "after the silence",
    rule("id: a"),
    [("0s", SILENCED), ("1m", PAY), ("2h", None)],
    "incident:1",
    ["Paged payments", "(after silence s1: upgrade)"],
)

# While it is open, and how it ends.
ALL = rule("id: a, group_by: [service]")
situation("open already", ALL, [("0s", API), (MINUTE, fire(print_="2"))], 2, ["No new page by rule a", "is open already"])
situation(
    "more severe",
    ALL,
    [("0s", API), (MINUTE, fire(print_="2", severity="critical"))],
    2,
    ["No new page", "became more severe (error to critical)"],
)
situation(
    "others still fire",
    ALL,
    [("0s", API), (MINUTE, fire(print_="2")), ("2m", resolved(API))],
    3,
    ["other alerts of its group still fire (1 alert left)"],
)
situation(
    "all resolved", ALL, [("0s", API), (MINUTE, resolved(API))], 2, ["Closed by rule a: all alerts of its group have resolved"]
)
situation(
    "quiet is waited for",
    COUNTED,
    [
        ("0s", API),
        ("1m", fire(print_="2")),
        ("2m", fire(print_="3")),
        ("3m", resolved(API)),
        ("3m", resolved(fire(print_="2"))),
        ("3m", resolved(fire(print_="3"))),
    ],
    6,
    ["closes the incident only after a quiet time"],
)
situation(
    "it went quiet",
    COUNTED,
    [*THREE, ("20m", None)],
    "incident:1",
    ["Paged platform", "Closed: nothing more came for as long as its rule asks"],
    ["close    went_quiet"],
)
situation(
    "only people close it",
    rule("id: a, resolve: never"),
    [("0s", API), (MINUTE, resolved(API))],
    2,
    ["its rule leaves closing to a person"],
)
situation("nothing to resolve", rule("id: a"), [("0s", resolved(API))], 1, ["Nothing to resolve", "no incident was open"])
situation(
    "nobody is named",
    RuleSet(version="v1", rules=(Rule(id="a", page=()),), teams=TEAMS, default_team="platform"),
    [("0s", API)],
    1,
    ["Nothing done by rule a: its rule names no team"],
)

# Limits.
BURST = [("0s", fire(f"pay-{n}")) for n in "abc"]
situation(
    "above the limit", rule("id: a"), BURST, 3, ["Told in a storm digest to payments", "(limit 2 in 1h, held by storm 4)"]
)
situation(
    "critical, in a storm",
    rule("id: a"),
    [*BURST, (MINUTE, fire("pay-d", severity="critical"))],
    4,
    ["Paged payments", "is critical and from a service the storm digest did not hold yet (limit 2 in 1h, storm 4)"],
)
situation(
    "a storm grows", rule("id: a"), [*BURST, (MINUTE, fire("pay-d")), ("5m", None)], "incident:4", ["storm"], ["digest_changed"]
)

# What people and PagerDuty do.
STEPS = rule("id: a, escalate: [{after: 15m, page: leads}]")
situation(
    "nobody acknowledged",
    STEPS,
    [("0s", API), ("15m", None)],
    "incident:1",
    ["Paged leads", "nobody acknowledged it", "step 1 of 1, not acknowledged for 15m"],
)
situation(
    "acknowledged",
    STEPS,
    [("0s", API), (MINUTE, changed("acknowledged")), ("1h", None)],
    "incident:1",
    ["Paged platform"],
    ["acknowledged (by Ann)"],
)
situation(
    "given back",
    STEPS,
    [("0s", API), (MINUTE, changed("acknowledged")), ("2m", changed("unacknowledged", ""))],
    "incident:1",
    ["Paged platform"],
    ["unacknowledged (in PagerDuty)"],
)
situation(
    "resolved in PagerDuty",
    rule("id: a"),
    [("0s", API), (MINUTE, changed("resolved"))],
    "incident:1",
    ["Closed: its incident was resolved in PagerDuty (by Ann)"],
)
situation(
    "a person dealt with it",
    rule("id: a"),
    [("0s", API), (MINUTE, changed("resolved")), ("2m", fire(summary="more"))],
    3,
    ["Not paged by rule a", "was resolved in PagerDuty, and it has not occurred again since"],
)
situation(
    "it fires on",
    rule("id: a, on_resolved_in_pagerduty: {reopen_if_firing_after: 10m}"),
    [("0s", API), (MINUTE, changed("resolved")), ("11m", None)],
    "incident:2",
    ["Paged platform", "fires for longer than its rule allows then"],
)
situation(
    "kept open",
    rule("id: a, on_resolved_in_pagerduty: keep"),
    [("0s", API), (MINUTE, changed("resolved"))],
    "incident:1",
    ["Paged platform"],
    ["kept_open (by Ann)"],
)
situation(
    "closed from here",
    rule("id: a"),
    [("0s", API), (MINUTE, closed)],
    2,
    ["Closed by rule a: somebody closed its incident from here (by Ann: the host is gone)"],
)
situation(
    "given to another rule",
    rule("id: old"),
    [("0s", API), (MINUTE, rule("id: new")), ("2m", RuleAdopted(rule="old", into="new", by="Ann"))],
    "incident:1",
    ["Paged platform"],
    ["adopted (from rule old by Ann)"],
)
situation(
    "a fallback",
    rule("id: a"),
    [("0s", PAY), (MINUTE, failed("payments"))],
    "incident:1",
    ["Paged platform", "the page to another team could not be delivered (team payments: HTTP 400: Invalid routing key)"],
)
situation(
    "no fallback",
    rule("id: a"),
    [("0s", API), (MINUTE, failed("platform"))],
    2,
    ["there is no other team to try (team platform has no fallback (HTTP 400: Invalid routing key))"],
)

# Channels, callbacks, actions, and what is no alert.
situation(
    "told meanwhile",
    rule("id: a, when: {count: 2, within: 5m}, otherwise: {notify: chat}"),
    [("0s", event())],
    1,
    ["Not paged, told chat by rule a", "(1 of 2 in 5m)"],
)
situation("collected", rule("id: a, notify: daily"), [("0s", API)], 1, ["daily"], ["digested"])
situation("the digest is due", rule("id: a, notify: daily"), [("0s", API), ("1h", None)], 1, ["daily"], ["digested"])
situation(
    "the source is told",
    rule("id: a"),
    [("0s", fire(source="zabbix")), (MINUTE, changed("acknowledged"))],
    "incident:1",
    ["Paged platform"],
    ["called_back (acknowledged by Ann: 1 alert)"],
)
situation(
    "something is done to it",
    rule("id: a, actions: {opened: [{note: hello}]}"),
    [("0s", API)],
    1,
    ["Paged platform"],
    ["acted"],
)
situation("a change", rule("id: a"), [("0s", CHANGE)], 1, ["it is a change event, passed on to the team that owns the service"])
situation(
    "in shadow", rule("id: a"), [("0s", SHADOW)], 1, ["its inbound key is in shadow, so it went on to PagerDuty as it came"]
)


situation(
    "a channel that is gone",
    rule("id: a, notify: chat"),
    [("0s", API), (MINUTE, (rule("id: a"), NO_CHANNELS)), ("2m", resolved(API))],
    3,
    ["Closed by rule a"],
    ["channel_removed"],
)


async def explain(name: str) -> tuple[Explanation, Story]:
    rules, steps, subject, _, _ = SITUATIONS[name]
    story = Story(rules)
    await story.play(steps)
    reader = story.store.reader()
    found = explain_alert(reader, subject) if isinstance(subject, int) else explain_incident(reader, int(subject[9:]))
    assert found is not None
    return found, story


@pytest.mark.parametrize("name", SITUATIONS)
def test_explain_says_why(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, _, first, more = SITUATIONS[name]
    found, _ = asyncio.run(explain(name))
    print_explanation(found, "text")
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert [words for words in first if words not in lines[0]] == [], text
    assert [words for words in more if words not in text] == [], text
    assert len(lines) <= SCREEN, text
    assert max(map(len, lines[1:]), default=0) <= 220, text


def test_there_are_forty_situations_and_every_reason_is_in_one() -> None:
    seen = set()
    for name in SITUATIONS:
        seen |= asyncio.run(explain(name))[1].seen
    assert len(SITUATIONS) >= 40
    assert set(Reason) - seen == {Reason.UNDECIDABLE}  # the processor's, below


def test_what_the_router_failed_on_is_told_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> Explanation | None:
        store = MemoryStore(clock=StillClock())
        await store.open()
        (entry,) = await store.append(at("0s"), [API])
        assert isinstance(entry.fact, AlertReceived)
        done = undecidable(entry, compiled(rule("id: a"))[0], "KeyError('x')")
        await store.commit(commit_of(entry.seq, decisions=done.decisions))
        return explain_alert(store.reader(), entry.seq)

    found = asyncio.run(fail())
    assert found is not None
    print_explanation(found, "text")
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Paged platform: the router failed on it (a mistake of its own)")
    assert "KeyError" in first
