from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from router.engine.page import NOTE, SUMMARY_CAP, plain_summary, timestamp
from router.model.alert import Image, Link
from router.model.event import Event
from router.model.journal import AlertReceived, ChangeReceived
from router.model.ruleset import Count, ImageTemplate, LinkTemplate, Rule, TemplateFailed
from tests.support.engine import START, World, at, event, fire


class Say:
    """A template that formats the context, or fails."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, context: Mapping[str, Any]) -> str:
        if self.text == "fail":
            raise TemplateFailed("no such field")
        return self.text.format_map(context)


RICH: dict[str, Any] = {
    "labels": {"env": "prod"},
    "annotations": {"runbook": "https://wiki/down"},
    "details": {"confidence": 0.4, "count": "theirs"},
    "summary": "It is down",
    "generator_url": "https://prometheus/graph",
    "links": (Link(href="https://own"),),
    "images": (Image(src="https://picture"),),
    "starts_at": START - 60_000,
}


def paged(fact: AlertReceived, **rule: Any) -> Event:
    world = World(Rule(id="r", **rule))
    world.step("1s", fact)
    (event_,) = world.events
    return event_


def test_a_page_says_all_there_is_plainly() -> None:
    event_ = paged(fire("pay-api", **RICH))
    assert event_ == Event(
        team="payments",
        routing_key="env:PAYMENTS",
        dedup_key=event_.dedup_key,
        action="trigger",
        at=at("1s"),
        summary="pay-api: Down - It is down",
        source="pay-api",
        component="pay-api",
        group="pay-api / Down",
        class_="Down",
        details={
            "rule": "r",
            "group": event_.dedup_key.split("/")[1],
            "count": "theirs",
            "started": timestamp(START - 60_000),
            "labels": {"env": "prod"},
            "annotations": {"runbook": "https://wiki/down"},
            "confidence": 0.4,
        },
        links=(Link(href="https://prometheus/graph"), Link(href="https://own")),
        images=(Image(src="https://picture"),),
        alert_seq=1,
        rule="r",
    )


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (fire("api", ""), "api"),
        (fire("api", "Down"), "api: Down"),
        (fire("api", "Down", summary="Down"), "api: Down"),
        (fire("api", "", summary="Late"), "api - Late"),
        (fire("api", "x" * 2000), ("api: " + "x" * 2000)[: SUMMARY_CAP - 1] + "…"),
    ],
)
def test_the_plain_summary(fact: AlertReceived, expected: str) -> None:
    assert plain_summary(fact.alert) == expected


def test_times_are_written_as_people_read_them() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert timestamp(1_795_000_000_999) == "2026-11-18T11:06:40Z"


def test_a_generator_that_is_no_web_address_is_no_link() -> None:
    assert paged(fire(generator_url="javascript:alert(1)")).links == ()


def test_several_alerts_are_counted() -> None:
    world = World(Rule(id="r", when=Count(count=2, within_ms=60_000)))
    world.step("0s", fire(print_="1"), fire(print_="2"))
    assert world.events[0].details["alerts"] == 2


def test_templates_word_the_page() -> None:
    context = (
        "{service} {name} {severity} {source} {summary} {labels} {annotations} {details} {generator_url} {count} {within}"
        " {rule} {team} {alerts} {first_at} {last_at} {group}"
    )
    world = World(
        Rule(
            id="r",
            when=Count(count=2, within_ms=300_000),
            summary=Say(context),
            details=(("runbook", Say("wiki/{name}")), ("count", Say("{count}"))),
            links=(LinkTemplate(href=Say("https://{service}"), text=Say("Graph")), LinkTemplate(href=Say("no address"))),
            images=(
                ImageTemplate(src=Say("https://{name}"), href=Say("https://{service}"), alt=Say("{rule}")),
                ImageTemplate(src=Say("https://b")),
                ImageTemplate(src=Say("http://plain")),
            ),
        )
    )
    world.step("0s", event(labels={"a": "b"}))
    world.step("1m", event(labels={"a": "b"}, links=(Link(href="https://own"),)))
    (event_,) = world.events
    assert event_.summary == (
        "api Down error prometheus  {'a': 'b'} {} {}  2 5m r platform 1"
        f" {timestamp(START)} {timestamp(at('1m'))} {{'service': 'api', 'name': 'Down'}}"
    )
    assert event_.details["runbook"] == "wiki/Down"
    assert event_.details["count"] == "2"
    assert event_.links == (Link(href="https://api", text="Graph"), Link(href="https://own"))
    assert event_.images == (Image(src="https://Down", href="https://api", alt="r"), Image(src="https://b"))
    assert NOTE not in event_.details


def test_a_template_that_fails_costs_its_own_words_and_never_the_page() -> None:
    fail = Say("fail")
    event_ = paged(
        fire(),
        summary=fail,
        details=(("bad", fail), ("good", Say("fine"))),
        links=(LinkTemplate(href=fail), LinkTemplate(href=Say("https://x"), text=fail)),
        images=(ImageTemplate(src=fail),),
    )
    assert event_.summary == "api: Down"
    assert "bad" not in event_.details
    assert event_.details["good"] == "fine"
    assert event_.links == (Link(href="https://x"),)
    assert event_.details[NOTE] == "; ".join(
        f"the template of {part} failed: no such field"
        for part in ("summary", "details.bad", "a link", "a link's text", "an image")
    )


def test_a_summary_alone_leaves_the_rest_as_it_is() -> None:
    event_ = paged(fire(generator_url="http://graph"), summary=Say("Own words"))
    assert (event_.summary, event_.links) == ("Own words", (Link(href="http://graph"),))


def test_details_alone_leave_the_summary_plain() -> None:
    event_ = paged(fire(), details=(("team", Say("{team}")),))
    assert (event_.summary, event_.details["team"]) == ("api: Down", "platform")


def test_a_summary_without_text_is_the_plain_one_and_a_long_one_is_cut() -> None:
    assert paged(fire(), summary=Say("")).summary == "api: Down"
    assert len(paged(fire(), summary=Say("x" * 5000)).summary) == SUMMARY_CAP


def test_a_change_event_carries_the_senders_words() -> None:
    world = World()
    told = ChangeReceived(source="ci", service="pay-api", summary="Deployed", details={"build": 7})
    world.step("0s", told, ChangeReceived(source="ci", service="x", summary="s", origin="jenkins", changed_at=START))
    first, second = world.events
    assert (first.source, first.component, first.details, first.at) == ("pay-api", "pay-api", {"build": 7}, START)
    assert (second.source, second.team, second.details) == ("jenkins", "platform", {"changed_at": timestamp(START)})
