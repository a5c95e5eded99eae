from __future__ import annotations

import pytest

from router.config.severities import DEFAULT_SCALE
from router.model.digest import Digest
from router.model.ruleset import Limit
from router.model.severity import Severity
from router.rehearsal.reading import MOST_ALERTS, Surroundings, read_tests
from router.rehearsal.script import Answers, Handled, Refuses, Stalls
from tests.support.rule_texts import TEAMS
from tests.support.stories import HEAD, complaints, read_story

END = "      - {expect: {open: 0}}\n"


def steps(*written: str) -> str:
    return "tests:\n  - name: a\n    steps:\n" + "".join(f"      - {{{step}}}\n" for step in written)


def test_a_whole_file() -> None:
    file = read_story(
        "default_team: payments\nrules: ../rules\n"
        "alerts: {card: {service: pay-api, name: CardError, labels: {env: prod}, severity: fatal}}\n"
        + steps(
            "alert: card",
            "wait: 1m, alert: [card, {service: 'pay-{n}', times: 2, source: prometheus}]",
            "pagerduty: refuses payments",
            "pagerduty: stalls",
            "pagerduty: answers",
            "pagerduty: acknowledged payments",
            "reload: [a.yaml, b.yaml]",
            "at: 2m, resolve: card, expect: {page: [payments, platform], reason: [at_once, count_reached], severity: p1}",
        )
    )
    assert file.diagnostics == ()
    assert (file.default_team, file.rules) == ("payments", ("../rules",))
    (script,) = file.scripts
    first, second, *behaviours, reload, last = script.steps
    (card,) = first.alerts
    assert (card.kind, card.severity.word, card.source, card.labels) == ("event", "critical", "json", {"env": "prod"})
    assert second.after_ms == 60_000
    assert [alert.service for alert in second.alerts] == ["pay-api", "pay-1", "pay-2"]
    assert [alert.kind for alert in second.alerts] == ["event", "stateful", "stateful"]
    assert second.alerts[0] == card
    assert len({alert.identity for alert in second.alerts}) == 3
    assert [step.pagerduty for step in behaviours] == [
        Refuses("payments"),
        Stalls(),
        Answers(),
        Handled("acknowledged", "payments"),
    ]
    assert reload.reload == ("a.yaml", "b.yaml")
    assert last.expect is not None
    assert last.expect.page == ("payments", "platform")
    assert [reason.value for reason in last.expect.reason] == ["at_once", "count_reached"]
    assert last.expect.spans["page"].line == last.expect.spans[""].line == 15


def test_the_key_is_who_an_alert_is_else_service_name_and_labels() -> None:
    def identity(written: str) -> tuple[str, str]:
        (script,) = read_story(steps(f"alert: {{{written}}}") + END).scripts
        return script.steps[0].alerts[0].identity

    assert identity("service: a, labels: {x: y, b: c}") == identity("service: a, labels: {b: c, x: y}, severity: info")
    assert identity("service: a") != identity("service: a, name: b")
    assert identity("service: a, key: k") == identity("service: b, key: k")
    assert identity("service: a, key: k") != identity("service: a, key: k, source: other")


def test_teams_may_be_a_list_or_what_each_owns() -> None:
    listed = read_story(steps("expect: {open: 0}"), head="teams: [payments, platform]\n")
    assert listed.teams is not None
    assert (list(listed.teams), listed.default_team) == (["payments", "platform"], "platform")
    owning = read_story(
        steps("expect: {open: 0}"), head="teams: {a: {services: [x-*, y], limit: {incidents: 3, per: 1h}}, b: '*'}\n"
    )
    assert owning.teams is not None
    assert [str(pattern) for pattern in owning.teams["a"].services] == ["x-*", "y"]
    assert owning.teams["a"].limit is not None
    assert owning.teams["a"].limit.incidents == 3


def test_without_teams_of_its_own_a_file_speaks_of_those_of_the_configuration() -> None:
    text = steps("expect: {page: payment}")
    around = Surroundings(scale=DEFAULT_SCALE, teams=TEAMS)
    (found,) = read_tests("a.test.yaml", text, around).diagnostics
    assert (found.code, found.hint) == ("unknown-team", 'did you mean "payments"?')
    assert read_tests("a.test.yaml", text, Surroundings(scale=DEFAULT_SCALE)).diagnostics == ()


