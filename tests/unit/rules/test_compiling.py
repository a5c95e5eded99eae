"""Rule files compiled: what comes out, and the table of what is refused, with code and place."""

from __future__ import annotations

import pytest

from router.errors import ConfigError
from router.model.pattern import Pattern
from router.model.ruleset import (
    AfterQuiet,
    AllResolved,
    AtOnce,
    CloseEpisode,
    Count,
    FiringFor,
    KeepEpisode,
    LabelTest,
    Limit,
    Match,
    Never,
    NumberTest,
)
from router.model.severity import Severity
from router.rules.compiling import check_files, ruleset_from_texts, ruleset_texts
from router.rules.fields import SAMPLE
from router.rules.findings import Names
from tests.support.rule_texts import CHANNELS, SCALE, TEAMS, compile_rules, compile_texts, found_in

BAD_RULES = {
    # name: (what stands between the braces of one rule on line 2, code, column)
    "no id": ("match: {service: a}", "missing-key", 5),
    "id with blanks": ("id: Payment Errors", "bad-id", 10),
    "id reserved": ("id: default", "reserved-id", 10),
    "unknown key": ("id: a, paeg: owner", "unknown-key", 13),
    "unknown key in match": ("id: a, match: {servce: x}", "unknown-key", 21),
    "key of another level": ("id: a, service: x", "unknown-key", 13),
    "key twice": ("id: a, id: b", "duplicate-key", 13),
    "empty service list": ("id: a, match: {service: []}", "empty-list", 30),
    "empty name list": ("id: a, match: {name: []}", "empty-list", 27),
    "empty source list": ("id: a, match: {source: []}", "empty-list", 29),
    "empty severity list": ("id: a, match: {severity: []}", "empty-list", 31),
    "empty label list": ("id: a, match: {labels: {env: []}}", "empty-list", 35),
    "empty pattern": ('id: a, match: {service: ""}', "empty-pattern", 30),
    "only an exclamation mark for service": ('id: a, match: {name: "!"}', "empty-pattern", 27),
    "everything excluded": ('id: a, match: {service: "!*"}', "never-matches", 30),
    "regex broken": ("id: a, match: {service: /(/}", "bad-regex", 30),
    "regex look-around": ('id: a, match: {labels: {x: "/a(?=b)/"}}', "bad-regex", 33),
    "unknown severity": ("id: a, match: {severity: horrible}", "unknown-severity", 31),
    "unknown severity in list": ("id: a, match: {severity: [error, wanring]}", "unknown-severity", 39),
    "unknown min_severity": ("id: a, match: {min_severity: bad}", "unknown-severity", 35),
    "both severities": ("id: a, match: {severity: error, min_severity: error}", "severity-twice", 38),
    "unknown source (warning)": ("id: a, match: {source: promethues}", "unknown-source", 29),
    "label star (warning)": ('id: a, match: {labels: {env: "*"}}', "always-true", 35),
    "where without bound": ("id: a, match: {where: {score: {}}}", "no-bound", 36),
    "where no mapping": ("id: a, match: {where: {score: 5}}", "wrong-type", 36),
    "where not a number": ("id: a, match: {where: {score: {lt: low}}}", "wrong-type", 41),
    "where nan": ("id: a, match: {where: {score: {lt: .nan}}}", "number-out-of-range", 41),
    "where empty range": ("id: a, match: {where: {score: {gt: 2, lt: 1}}}", "empty-range", 36),
    "where touching range": ("id: a, match: {where: {score: {gte: 2, lt: 2}}}", "empty-range", 36),
    "where unknown operator": ("id: a, match: {where: {score: {less: 1}}}", "unknown-key", 37),
    "count zero": ("id: a, when: {count: 0, within: 5m}", "invalid-value", 27),
    "count negative": ("id: a, when: {count: -1, within: 5m}", "invalid-value", 27),
    "count text": ('id: a, when: {count: "3", within: 5m}', "wrong-type", 27),
    "count too many": ("id: a, when: {count: 10001, within: 5m}", "invalid-value", 27),
    "count of one (warning)": ("id: a, when: {count: 1, within: 5m}", "count-of-one", 27),
    "within without count": ("id: a, when: {within: 5m}", "missing-key", 19),
    "count without within": ("id: a, when: {count: 3}", "missing-key", 19),
    "per empty": ("id: a, when: {count: 3, within: 5m, per: []}", "invalid-value", 47),
    "within no unit": ("id: a, when: {count: 3, within: 5}", "bad-duration", 38),
    "within too short": ("id: a, when: {count: 3, within: 10ms}", "duration-out-of-range", 38),
    "within too long": ("id: a, when: {count: 3, within: 8d}", "duration-out-of-range", 38),
    "within spelled out": ("id: a, when: {count: 3, within: 5 minutes}", "bad-duration", 38),
    "two forms of when": ("id: a, when: {firing_for: 5m, absent_for: 3m}", "unknown-key", 36),
    "when empty": ("id: a, when: {}", "unclear-variant", 19),
    "when of nothing": ("id: a, when:", "syntax", 17),
    "distinct is grouped": ("id: a, when: {count: 3, within: 5m, distinct: name}", "distinct-is-grouped", 52),
    "distinct is counted per": ("id: a, when: {count: 3, within: 5m, distinct: host, per: [host]}", "distinct-is-grouped", 52),
    "absent without a service (warning)": ("id: a, when: {absent_for: 5m}", "absent-without-owner", 19),
    "absent and group_by": (
        "id: a, match: {service: x}, when: {absent_for: 5m}, group_by: [name]",
        "group-by-with-absent",
        58,
    ),
    "absent and resolve": (
        "id: a, match: {service: x}, when: {absent_for: 5m}, resolve: never",
        "resolve-with-absent",
        58,
    ),
    "absent per a field twice": ("id: a, when: {absent_for: 5m, per: [x, x]}", "field-twice", 45),
    "flapping once": ("id: a, when: {flapping: {changes: 1, within: 5m}}", "invalid-value", 40),
    "flapping and resolve": (
        "id: a, when: {flapping: {changes: 3, within: 5m}}, resolve: never",
        "resolve-with-flapping",
        57,
    ),
    "count and a longer firing_for": ("id: a, when: {count: 3, within: 5m, firing_for: 5m}", "senseless-combination", 54),
    "count per and firing_for": ("id: a, when: {count: 3, within: 5m, firing_for: 1m, per: [x]}", "firing-for-with-per", 42),
    "escalate to nobody": ("id: a, escalate: [{after: 5m, page: []}]", "idle-step", 24),
    "escalate to an unknown team": ("id: a, escalate: [{after: 5m, page: plat}]", "unknown-team", 42),
    "escalate backwards": (
        "id: a, escalate: [{after: 5m, page: platform}, {after: 5m, page: payments}]",
        "steps-out-of-order",
        61,
    ),
    "escalate to the same (warning)": ("id: a, page: platform, escalate: [{after: 5m, page: platform}]", "paged-already", 58),
    "during unknown": ("id: a, during: business-hours", "unknown-schedule", 21),
    "except unknown, in a list": ("id: a, except: [nights]", "unknown-schedule", 22),
    "drop and except (warning)": ("id: a, drop: why, except: []", "useless-key", 24),
    "resolved in PagerDuty": ("id: a, on_resolved_in_pagerduty: clsoe", "not-a-choice", 39),
    "reopen too long": ("id: a, on_resolved_in_pagerduty: {reopen_if_firing_after: 31d}", "duration-out-of-range", 64),
    "unknown team": ("id: a, page: paymnts", "unknown-team", 19),
    "unknown team in list": ("id: a, page: [owner, nobody]", "unknown-team", 27),
    "page empty": ("id: a, page: []", "nobody-told", 19),
    "team twice (warning)": ("id: a, page: [payments, payments]", "team-twice", 30),
    "group_by twice": ("id: a, group_by: [service, service]", "field-twice", 33),
    "group_by no list": ("id: a, group_by: service", "wrong-type", 23),
    "excepts everything": ("id: a, match: {unless: [{service: x}, {}]}", "never-matches", 44),
    "excepts everything, no list": ('id: a, match: {unless: {name: "*"}}', "never-matches", 29),
    "excepts with a mistake": ("id: a, match: {unless: {name: B, labels: {env: []}}}", "empty-list", 53),
    "drop empty": ('id: a, drop: ""', "no-reason", 19),
    "drop true": ("id: a, drop: true", "no-reason", 19),
    "drop and continue": ("id: a, drop: why, continue: true", "drop-continues", 24),
    "drop and page (warning)": ("id: a, drop: why, page: platform", "useless-key", 24),
    "continue no bool": ("id: a, continue: yes", "wrong-type", 23),
    "template syntax": ('id: a, summary: "{{ service "', "bad-template", 22),
    "template call": ('id: a, summary: "{{ service.upper() }}"', "bad-template", 22),
    "template bomb": ("id: a, summary: \"{{ 'a' * 999999999 }}\"", "bad-template", 22),
    "template unknown field (warning)": ('id: a, summary: "{{ servce }}"', "template-unknown-field", 22),
    "template in details": ('id: a, details: {x: "{% set a = 1 %}"}', "bad-template", 26),
    "template fails on the sample (warning)": (
        'id: a, summary: "{% if details.score < 1 %}low{% endif %}"',
        "template-fails",
        22,
    ),
    "link without href": ("id: a, links: [{text: x}]", "missing-key", 21),
    "link bad template": ('id: a, links: [{href: "{{ x() }}"}]', "bad-template", 28),
    "image over http (warning)": ('id: a, images: [{src: "http://x"}]', "insecure-image", 28),
    "as_severity unknown": ("id: a, as_severity: meh", "unknown-severity", 26),
    "resolve unknown": ("id: a, resolve: nevr", "not-a-choice", 22),
    "resolve too short": ("id: a, resolve: {after_quiet: 0s}", "duration-out-of-range", 36),
    "limit without per": ("id: a, limit: {incidents: 5}", "missing-key", 20),
    "limit zero": ("id: a, limit: {incidents: 0, per: 1h}", "invalid-value", 32),
    "limit empty": ("id: a, limit:", "syntax", 18),
    "contradiction (warning)": ('id: a, match: {service: [x, "!x"]}', "contradiction", 30),
    "pattern twice (warning)": ("id: a, match: {service: [x, x]}", "pattern-twice", 30),
    "id too long": ("id: " + "a" * 65, "bad-id", 10),
    "pattern too long": ("id: a, match: {service: " + "x" * 1025 + "}", "long-pattern", 30),
    "template too long": ("id: a, summary: " + "x" * 4097, "bad-template", 22),
}

