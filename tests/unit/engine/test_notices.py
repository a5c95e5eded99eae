"""Channels: told besides pages or instead, of every end; by severity; in digests that survive everything."""

from __future__ import annotations

from typing import Any

import pytest

from router.engine.notices import NAMED
from router.engine.rows import DigestRow
from router.model.digest import Digest
from router.model.journal import DeliveryFailed, IncidentChanged, RulesChanged
from router.model.ruleset import AfterQuiet, ChannelPolicy, Limit, Rule, Step, Team
from router.model.severity import Severity
from tests.support.engine import START, World, event, fire, resolved, ruleset

A = fire("pay-api", "CardError")
B = fire("pay-db", "Down", "critical")
HOURLY = ChannelPolicy(name="mail", digest=Digest(every_ms=3_600_000))


def world(*rules: Rule, channels: Any = ("chat", HOURLY), **more: Any) -> World:
    return World(start=ruleset(*rules, channels=channels, **more))


def test_a_rule_tells_channels_besides_its_page_and_they_hear_of_the_end() -> None:
    world(Rule(id="r", notify=("chat",))).play(
        ("0s", [A], ["open at_once", "> trigger payments error", "> trigger chat error"]),
        ("1m", [A], ["update already_open"]),
        ("2m", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve chat"]),
    )


def test_instead_of_a_page() -> None:
    made = world(Rule(id="r", page=(), notify=("chat",)))
    made.play(("0s", [A], ["open at_once", "> trigger chat error"]))
    (decision,) = made.last.decisions
    assert (decision.teams, decision.channels) == ((), ("chat",))
    assert [(one.teams, one.channels) for one in made.incidents.values()] == [((), ("chat",))]
    (told,) = made.events
    assert (told.team, told.channel, told.routing_key) == ("", "chat", "channel:chat")
    made.play(("1m", [resolved(A)], ["close all_resolved", "> resolve chat"]))
    assert made.rows.keys() == {("counter", 1)}


def test_what_a_channel_hears_of_the_end_says_what_has_ended() -> None:
    made = world(Rule(id="r", notify=("chat",)))
    made.step("0s", fire("pay-api", "CardError", summary="It fails"))
    made.step("1m", resolved(A))
    page, chat = made.last.events
    assert (page.summary, page.source) == ("", ""), "PagerDuty knows by the key"
    assert (chat.summary, chat.source, chat.class_) == ("pay-api: CardError - It fails", "pay-api", "CardError")
    assert chat.severity is Severity.ERROR


def test_updates_go_to_channels_too_and_so_do_acknowledgements() -> None:
    made = world(Rule(id="r", notify=("chat", "mail")))
    made.step("0s", A)
    key = made.events[0].dedup_key
    collected = f"notify digested ({made.last.decisions[-1].cause})"
    made.play(
        (
            "10s",
            [fire("pay-api", "CardError", "critical", print_="2")],
            [
                "update severity_rose (error to critical)",
                collected,
                "> update payments critical",
                "> update chat critical",
            ],
        ),
        (
            "20s",
            [IncidentChanged(dedup_key=key, team="payments", status="acknowledged", who="Ada")],
            ["update acknowledged (by Ada)", "> acknowledge chat"],
        ),
    )
    assert made.last.events[0].details == {"by": "Ada"}
    assert made.last.events[0].summary == "pay-api: CardError"


def test_the_channel_hears_who_resolved_it_in_pagerduty() -> None:
    made = world(Rule(id="r", notify=("chat",)))
    made.step("0s", A)
    key = made.events[0].dedup_key
    lines = made.step("1m", IncidentChanged(dedup_key=key, team="payments", status="resolved", who="Ada"))
    assert lines == ["close resolved_in_pagerduty (by Ada)", "> resolve payments", "> resolve chat"]
    assert made.last.events[1].details == {"by": "Ada"}


def test_a_channel_twice_is_told_once_and_one_that_is_gone_not_at_all() -> None:
    lines = world(Rule(id="r", notify=("chat", "gone", "chat"))).step("0s", A)
    assert lines == ["open at_once", "> trigger payments error", "> trigger chat error"]


def test_a_team_has_channels_of_its_own_unless_the_rule_says_otherwise() -> None:
    team = Team(name="payments", routing_key="env:PAYMENTS", services=(), channels=("chat",))
    made = [Rule(id="a", page=("payments",)), Rule(id="b", page=("payments",), notify=())]
    assert world(made[0], given=[team]).step("0s", A)[1:] == ["> trigger payments error", "> trigger chat error"]
    assert world(made[1], given=[team]).step("0s", A)[1:] == ["> trigger payments error"]


TABLE = {Severity.CRITICAL: ("page", "chat"), Severity.ERROR: ("chat",), Severity.WARNING: ("mail",)}


@pytest.mark.parametrize(
    ("rule", "severity", "expected"),
    [
        (Rule(id="r", by_severity=True), "critical", ["payments", "chat"]),
        (Rule(id="r", by_severity=True), "error", ["chat"]),
        (Rule(id="r", by_severity=True), "info", ["payments"]),  # not in the table
        (Rule(id="r"), "error", ["payments", "chat"]),  # says page: it pages
        (Rule(id="r", notify=("chat",), page=()), "critical", ["chat"]),  # says notify
        (None, "error", ["chat"]),  # no rule at all
        (None, "critical", ["platform", "chat"]),
    ],
)
def test_the_table_of_severities_decides_where_the_rule_says_nothing(
    rule: Rule | None, severity: str, expected: list[str]
) -> None:
    made = world(*([rule] if rule else []), by_severity=TABLE)
    made.step("0s", fire("pay-api", "CardError", severity))
    assert [told.to for told in made.events] == expected


def test_what_becomes_worse_is_told_to_whoever_is_told_of_that() -> None:
    """A warning that only the digest holds pages when it becomes critical, and at once."""
    made = world(Rule(id="r", by_severity=True, escalate=(Step(after_ms=60_000, page=("platform",)),)), by_severity=TABLE)
    assert made.step("0s", fire("pay-api", "X", "warning"))[0] == "open at_once"
    assert made.events == []
    assert made.step("1s", fire("pay-api", "X", "critical", print_="2")) == [
        "open severity_rose",
        "update severity_rose (warning to critical)",
        made.said()[2],
        "> trigger payments critical",
        "> trigger chat critical",
    ]
    assert made.step("61s")[0] == "open escalated (step 1 of 1, not acknowledged for 1m)"
    made.step("2m", resolved(fire("pay-api", "X", "warning")))
    assert made.step("3m", resolved(fire("pay-api", "X", "critical", print_="2")))[-3:] == [
        "> resolve payments",
        "> resolve chat",
        "> resolve platform",
    ]


def test_what_becomes_worse_obeys_the_limits() -> None:
    team = Team(name="payments", routing_key="env:PAYMENTS", limit=Limit(incidents=1, per_ms=600_000))
    rule = Rule(id="r", page=("payments",), by_severity=True)
    made = world(rule, by_severity={Severity.WARNING: ("chat",)}, given=[team])
    for service in ("a", "b"):
        made.step("0s", fire(service, "X", "warning"))
    assert [told.to for told in made.events] == ["chat", "chat"]
    assert "> trigger payments error" in made.step("1s", fire("a", "X", "error"))
    lines = made.step("2s", fire("b", "X", "error"))
    assert lines[0] == "open limit_exceeded (limit 1 in 10m, held by storm 3)"
    made.step("1h", resolved(fire("a", "X")), resolved(fire("b", "X")))
    assert made.engine.open_incidents == 0
    told = [one.action for one in made.events if one.to == "payments" and not one.is_update]
    assert told == ["trigger", "trigger", "resolve", "resolve"]


def test_steps_of_an_escalation_tell_channels() -> None:
    made = world(Rule(id="r", escalate=(Step(after_ms=60_000, page=(), notify=("chat",)),)))
    made.play(
        ("0s", [A], ["open at_once", "> trigger payments error"]),
        ("1m", [], ["open escalated (step 1 of 1, not acknowledged for 1m)", "> trigger chat error"]),
        ("2m", [resolved(A)], ["close all_resolved", "> resolve payments", "> resolve chat"]),
    )


def test_a_fallback_team_is_paged_and_the_channels_stay() -> None:
    made = world(Rule(id="r", notify=("chat",)))
    made.step("0s", A)
    key = made.events[0].dedup_key
    failed = DeliveryFailed(delivery_id=1, team="payments", dedup_key=key, action="trigger", reason="HTTP 400", status=400)
    assert made.step("1s", failed) == ["open fallback (team payments: HTTP 400)", "> trigger platform error"]
    assert made.step("2s", resolved(A))[1:] == ["> resolve payments", "> resolve chat", "> resolve platform"]


# digests


def test_a_digest_collects_and_is_one_message_that_nothing_follows() -> None:
    made = world(Rule(id="r", notify=("mail",)))
    assert made.step("0s", A)[-1] == "> trigger payments error"
    assert made.last.decisions[1].channels == ("mail",)
    made.step("10m", B)
    made.step("20m", resolved(A))
    made.step("30m", fire("pay-api", "CardError", print_="2"))
    lines = made.step("1h")
    assert lines == ["notify digest_sent (holds 3)", "> trigger mail critical"]
    (digest,) = made.last.events
    assert digest.summary == "Digest: 3 opened, 1 resolved"
    assert digest.dedup_key == made.last.decisions[0].dedup_key
    assert digest.dedup_key.startswith("digest.mail/")
    assert [(one["service"], one["severity"], one["opened"], one["resolved"]) for one in digest.details["incidents"]] == [
        ("pay-db", "critical", 1, 0),
        ("pay-api", "error", 2, 1),
    ]
    assert (digest.details["since"], digest.details["until"]) == ("2026-11-18T11:06:40Z", "2026-11-18T12:06:40Z")
    assert made.step("3h") == []
    # What has ended since is news for the next one.
    made.step("4h", resolved(B))
    assert made.step("5h") == ["notify digest_sent (holds 1)", "> trigger mail critical"]
    assert made.last.events[0].summary == "Digest: 0 opened, 1 resolved"


def test_a_digest_by_the_clock() -> None:
    morning = ChannelPolicy(name="mail", digest=Digest(at=(540,), zone="Europe/Berlin"))
    made = world(Rule(id="r", page=(), notify=("mail",)), channels=[morning])
    made.step("0s", A)  # 2026-11-18 12:06 in Berlin
    assert made.last.decisions[1].cause.endswith(", due 2026-11-19T08:00:00Z")
    assert made.engine.next_due() == 1_795_075_200_000
    assert made.step("20h") == []
    assert made.step("21h")[0] == "notify digest_sent (holds 1)"


def test_a_digest_names_so_many_and_counts_the_rest() -> None:
    made = world(Rule(id="r", page=(), notify=("mail",)))
    for number in range(NAMED + 7):
        made.step("0s", fire(f"s{number}"))
    rows = [body for (kind, number), body in made.rows.items() if kind == "counter" and number != 1]
    assert len(rows) == 1
    made.step("1h")
    (digest,) = made.last.events
    assert len(digest.details["incidents"]) == NAMED
    assert digest.details["not_named"] == 7
    assert digest.summary == f"Digest: {NAMED} opened, 0 resolved, 7 more"
    assert made.said()[0] == f"notify digest_sent (holds {NAMED + 7})"


def test_a_restart_neither_loses_a_digest_nor_repeats_it() -> None:
    made = world(Rule(id="r", page=(), notify=("mail",)))
    made.step("0s", A)
    assert made.restart("30m", down_since="20m", grace="2m") == []
    assert made.step("59m") == []
    assert made.restart("2h", down_since="59m", grace="2m") == ["notify digest_sent (holds 1)", "> trigger mail error"]
    assert made.restart("3h", down_since="2h", grace="2m") == []
    assert made.kinds() == {"alert": 1, "group": 1}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ChannelPolicy(name="mail"), ["notify digest_sent (holds 1)", "> trigger mail error"]),  # collects no more
        (ChannelPolicy(name="mail", digest=Digest(every_ms=1_800_000)), []),
        (None, ["none channel_removed (a digest of mail that holds 1)"]),
    ],
)
def test_a_reload_that_changes_the_digest(policy: ChannelPolicy | None, expected: list[str]) -> None:
    made = world(Rule(id="r", page=(), notify=("mail",)))
    made.step("0s", A)
    other = ruleset(Rule(id="r", page=(), notify=("mail",)), version="v2", channels=[policy] if policy else ["chat"])
    made.rulesets["v2"] = other
    assert made.step("10m", RulesChanged(version="v2")) == expected
    assert made.step("30m") == (["notify digest_sent (holds 1)", "> trigger mail error"] if policy and policy.digest else [])


