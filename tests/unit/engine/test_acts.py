"""What rules want done to a page: asked for once in an episode, worded, explained, whatever comes back."""

from __future__ import annotations

import msgspec

from router.engine.acts import REFERENCE
from router.model.event import ACTIONS, Event
from router.model.journal import IncidentChanged
from router.model.ruleset import Act, Actions, KeepEpisode, Limit, Rule, Step, Team, TemplateFailed
from router.model.wish import Order
from tests.support.engine import World, at, fire, resolved


class Text:
    """A template of one field."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, context) -> str:
        if self.text == "fails":
            raise TemplateFailed("no such field")
        return self.text.format(service=context["service"])


ALL = Actions(
    opened=(Act(verb="note", text=Text("runbook of {service}")), Act(verb="priority", priority="P1")),
    acknowledged=(Act(verb="snooze", seconds=7_200),),
    closed=(Act(verb="status", text=Text("{service} works again")),),
)


def orders(world: World) -> list[Order]:
    return [msgspec.convert(event.details["order"], Order) for event in world.events if event.action == "act"]


def changed(world: World, status: str, who: str = "Ada") -> IncidentChanged:
    key = next(event.dedup_key for event in world.events if event.action == "trigger")
    return IncidentChanged(dedup_key=key, status=status, who=who)  # type: ignore[arg-type]


def test_each_once_in_an_episode() -> None:
    world = World(Rule(id="r", actions=ALL))
    world.play(
        (
            "0s",
            [fire("pay-api")],
            [
                "open at_once",
                "update acted (opened: note, priority P1)",
                "> trigger payments error",
                "> act pagerduty:actions",
                "> act pagerduty:actions",
            ],
        ),
        ("10s", [fire("pay-api", print_="2")], ["update already_open"]),
    )
    world.step("1m", changed(world, "acknowledged"))
    assert world.said() == [
        "update acknowledged (by Ada)",
        "update acted (acknowledged: snooze for 7200 s)",
        "> act pagerduty:actions",
    ]
    for offset, status in (("2m", "unacknowledged"), ("3m", "acknowledged"), ("4m", "reopened"), ("5m", "acknowledged")):
        world.step(offset, changed(world, status))
        assert len(world.said()) == 1, "what comes back starts nothing anew"
    world.step("6m", resolved(fire("pay-api")), resolved(fire("pay-api", print_="2")))
    assert world.said() == [
        "update still_firing (1 alert left)", "close all_resolved", "update acted (closed: status)", "> resolve payments", "> act pagerduty:actions",
    ]  # fmt: skip
    assert [(order.verb, order.moment) for order in orders(world)] == [
        ("note", "opened"), ("priority", "opened"), ("snooze", "acknowledged"), ("status", "closed"),
    ]  # fmt: skip
    assert [order.wish.note or order.wish.message for order in orders(world)] == [
        "runbook of pay-api",
        "",
        "",
        "pay-api works again",
    ]


def test_an_event_names_its_episode_and_nobody_who_is_paged() -> None:
    world = World(Rule(id="r", actions=ALL))
    world.step("0s", fire())
    trigger, note, _ = world.events
    assert isinstance(note, Event)
    assert (note.channel, note.routing_key, note.team) == (ACTIONS, REFERENCE, "")
    assert (note.dedup_key, note.rule, note.at) == (trigger.dedup_key, "r", at("0s"))


def test_a_template_that_fails_costs_its_wording() -> None:
    acts = (Act(verb="note", text=Text("fails")), Act(verb="status", text=Text(" ")))
    world = World(Rule(id="r", actions=Actions(opened=acts)))
    world.step("0s", fire())
    note, status = orders(world)
    assert "template of the action note failed" in note.wish.note
    assert status.wish.message == "(its rule gives it no text)"


def test_a_link_goes_behind_the_message_if_it_is_one() -> None:
    ask = Act(verb="responders", text=Text("x" * 3_000), link=Text("https://wiki/db"), users=("ada@example.test",))
    world = World(Rule(id="r", actions=Actions(opened=(ask, Act(verb="responders", text=Text("x"), link=Text("wiki"))))))
    world.step("0s", fire())
    first, second = orders(world)
    assert first.wish.told.endswith("x https://wiki/db")
    assert len(first.wish.told) == 2_000
    assert second.wish.told == "x"


def test_what_a_storm_holds_gets_nothing_done() -> None:
    world = World(Rule(id="r", actions=ALL, limit=Limit(incidents=0, per_ms=60_000)))
    world.step("0s", fire())
    assert orders(world) == []


def test_a_step_goes_to_a_level_and_does_what_else_it_says() -> None:
    steps = (
        Step(after_ms=300_000, acts=(Act(verb="escalate", level=2),)),
        Step(after_ms=600_000, page=("leads",), acts=(Act(verb="escalate", policies=("Managers",)), Act(verb="reassign", users=("PADA123",)))),
    )  # fmt: skip
    world = World(Rule(id="r", escalate=steps), given=[Team(name="leads", routing_key="env:LEADS")])
    world.step("0s", fire())
    assert world.step("5m") == [
        "update escalated (step 1 of 2, not acknowledged for 5m, to level 2)",
        "> act pagerduty:actions",
    ]
    world.restart("6m", down_since="5m30s")
    assert world.step("10m") == [
        "open escalated (step 2 of 2, not acknowledged for 10m, to escalation policy Managers, reassign to PADA123)",
        "> trigger leads error", "> act pagerduty:actions", "> act pagerduty:actions",
    ]  # fmt: skip
    assert [(order.moment, order.wish.level, order.wish.policy) for order in orders(world)] == [
        ("escalation", 2, ""), ("escalation", 0, "Managers"), ("escalation", 0, ""),
    ]  # fmt: skip
    assert [event.is_escalation for event in world.events if event.action == "trigger"] == [False, True]


def test_who_resolved_what_its_rule_keeps_open_has_dealt_with_it() -> None:
    steps = (Step(after_ms=300_000, acts=(Act(verb="escalate", level=2),)),)
    world = World(Rule(id="r", escalate=steps, on_resolved_in_pagerduty=KeepEpisode()))
    world.step("0s", fire())
    world.step("1m", changed(world, "resolved"))
    assert world.step("1h") == []
    world.step("2h", changed(world, "reopened"))
    assert world.step("2h5m") == [
        "update escalated (step 1 of 1, not acknowledged for 5m, to level 2)",
        "> act pagerduty:actions",
    ]