BAD_FILES = {
    # name: (the file, code, line:column)
    "id twice": ("rules:\n  - {id: a, match: {service: x}}\n  - {id: a}\n", "duplicate-id", "3:10"),
    "unreachable (warning)": ("rules:\n  - {id: a}\n  - {id: b}\n", "unreachable-rule", "3:5"),
    "same conditions (warning)": (
        "rules:\n  - {id: a, match: {service: x}}\n  - {id: b, match: {service: x}}\n",
        "unreachable-rule",
        "3:5",
    ),
    "rule is text": ("rules:\n  - just text\n", "wrong-type", "2:5"),
    "no rules": ("version: 1\n", "missing-key", "1:1"),
    "nothing": ("", "missing-key", "1:1"),
    "a list": ("- id: a\n", "wrong-type", "1:1"),
    "later version": ("version: 2\nrules: []\nfoo: 1\n", "unknown-grammar-version", "1:10"),
    "version text": ("version: one\nrules: []\n", "not-a-choice", "1:10"),
    "unknown section": ("rules: []\nrulez: []\n", "unknown-key", "2:1"),
    "defaults unknown team": ("defaults: {page: nobody}\nrules: []\n", "unknown-team", "1:18"),
    "defaults unknown key": ("defaults: {when: {count: 3, within: 5m}}\nrules: []\n", "unknown-key", "1:12"),
    "defaults template": ('defaults: {summary: "{{ f() }}"}\nrules:\n  - id: a\n', "bad-template", "1:21"),
    "unquoted glob": ("rules:\n  - id: a\n    match: {service: *-db}\n", "unquoted-glob", "3:22"),
    "unquoted template": ("rules:\n  - id: a\n    summary: {{ service }}\n", "unquoted-template", "3:14"),
    "tab": ("rules:\n\t- id: a\n", "tab-indentation", "2:1"),
    "anchor": ("rules:\n  - &x {id: a}\n", "anchor", "2:5"),
    "merge key": ("rules:\n  - {id: a, <<: {page: owner}}\n", "merge-key", "2:13"),
}