def test_the_end_of_what_a_removed_channel_was_told_is_recorded_and_sent_nowhere() -> None:
    made = world(Rule(id="r", notify=("chat",)))
    made.step("0s", A)
    made.rulesets["v2"] = ruleset(Rule(id="r"), version="v2")
    made.step("1m", RulesChanged(version="v2"))
    assert made.step("2m", resolved(A)) == [
        "close all_resolved",
        "none channel_removed (resolve for chat)",
        "> resolve payments",
    ]


def test_events_of_one_name_are_one_line_of_the_digest() -> None:
    made = world(Rule(id="r", page=(), notify=("mail",), resolve=AfterQuiet(quiet_ms=1_000)))
    for second in range(0, 50, 5):
        made.step(f"{second}s", event("pay-api", "CardError", print_=str(second)))
    made.step("1h")
    (digest,) = made.last.events
    assert [(one["opened"], one["resolved"]) for one in digest.details["incidents"]] == [(10, 10)]


# limits


def test_a_channel_has_a_limit_of_its_own_and_storms_are_told_there() -> None:
    chat = ChannelPolicy(name="chat", limit=Limit(incidents=2, per_ms=600_000))
    made = world(Rule(id="r", notify=("chat",)), channels=[chat])
    for number in range(5):
        made.step(f"{number}s", fire(f"pay-{number}"))
    told = [(one.to, one.action, one.class_) for one in made.events if one.to == "chat"]
    assert told == [("chat", "trigger", "Down"), ("chat", "trigger", "Down"), ("chat", "trigger", "storm")]
    assert sum(one.to == "payments" for one in made.events) == 5, "pages are not its business"
    storm = next(one for one in made.events if one.class_ == "storm")
    assert storm.summary == "Storm: 1 incident above the limit of channel chat"
    assert made.step("2m")[0] == "update digest_changed (holds 3)"
    made.step("5m", *[resolved(fire(f"pay-{number}")) for number in range(5)])
    assert made.engine.open_incidents == 0
    assert [one.action for one in made.events if one.to == "chat"].count("resolve") == 3


def test_a_rules_limit_folds_what_it_tells_alone_but_not_what_is_collected() -> None:
    limit = Limit(incidents=1, per_ms=600_000)
    made = world(Rule(id="r", page=(), notify=("chat", "mail"), limit=limit))
    for number in range(3):
        made.step(f"{number}s", fire(f"pay-{number}"))
    assert [(one.to, one.class_) for one in made.events] == [("chat", "Down"), ("chat", "storm")]
    made.step("1h")
    assert made.events[-1].summary == "Digest: 3 opened, 0 resolved"


def test_a_digest_row_says_nothing_of_its_time() -> None:
    row = DigestRow(channel="mail", key="k", began_at=START)
    assert (row.entries, row.more, row.worst) == ([], 0, 0)