@pytest.mark.parametrize(
    ("step", "code", "place", "message"),
    [
        ("at: 1m, wait: 1m, expect: {open: 0}", "at-and-wait", "6:18", "a step has one of them"),
        ("at: 30s, expect: {open: 0}", "time-goes-back", "6:14", "steps stand in order of time"),
        ("at: 1m", "empty-step", "6:9", "add alert"),
        ("expect: {}", "empty-expectation", "6:18", "no_page: true"),
        ("expect: {rule: errors}", "empty-expectation", "6:18", "found nothing"),
        ("expect: {no_page: false}", "no-effect", "6:28", "leave it out"),
        ("expect: {no_page: true, page: platform}", "contradiction", "6:19", "no_page contradicts"),
        ("expect: {no_resolve: true, resolve: platform}", "contradiction", "6:19", "no_resolve contradicts"),
        ("expect: {summary: x}", "nothing-to-check", "6:19", "add page: TEAM"),
        ("expect: {page: plattform}", "unknown-team", "6:25", 'did you mean "platform"?'),
        ("expect: {page: [platform, nobody]}", "unknown-team", "6:36", "teams are payments, platform"),
        ("expect: {page: []}", "empty-list", "6:25", "no_page: true"),
        ("expect: {page: platform, severity: bad}", "unknown-severity", "6:45", "found 'bad'"),
        ("expect: {reason: count_reachd}", "unknown-reason", "6:27", 'did you mean "count_reached"?'),
        ("expect: {reason: [whatever]}", "unknown-reason", "6:28", "reasons.md"),
        ("alert: {service: a, severity: bad}", "unknown-severity", "6:40", "found 'bad'"),
        ("alert: card", "unknown-alert", "6:17", "describe it here"),
        ("pagerduty: refuses", "bad-behaviour", "6:21", "name the team it is about"),
        ("pagerduty: refuses me", "unknown-team", "6:21", "'me'"),
        ("pagerduty: stals", "bad-behaviour", "6:21", 'did you mean "stalls"?'),
    ],
)
def test_mistakes_have_a_place_and_a_remedy(step: str, code: str, place: str, message: str) -> None:
    text = "tests:\n  - name: a\n    steps:\n      - {at: 1m, expect: {open: 0}}\n"
    found = complaints(f"{text}      - {{{step}}}\n")
    assert [(found_code, found_place) for found_code, found_place, _ in found] == [(code, place)]
    assert message in found[0][2]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("teams: []\n", "no-teams"),
        ("teams: {a: '!x'}\n", "bad-ownership"),
        ("teams: {a: {fallback: b}}\n", "unknown-team"),
        ("teams: [a]\ndefault_team: b\n", "unknown-team"),
    ],
)
def test_mistakes_in_teams(head: str, code: str) -> None:
    assert [found for found, _, _ in complaints(steps("expect: {open: 0}"), head=head)] == [code]


def test_a_test_expects_something_and_has_a_name_of_its_own() -> None:
    story = "{name: a, steps: [{alert: {service: x}}]}"
    assert [code for code, _, _ in complaints(f"tests: [{story}, {story}]\n")] == [
        "no-expectation",
        "duplicate-test",
        "no-expectation",
    ]


def test_a_file_plays_a_bounded_number_of_alerts() -> None:
    half = "alert: {service: 'a-{n}', times: 10000}"
    found = complaints(steps(*[half] * (MOST_ALERTS // 10_000), "alert: {service: a}") + END)
    assert [code for code, _, _ in found] == ["too-many-alerts"]


@pytest.mark.parametrize("text", ["", "[]", "tests: []", "tests: 5", "\0", "tests: [{name: a}]", "a: [", "tests: &a [*a]"])
def test_whatever_is_no_test_file_earns_diagnostics(text: str) -> None:
    file = read_tests("a.test.yaml", text, Surroundings(scale=DEFAULT_SCALE))
    assert file.diagnostics
    assert file.scripts == ()


def test_the_head_of_these_tests_is_sound() -> None:
    assert complaints(steps("expect: {open: 0}"), head=HEAD) == []


def test_channels_are_those_of_the_file() -> None:
    head = "teams: {a: {services: '*', channels: chat}}\nchannels: {chat: {limit: {incidents: 2, per: 1m}}, mail: {digest: {at: '09:00'}}}\n"
    text = "severity_channels: {info: mail, critical: [page, chat]}\ntests: [{name: t, steps: [{expect: {no_notify: true}}]}]\n"
    file = read_story(text, head=head)
    assert file.diagnostics == ()
    assert file.channels is not None
    assert file.channels.policies["chat"].limit == Limit(incidents=2, per_ms=60_000)
    assert file.channels.policies["mail"].digest == Digest(at=(540,))
    assert file.channels.by_severity == {Severity.INFO: ("mail",), Severity.CRITICAL: ("page", "chat")}
    assert file.teams is not None
    assert file.teams["a"].channels == ("chat",)
    assert read_story("tests: [{name: t, steps: [{expect: {open: 0}}]}]\n").channels is None


def test_mistakes_about_channels() -> None:
    head = "teams: {a: {services: '*', channels: chta}}\nchannels: [chat]\n"
    text = (
        "severity_channels: {info: mail}\ntests:\n"
        "- {name: t, steps: [{expect: {notify: chut}}, {expect: {no_notify: true, digest: chat}}, {expect: {no_notify: false}}]}\n"
    )
    assert [(code, message.rpartition("? ")[0] or message) for code, _, message in complaints(text, head=head)] == [
        ("unknown-channel", "there is no channel 'chta' did you mean \"chat\"?"),
        ("unknown-channel", "there is no channel 'mail' channels are chat"),
        ("unknown-channel", "there is no channel 'chut' did you mean \"chat\"?"),
        ("contradiction", "no_notify contradicts what is told beside it leave one of them out"),
        ("no-effect", "no_notify: false expects nothing leave it out, or write true"),
    ]
    twice = "channels: {mail: {digest: {every: 1h, at: '09:00'}}}\ntests: [{name: t, steps: [{expect: {open: 0}}]}]\n"
    assert [code for code, _, _ in complaints(twice)] == ["digest-twice"]