FULL = """\
rules:
  - id: payment-errors
    description: Checkout is losing orders.
    match:
      service: [payment-*, checkout-*]
      name: "*Error"
      min_severity: error
      source: prometheus
      labels: {env: prod, region: [eu-*, us-*], canary: "!true", path: "/^\\\\/v[12]\\\\//"}
      where: {confidence: {gte: 0.1, lt: 0.5}}
    when: {count: 3, within: 5m, distinct: host, per: [service, env]}
    page: [owner, platform]
    group_by: [service]
    summary: "{{ service }}: {{ name }} ({{ count }} in {{ within }})"
    details: {runbook: "https://wiki/{{ name }}"}
    links: [{href: "{{ generator_url }}", text: Graph}]
    images: [{src: "https://x/{{ service }}.png", href: "https://x", alt: x}]
    as_severity: page
    resolve: {after_quiet: 15m}
    limit: {incidents: 5, per: 1h}
    continue: true
"""


@pytest.mark.parametrize("name", BAD_RULES)
def test_a_bad_rule_is_refused_with_its_place(name: str) -> None:
    rule, code, column = BAD_RULES[name]
    assert found_in(f"rules:\n  - {{{rule}}}\n") == [(code, f"2:{column}")]


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_with_its_place(name: str) -> None:
    text, code, place = BAD_FILES[name]
    assert found_in(text) == [(code, place)]


def test_every_name_with_warning_is_one_and_every_other_is_an_error() -> None:
    texts = {name: f"rules:\n  - {{{rule}}}\n" for name, (rule, _, _) in BAD_RULES.items()}
    texts |= {name: text for name, (text, _, _) in BAD_FILES.items()}
    for name, text in texts.items():
        ruleset, diagnostics = compile_texts(text)
        is_warning = "(warning)" in name
        assert (ruleset is not None) is is_warning, name
        assert {each.level for each in diagnostics} == {"warning" if is_warning else "error"}, name


def test_a_complete_rule() -> None:
    ruleset, diagnostics = compile_texts(FULL)
    assert ruleset is not None
    assert diagnostics == []
    (rule,) = ruleset.rules
    assert (rule.id, rule.description, rule.drop, rule.goes_on) == ("payment-errors", "Checkout is losing orders.", "", True)
    assert str(rule.span) == "a.yaml:2:5"
    assert rule.match == Match(
        services=(Pattern("payment-*"), Pattern("checkout-*")),
        names=(Pattern("*Error"),),
        severities=frozenset({Severity.ERROR, Severity.CRITICAL}),
        sources=(Pattern("prometheus"),),
        labels=(
            LabelTest(label="env", patterns=(Pattern("prod"),)),
            LabelTest(label="region", patterns=(Pattern("eu-*"), Pattern("us-*"))),
            LabelTest(label="canary", patterns=(Pattern("true", negated=True),)),
            LabelTest(label="path", patterns=(Pattern("^\\/v[12]\\/", kind="regex"),)),
        ),
        where=(
            NumberTest(field="confidence", operator="lt", value=0.5),
            NumberTest(field="confidence", operator="gte", value=0.1),
        ),
    )
    assert rule.when == Count(count=3, within_ms=300_000, distinct="host", per=("service", "env"))
    assert rule.page == ("owner", "platform")
    assert rule.group_by == ("service",)
    assert rule.summary is not None
    assert rule.summary.render(SAMPLE) == "payment-api: CardError (3 in 5m)"
    assert [(key, template.render(SAMPLE)) for key, template in rule.details] == [("runbook", "https://wiki/CardError")]
    assert [link.href.render(SAMPLE) for link in rule.links] == ["https://prometheus.example.com/graph"]
    assert [image.src.render(SAMPLE) for image in rule.images] == ["https://x/payment-api.png"]
    assert rule.as_severity is Severity.CRITICAL
    assert rule.resolve == AfterQuiet(quiet_ms=900_000)
    assert rule.limit == Limit(incidents=5, per_ms=3_600_000)


def test_a_rule_of_nothing_but_its_id_pages_the_owner_at_once() -> None:
    (rule,) = compile_rules("id: a")
    assert rule.match == Match()
    assert rule.when == AtOnce()
    assert (rule.page, rule.group_by, rule.resolve) == (("owner",), ("service", "name"), AllResolved())
    assert (rule.summary, rule.as_severity, rule.limit, rule.goes_on) == (None, None, None, False)


def test_the_other_forms() -> None:
    rules = compile_rules(
        "id: a, match: {service: a}, when: {firing_for: 1h30m}, resolve: never",
        "id: b, match: {service: b}, when: {count: 2, within: 90s, per: service}, page: payments",
        "id: c, match: {service: c}, drop: noise",
        "id: d, match: {severity: [info, low, fatal]}, group_by: []",
    )
    assert rules[0].when == FiringFor(for_ms=5_400_000)
    assert rules[0].resolve == Never()
    assert rules[1].when == Count(count=2, within_ms=90_000, per=("service",))
    assert rules[1].page == ("payments",)
    assert rules[2].drop == "noise"
    assert rules[3].match.severities == frozenset({Severity.INFO, Severity.CRITICAL})
    assert rules[3].group_by == ()


def test_all_severities_are_no_condition() -> None:
    rules = compile_rules("id: a, match: {min_severity: info}, continue: true", "id: b, match: {severity: [info, p3, p2, p1]}")
    assert [rule.match.severities for rule in rules] == [None, None]


def test_defaults_hold_for_their_file_and_what_a_rule_says_wins() -> None:
    first = (
        "defaults: {page: payments, group_by: [service], summary: '{{ name }}', resolve: never,\n"
        "           limit: {incidents: 1, per: 1m}}\n"
        "rules:\n  - {id: a, match: {service: a}}\n"
        "  - {id: b, match: {service: b}, page: platform, group_by: [env], summary: x, resolve: all_resolved}\n"
    )
    ruleset, _ = compile_texts(first, "rules: [{id: c}]")
    assert ruleset is not None
    a, b, c = ruleset.rules
    assert (a.page, a.group_by, a.resolve, a.limit) == (("payments",), ("service",), Never(), Limit(incidents=1, per_ms=60_000))
    assert a.summary is not None
    assert a.summary.render(SAMPLE) == "CardError"
    assert (b.page, b.group_by, b.resolve) == (("platform",), ("env",), AllResolved())
    assert b.limit == Limit(incidents=1, per_ms=60_000)
    assert (c.page, c.limit, c.summary) == (("owner",), None, None)


def test_everything_else_that_defaults_hold_and_its_mistakes_are_told_once_where_they_stand() -> None:
    text = (
        "schedules: {lunch: {zone: UTC, hours: '12:00-13:00'}}\n"
        "defaults:\n"
        "  {details: {runbook: 'https://x/{{ name }}'}, links: [{href: 'https://x'}], images: [{src: 'https://x'}], as_severity: p1,\n"
        "   on_resolved_in_pagerduty: keep, escalate: [{after: 5m, page: payments}], during: lunch, except: lunch}\n"
        "rules:\n"
        "  - {id: a, match: {service: a}}\n"
        "  - {id: b, match: {service: b}, details: {}, links: [], images: [], as_severity: error, on_resolved_in_pagerduty: close,\n"
        "     escalate: [], during: [], except: []}\n"
        "  - {id: c, match: {service: c}, drop: noise}\n"
        "  - {id: d, match: {service: d}, when: {absent_for: 5m}, page: platform}\n"
    )
    ruleset, diagnostics = compile_texts(text)
    assert ruleset is not None, diagnostics
    assert diagnostics == []
    a, b, c, d = ruleset.rules
    for rule in (a, d):
        assert ([key for key, _ in rule.details], len(rule.links), len(rule.images)) == (["runbook"], 1, 1)
        assert (rule.as_severity, rule.on_resolved_in_pagerduty) == (Severity.CRITICAL, KeepEpisode())
        assert [step.page for step in rule.escalate] == [("payments",)]
        assert [schedule.name for schedule in (*rule.during, *rule.outside)] == ["lunch", "lunch"]
    assert (b.details, b.links, b.images, b.as_severity) == ((), (), (), Severity.ERROR)
    assert (b.on_resolved_in_pagerduty, b.escalate, b.during, b.outside) == (CloseEpisode(), (), (), ())
    assert (c.details, c.escalate, c.during) == ((), (), ())

    broken = (
        "defaults: {details: {x: '{{ f() }}'}, as_severity: sever, escalate: [{after: 5m, page: nobody}], during: gone}\n"
        "rules: [{id: a, match: {service: a}}, {id: b}]\n"
    )
    assert found_in(broken) == [
        ("bad-template", "1:25"), ("unknown-severity", "1:52"), ("unknown-team", "1:88"), ("unknown-schedule", "1:106"),
    ]  # fmt: skip


def test_one_mistake_does_not_hide_the_others() -> None:
    text = """\
rules:
  - id: Payment Errors
    match:
      service: []
      severity: horrible
      labels: {a: "/(/"}
      where: {c: {lt: foo}}
    notify: [slakc]
    page: paymnts
    summary: "{{ f() }}"
  - {id: b, page: nobody, resolve: nevr}
  - {id: b}
"""
    assert found_in(text) == [
        ("bad-id", "2:9"),
        ("empty-list", "4:16"),
        ("unknown-severity", "5:17"),
        ("bad-regex", "6:19"),
        ("wrong-type", "7:23"),
        ("unknown-channel", "8:14"),
        ("unknown-team", "9:11"),
        ("bad-template", "10:14"),
        ("unknown-team", "11:19"),
        ("not-a-choice", "11:36"),
        ("duplicate-id", "12:10"),
    ]


def test_a_link_or_image_of_a_bad_template_is_refused_with_its_place() -> None:
    text = """rules: [{id: a, links: [{href: x, text: "{{ f() }}"}], images: [{src: "{{ f() }}", href: "{% set a = 1 %}"}]}]"""
    assert found_in(text) == [("bad-template", "1:41"), ("bad-template", "1:71"), ("bad-template", "1:90")]


def test_files_are_tried_in_the_order_given_and_reported_one_after_another() -> None:
    ruleset, _ = compile_texts("rules: [{id: b, match: {service: x}}]", "rules: [{id: a, match: {service: y}}]")
    assert ruleset is not None
    assert [rule.id for rule in ruleset.rules] == ["b", "a"]
    assert found_in("rules: [{id: b, page: x}]", "rules: 5") == [("unknown-team", "a.yaml:1:23"), ("wrong-type", "b.yaml:1:8")]


def test_hints_name_what_was_probably_meant() -> None:
    hints = {
        "id: a, page: paymnts": 'did you mean "payments"?',
        "id: a, match: {severity: wanring}": 'did you mean "warning"?',
        "id: a, match: {source: promethues}": 'did you mean "prometheus"?',
        "id: a, when: {count: 3, within: 5}": "a duration needs a unit: 5s, 5m or 5h?",
        "id: Payment Errors": 'did you mean "payment-errors"?',
        'id: a, summary: "{{ servce }}"': 'did you mean "service"?',
        'id: a, summary: "{{ service.upper() }}"': "write x|upper",
    }
    for rule, hint in hints.items():
        _, (found,) = compile_texts(f"rules: [{{{rule}}}]")
        assert found.hint == hint


def test_the_router_itself_is_a_source_that_is_always_there() -> None:
    assert found_in("rules: [{id: a, match: {source: alert-router}}]") == []
    assert found_in("rules: [{id: a, match: {source: '!elsewhere'}}]") == []


def test_the_same_texts_make_the_same_version_whatever_the_files_are_called() -> None:
    first, _ = compile_texts("rules: [{id: a}]")
    again, _ = compile_texts("rules: [{id: a}]")
    other, _ = compile_texts("rules: [{id: b}]")
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.version == again.version != other.version
    assert len(first.version) == 12


def test_a_rule_set_is_made_again_from_its_texts() -> None:
    files = [("z.yaml", FULL), ("é.yaml", b"rules: [{id: rest, match: {severity: p2}}]")]
    texts = ruleset_texts(files, teams=TEAMS, default_team="platform", scale=SCALE, channels=CHANNELS)
    restored = ruleset_from_texts(texts)
    assert restored.channels == CHANNELS.policies
    assert [rule.id for rule in restored.rules] == ["payment-errors", "rest"]
    assert restored.teams == TEAMS
    assert restored.default_team == "platform"
    assert ruleset_from_texts(texts).version == restored.version
    direct, _ = compile_texts(FULL, "rules: [{id: rest, match: {severity: p2}}]")
    assert direct is not None
    assert direct.version == restored.version


def test_texts_that_are_none_or_no_longer_compile_say_so() -> None:
    with pytest.raises(ValueError, match="no bundle"):
        ruleset_from_texts(b"[]")
    texts = ruleset_texts([("a.yaml", "rules: [{id: a, page: gone}]")], teams=TEAMS, default_team="platform", scale=SCALE)
    with pytest.raises(ConfigError, match="no team 'gone'"):
        ruleset_from_texts(texts)


def test_without_teams_any_name_will_do() -> None:
    files = [("a.yaml", "rules: [{id: a, page: whoever}, {id: b, resolve: nevr}]")]
    count, diagnostics = check_files(files, Names(teams=None, scale=SCALE))
    assert count == 2
    assert [each.code for each in diagnostics] == ["not-a-choice"]


def test_without_a_configuration_a_severity_may_be_a_spelling_of_its() -> None:
    files = [("a.yaml", "rules: [{id: a, as_severity: sev1}]")]
    _, (found,) = check_files(files, Names(teams=None, scale=SCALE))
    assert (found.code, found.level) == ("unknown-severity", "warning")
