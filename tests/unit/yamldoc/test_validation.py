"""Every mistake of a document at once: code, line and column, path, words and hints."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from router.yamldoc import Limits, Mistake, YamlModel, read, validate
from tests.support.steps import steps_of
from tests.unit.yamldoc.rulebook import Count, Duration, FiringFor, RuleFile, brief, findings, mistakes, only, value

BAD = [
    # the document
    ("a", ["1:1 wrong-type"]),
    ("[]", ["1:1 wrong-type"]),
    ("null", ["1:1 empty-value"]),
    ("rules", ["1:1 wrong-type"]),
    ("rules:x\n", ["1:1 wrong-type"]),
    ("rules:\n", ["1:1 empty-value rules"]),
    ("rules: {}\n", ["1:8 wrong-type rules"]),
    ("rules: [", ["1:9 unclosed-bracket rules[0]"]),
    ("rulez: []\n", ["1:1 unknown-key rulez"]),
    # one rule
    ("rules: [x]", ["1:9 wrong-type rules[0]"]),
    ("rules: [{}]", ["1:9 missing-key rules[0].id"]),
    ("rules: [~]", ["1:9 empty-value rules[0]"]),
    ("rules:\n-\n", ["2:2 empty-value rules[0]"]),
    ("rules:\n- id: ''\n", ["2:7 invalid-value rules[0].id"]),
    ("rules:\n- id:\n", ["2:3 empty-value rules[0].id"]),
    ("rules:\n- id: null\n", ["2:3 empty-value rules[0].id"]),
    ("rules:\n- id: [a]\n", ["2:7 wrong-type rules[0].id"]),
    ("rules:\n- id: a\n  servce: x\n", ["3:3 unknown-key rules[0].servce"]),
    ("rules:\n- id: a\n  id: b\n", ["3:3 duplicate-key rules[0].id"]),
    ("rules:\n- id: a\n  continue: yes\n", ["3:13 wrong-type rules[0].continue"]),
    ("rules:\n- id: a\n  continue: 'true'\n", ["3:13 wrong-type rules[0].continue"]),
    ("rules:\n- id: a\n  continue: [true]\n", ["3:13 wrong-type rules[0].continue"]),
    ("rules:\n- id: a\n  drop: #noise\n", ["3:3 empty-value rules[0].drop"]),
    ("rules:\n- id: a\n  drop: [a]\n", ["3:9 wrong-type rules[0].drop"]),
    ("rules:\n- id: a\n  page: {a: b}\n", ["3:9 wrong-type rules[0].page"]),
    ("rules:\n- id: a\n  page: [a, [b], {c: d}]\n", ["3:13 wrong-type rules[0].page[1]", "3:18 wrong-type rules[0].page[2]"]),
    ("rules:\n- id: a\n  resolve: nevr\n", ["3:12 not-a-choice rules[0].resolve"]),
    ("rules:\n- id: a\n  resolve: {after: 3}\n", ["3:20 bad-duration rules[0].resolve.after"]),
    ("rules:\n- id: a\n  details: {a: 012}\n", ["3:16 ambiguous-number rules[0].details.a"]),
    ("rules:\n- id: a\n  details: {a: [.nan, 1e999]}\n", ["3:17 number-out-of-range rules[0].details.a[0]",
                                                          "3:23 number-out-of-range rules[0].details.a[1]"]),
    # match
    ("rules:\n- id: a\n  match: x\n", ["3:10 wrong-type rules[0].match"]),
    ("rules:\n- id: a\n  match: {service: {a: b}}\n", ["3:20 wrong-type rules[0].match.service"]),
    ("rules:\n- id: a\n  match: {service: }\n", ["3:11 empty-value rules[0].match.service"]),
    ("rules:\n- id: a\n  match: {service: *-db}\n", ["3:20 unquoted-glob rules[0].match.service"]),
    ("rules:\n- id: a\n  match: {severity: critcal}\n", ["3:21 not-a-choice rules[0].match.severity"]),
    ("rules:\n- id: a\n  match: {severity: [critical, x]}\n", ["3:32 not-a-choice rules[0].match.severity[1]"]),
    ("rules:\n- id: a\n  match: {labels: {a: {b: c}}}\n", ["3:23 wrong-type rules[0].match.labels.a"]),
    ("rules:\n- id: a\n  match: {when: x}\n", ["3:11 unknown-key rules[0].match.when"]),
    # when
    ("rules:\n- id: a\n  when: 5m\n", ["3:9 wrong-type rules[0].when"]),
    ("rules:\n- id: a\n  when: {}\n", ["3:9 unclear-variant rules[0].when"]),
    ("rules:\n- id: a\n  when: {cuont: 3}\n", ["3:9 unclear-variant rules[0].when"]),
    ("rules:\n- id: a\n  when: {count: 3}\n", ["3:9 missing-key rules[0].when.within"]),
    ("rules:\n- id: a\n  when: {count: 0, within: 5}\n", ["3:17 invalid-value rules[0].when.count",
                                                          "3:28 bad-duration rules[0].when.within"]),
    ("rules:\n- id: a\n  when: {count: '3', within: 5m}\n", ["3:17 wrong-type rules[0].when.count"]),
    ("rules:\n- id: a\n  when: {count: 03, within: 5m}\n", ["3:17 ambiguous-number rules[0].when.count"]),
    ("rules:\n- id: a\n  when: {count: 3.0, within: 5m}\n", ["3:17 wrong-type rules[0].when.count"]),
    ("rules:\n- id: a\n  when: {count: 99999999999999999999, within: 5m}\n", ["3:17 number-out-of-range rules[0].when.count"]),
    ("rules:\n- id: a\n  when: {count: 3, within: 5m, firing_for: 3m}\n", ["3:32 unknown-key rules[0].when.firing_for"]),
    ("rules:\n- id: a\n  when: {firing_for: [5m]}\n", ["3:22 bad-duration rules[0].when.firing_for"]),
    # scores
    ("scores: {abc: error}", ["1:10 wrong-type scores.abc"]),
    ("scores: {.inf: error}", ['1:10 number-out-of-range scores[".inf"]']),
    ("scores: {0.4: error, .4: info}", ['1:22 duplicate-key scores[".4"]']),
    ("scores: {0.4: 5}", ['1:15 not-a-choice scores["0.4"]']),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD, ids=lambda text: repr(text)[:50])
def test_place_and_code(text, expected):
    assert findings(text) == expected


def test_there_are_many_bad_texts():
    assert len(BAD) >= 40


def test_all_mistakes_come_at_once_in_the_order_of_the_file():
    text = """\
rules:
  - match: {service: *-db, servce: 3}
    when: {count: zero, within: soon, count: 1}
    page: []
  - id: b
    continue: on
rulez: 1
scores: {x: y}
"""
    assert findings(text) == [
        "2:5 missing-key rules[0].id",
        "2:22 unquoted-glob rules[0].match.service",
        "2:28 unknown-key rules[0].match.servce",
        "3:19 wrong-type rules[0].when.count",
        "3:33 bad-duration rules[0].when.within",
        "3:39 duplicate-key rules[0].when.count",
        "6:15 wrong-type rules[1].continue",
        "7:1 unknown-key rulez",
        "8:10 wrong-type scores.x",
        "8:13 not-a-choice scores.x",
    ]


SCHEMA = "`alert-router schema` prints what may stand where"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("rules:x", "found rules:x; expected a mapping", "put a space after the colon"),
        ("rules: [{}]", 'the key "id" is missing; expected text', "a name that stays"),
        ("rules: [{id: }]", "found nothing; expected text", "give it a value, or remove it"),
        ("rules: [{id: null}]", "found null; expected text", 'quote it if the word is meant: "null"'),
        ("rules: [{id: ''}]", 'found the text ""; expected at least 1 character', "id: a name that stays"),
        (
            "rules:\n- id: a\n  drop: #noise\n",
            "found nothing; expected true or false or text",
            "the rest of the line is a comment; quote values that begin with #",
        ),
        ("rules: [{id: a, continue: yes}]", "found yes; expected true or false", "write true or false"),
        (
            "rules: [{id: a, continue: 'true'}]",
            'found the text "true"; expected true or false',
            "write true or false, without quotes",
        ),
        ("rules: [{id: a, match: {service: {}}}]", "found a mapping; expected a glob or a list of globs", SCHEMA),
        (
            "rules: [{id: a, match: {severity: critcal}}]",
            "found critcal; expected one of critical, error, warning, info or a list of these",
            'did you mean "critical"?',
        ),
        ("rules: [{id: a, resolve: nevr}]", "found nevr; expected never or a mapping", 'did you mean "never"?'),
        (
            "rules: [{id: a, when: {cuont: 3}}]",
            "found a mapping with none of the keys that are known here; expected {count, within} or {firing_for}",
            'did you mean "count"?',
        ),
        (
            "rules: [{id: a, when: {count: '3', within: 5m}}]",
            'found the text "3"; expected a whole number',
            "remove the quotes: 3",
        ),
        ("rules: [{id: a, when: {count: 1_000, within: 5m}}]", "found 1_000; expected a whole number", "write 1000"),
        (
            "rules: [{id: a, when: {count: 010, within: 5m}}]",
            "found 010, which is octal to some readers of YAML; expected a whole number",
            "write 10",
        ),
        ("rules: [{id: a, when: {count: 0, within: 5m}}]", "found 0; expected a number of at least 1", SCHEMA),
        ("rules: [{id: a, when: {count: 1, within: 5}}]", "found 5; expected a duration", 'write "5m"'),
        ("rules: x", "found x; expected a list of mappings", SCHEMA),
        ("scores: {0.4: erro}", "found erro; expected one of critical, error, warning, info", 'did you mean "error"?'),
        ("scores: {x: error}", "found the key x; expected a number", SCHEMA),
        ("scores: {0.4: error, .4: info}", 'found the key ".4", which is the same as "0.4"', "keep one of the two"),
        (
            "rules: [{id: a, servce: b}]",
            'found the key "servce", which is not known here',
            'did you mean "service", under "match"?',
        ),
    ],
)
def test_words(text, message, hint):
    found = only(text)
    assert (found.message, found.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("rulez: []", 'did you mean "rules"?'),
        ("rules: [{id: a, service: b}]", 'this key belongs one level down, under "match"'),
        ("rules: [{id: a, firing_for: 5m}]", 'this key belongs one level down, under "when"'),
        ("rules: [{id: a, match: {page: b}}]", 'this key belongs one level up, beside "match"'),
        ("rules: [{id: a, match: {scores: b}}]", 'this key belongs 2 levels up, beside "rules"'),
        ("rules: [{id: a, match: {within: b}}]", 'this key belongs elsewhere, under "when"'),
        ("rules: [{id: a, when: {count: 1, within: 5m, firing_for: 5m}}]",
         "it belongs to another form, {firing_for}; a mapping has one form"),
        ("rules: [{id: a, when: {count: 1, within: 5m, page: b}}]", 'this key belongs one level up, beside "when"'),
        ("rules: [{id: a, zzz: b}]", "known keys: id, match, when, page, resolve, details, drop, continue"),
        ("rules: [{id: a, match: {xyz: b}}]", "known keys: service, severity, labels"),
    ],
)  # fmt: skip
def test_where_an_unknown_key_belongs(text, hint):
    assert only(text).hint == hint


def test_good_files():
    text = """\
rules:
  - id: no
    match: {service: db-1, severity: [critical, "error"], labels: {env: [prod, "*"]}}
    when: {count: 3, within: 5m, distinct: ~}
    page: [012, 12:30:00]
    resolve: {after: 15m}
    details: {a: 3, b: "3", c: yes, d: , e: [true, 1.5, ~], f: {g: 0x10}}
    continue: True
  - {id: b, when: {firing_for: 30s}, drop: true, resolve: never, match: {service: null}}
  - {id: "null", drop: development}
scores: {0.4: warning, 1: critical}
"""
    read_file = value(text, RuleFile)
    first, second, third = read_file.rules
    assert first.id == "no"
    assert type(first.id) is str
    assert first.match.severity == ["critical", "error"]
    assert first.when == Count(count=3, within="5m")
    assert first.page == ["012", "12:30:00"]
    assert first.resolve == {"after": 900}
    assert first.details == {"a": 3, "b": "3", "c": "yes", "d": None, "e": [True, 1.5, None], "f": {"g": 16}}
    assert first.continue_ is True
    assert second.when == FiringFor(firing_for="30s")
    assert (second.drop, second.resolve, second.match.service) == (True, "never", None)
    assert (third.id, third.drop) == ("null", "development")
    assert read_file.scores == {0.4: "warning", 1.0: "critical"}


def test_an_empty_document_is_an_empty_mapping():
    assert value("# nothing yet\n", RuleFile) == RuleFile()
    assert findings("", Count) == ["1:1 missing-key count", "1:1 missing-key within"]


def test_warnings_do_not_withhold_the_value():
    text = "rules: [{id: a, details: {zip: 01234}}]"
    found = only(text)
    assert found.level == "warning"
    assert found.hint == 'quote it if it is meant as text: "01234"'
    assert value(text, RuleFile).rules[0].details == {"zip": 1234}


def test_a_broken_place_is_not_reported_twice():
    assert findings("rules: [{id: a, when: {count: !x 3, within: *b }}]") == [
        "1:31 tag rules[0].when.count",
        "1:45 unquoted-glob rules[0].when.within",
    ]
    assert findings("rules: *all\n") == ["1:8 unquoted-glob rules"]
    assert findings("rules: &all []\n") == ["1:8 anchor rules"]


def test_an_unreadable_document_says_only_why():
    value_, diagnostics = validate(read("rules: [", "f"), RuleFile)
    assert value_ is None
    assert [found.code for found in diagnostics] == ["unclosed-bracket"]


def test_the_list_is_cut_with_a_count_of_everything():
    text = "rules: [" + "*a, " * 5 + "{idd: 3}, " * 5 + "]"
    document = read(text, "f", limits=Limits(diagnostics=3))
    _, diagnostics = validate(document, RuleFile)
    assert [found.code for found in diagnostics] == ["unquoted-glob"] * 3 + ["more-mistakes"]
    assert diagnostics[-1].message == "found 12 more mistakes that are not listed"


def test_hints_are_worked_out_only_for_what_is_shown():
    document = read("{" + ", ".join(f"rule{n}: 1" for n in range(9)) + "}", "f", limits=Limits(diagnostics=3))
    _, diagnostics = validate(document, RuleFile)
    assert all(found.hint for found in diagnostics)
    assert diagnostics[-1].hint == "correct those above, and check again"


# validators of models


class Window(YamlModel):
    start: int
    end: int
    name: Annotated[str, AfterValidator(lambda name: name.strip())] = ""

    @model_validator(mode="after")
    def check(self) -> Window:
        if self.end < self.start:
            raise Mistake("invalid-value", f"found end {self.end} before start {self.start}", "swap them", at=("end",))
        if self.end == self.start:
            raise ValueError("found an empty window")
        return self


class Windows(YamlModel):
    windows: list[Window]


def test_a_validator_may_name_code_hint_and_place():
    found = only("windows:\n- {start: 5, end: 3}\n", Windows)
    assert brief(found) == "2:19 invalid-value windows[0].end"
    assert found.hint == "swap them"


def test_a_validator_may_raise_value_error():
    found = only("windows:\n- {start: 5, end: 5}\n", Windows)
    assert brief(found) == "2:3 invalid-value windows[0]"
    assert found.message == "found an empty window"


def test_a_validator_that_is_broken_is_not_hidden():
    def broken(text: str) -> str:
        raise TypeError(text)

    class Broken(YamlModel):
        a: Annotated[str, AfterValidator(broken)]

    with pytest.raises(TypeError):
        validate(read("a: b", "f"), Broken)


class Ruled(YamlModel):
    gt: int = Field(default=1, gt=0)
    lt: float = Field(default=1, lt=10)
    le: float = Field(default=1, le=10)
    five: int = Field(default=5, multiple_of=5)
    long: str = Field(default="", max_length=3)
    few: list[str] = Field(default_factory=list, max_length=1)
    many: dict[str, str] = Field(default_factory=lambda: {"a": "b"}, min_length=1)
    pattern: str = Field(default="a", pattern="^[a-z]+$")
    name: str = Field(default="a", pattern="^[a-z]+$", json_schema_extra={"expected": "a name of letters a to z"})
    key: dict[Annotated[str, Field(max_length=2)], str] = Field(default_factory=dict)
    token: str = Field(default="a", max_length=3, json_schema_extra={"secret": True})
    either: Annotated[str | list[str], Field(min_length=2)] = "ab"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gt: 0", "found 0; expected a number greater than 0"),
        ("lt: 10", "found 10; expected a number less than 10.0"),
        ("le: 10.5", "found 10.5; expected a number of at most 10.0"),
        ("five: 6", "found 6; expected a multiple of 5"),
        ("long: abcd", "found abcd; expected at most 3 characters"),
        ("few: [a, b]", "found a list with 2 entries; expected at most 1 entry"),
        ("many: {}", "found a mapping with 0 entries; expected at least 1 entry"),
        ("pattern: A", "found A; expected text that matches ^[a-z]+$"),
        ("name: A", "found A; expected a name of letters a to z"),
        ("key: {abc: d}", 'found the key "abc"; expected at most 2 characters'),
        ("token: abcd", "found a value (not shown); expected at most 3 characters"),
        ("token: [a]", "found a list; expected text"),
        ("either: a", "found a; expected at least 2 characters"),
        ("either: [a]", "found a list with 1 entry; expected at least 2 entries"),
    ],
)
def test_rules_of_pydantic_in_our_words(text, message):
    assert only(text, Ruled).message == message


def test_place_of_a_key():
    assert findings("key: {a: b, abc: d}", Ruled) == ["1:13 invalid-value key.abc"]


# unions: only the branch that was meant is reported on


class Post(YamlModel):
    kind: Literal["post", "put"]
    url: str
    retries: int = Field(default=0, le=5)


class Mail(YamlModel):
    kind: Literal["mail"]
    to: list[str]


class Channels(YamlModel):
    channels: list[Post | Mail]
    tagged: Annotated[Post | Mail, Field(discriminator="kind")] | None = None
    nested: str | list[Post | Mail] | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("channels: [{kind: post, url: [x], retries: 9}]", ["1:30 wrong-type channels[0].url",
                                                             "1:44 invalid-value channels[0].retries"]),
        ("channels: [{kind: mail}]", ["1:12 missing-key channels[0].to"]),
        ("channels: [{kind: mail, url: x, to: []}]", ["1:25 unknown-key channels[0].url"]),
        ("channels: [{kind: mial, to: 3}]", ["1:19 not-a-choice channels[0].kind"]),
        ("channels: [{kind: [mail], to: 3}]", ["1:19 wrong-type channels[0].kind"]),
        ("channels: [{to: [x]}]", ["1:12 missing-key channels[0].kind"]),
        ("channels: [x]", ["1:12 wrong-type channels[0]"]),
        ("channels: []\ntagged: {kind: post}", ["2:9 missing-key tagged.url"]),
        ("channels: []\ntagged: {kind: post, url: x, retries: 9}", ["2:39 invalid-value tagged.retries"]),
        ("channels: []\ntagged: {kind: pots}", ["2:16 not-a-choice tagged.kind"]),
        ("channels: []\ntagged: {}", ["2:9 missing-key tagged.kind"]),
        ("channels: []\nnested: [{kind: put, url: u, retries: 6}]", ["2:39 invalid-value nested[0].retries"]),
        ("channels: []\nnested: {kind: put}", ["2:9 wrong-type nested"]),
    ],
)  # fmt: skip
def test_models_told_apart_by_a_key(text, expected):
    assert findings(text, Channels) == expected


def test_choices_of_all_forms_are_named():
    found = only("channels: [{kind: mial}]", Channels)
    assert found.message == "found mial; expected one of post, put, mail"
    assert found.hint == 'did you mean "mail"?'
    assert only("channels: [{}]", Channels).message == 'the key "kind" is missing; expected one of post, put, mail'


def test_a_union_pydantic_refuses_although_the_branch_is_fine():
    def refuse(_: Any) -> Any:
        raise ValueError("found something; expected nothing")

    class Odd(YamlModel):
        a: Annotated[int | str, AfterValidator(refuse)]

    assert only("a: b", Odd).message == "found something; expected nothing"


def test_a_tag_pydantic_wants_although_the_branch_has_a_default():
    class Get(YamlModel):
        kind: Literal["get"] = "get"
        url: str

    class Holder(YamlModel):
        x: Annotated[Get | Mail, Field(discriminator="kind")]

    found = only("x: {url: u}", Holder)
    assert brief(found) == "1:4 invalid-value x"
    assert found.message == "found a mapping: Unable to extract tag using discriminator 'kind'"


def test_words_of_pydantic_for_types_only_it_knows():
    class Dated(BaseModel):
        day: dt.date
        key: dict[dt.date, int] = Field(default_factory=dict)
        url: dict[Literal["a"], Any] = Field(default_factory=dict)

    assert value("day: 2026-01-31\nkey: {2026-02-01: 3}", Dated).day == dt.date(2026, 1, 31)
    assert only("day: tomorrow", Dated).message.startswith("found tomorrow; expected a valid date")
    assert brief(only("day: 2026-01-31\nkey: {x: 3}", Dated)) == "2:7 invalid-value key.x"
    assert findings("day: [1, 012]", Dated) == ["1:6 invalid-value day"]
    assert findings("day:", Dated) == ["1:1 empty-value day"]


def test_other_words_of_pydantic():
    def refuse(text: str) -> str:
        raise PydanticCustomError("no_good", "found {x}; expected better" if text == "a" else "not good", {"x": text})

    class Custom(YamlModel):
        a: Annotated[str, AfterValidator(refuse)]

    assert only("a: a", Custom).message == "found a; expected better"
    assert only("a: b", Custom).message == "found b: not good"


def test_models_that_forbid_nothing_still_refuse_unknown_keys():
    class Plain(BaseModel):
        a: int = 0

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        a: int = 0

    assert only("b: 3", Plain).hint == "known keys: a"
    assert value("b: 3\nc: yes", Open).model_extra == {"b": 3, "c": "yes"}


def test_a_model_without_keys_and_one_with_many():
    class Empty(YamlModel):
        pass

    many = type(
        "Many", (YamlModel,), {"__annotations__": {f"key{n}x": int for n in range(30)}, **{f"key{n}x": 0 for n in range(30)}}
    )
    assert only("b: 3", Empty).hint == "no keys are known here"
    assert only("b: 3", many).hint.endswith("key19x, …")


def test_a_mapping_that_a_validator_makes_is_checked_by_pydantic():
    class Short(YamlModel):
        count: int = Field(ge=1)
        within: Duration = 60

        @model_validator(mode="before")
        @classmethod
        def shorthand(cls, data: Any) -> Any:
            return {"count": data} if isinstance(data, str) else data

    class Holder(YamlModel):
        short: Short
        maybe: Short | FiringFor | None = None

    assert value("short: 3", Holder).short.count == 3
    assert value("short: {count: 3}", Holder).short.count == 3
    assert findings("short: x", Holder) == ["1:8 invalid-value short"]
    assert findings("short: {count: 3, wthin: 5}", Holder) == ["1:19 unknown-key short.wthin"]
    assert findings("short: 3\nmaybe: {count: 0, firing: 3}", Holder) == [
        "2:16 invalid-value maybe.count",
        "2:19 unknown-key maybe.firing",
    ]
    assert findings("short: {wthin: 5}", Holder) == ["1:8 missing-key short.count", "1:9 unknown-key short.wthin"]


def test_root_models():
    class Names(RootModel[list[str]]):
        pass

    class Tree(RootModel[dict[str, "Tree | int"]]):
        pass

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    assert value("[a, 1]", Names).root == ["a", "1"]
    assert findings("[a, [b]]", Names) == ["1:5 wrong-type [1]"]
    assert findings("[a, {b: c}]\n", RootModel[list[str]]) == ["1:5 wrong-type [1]"]
    assert value("{a: {b: 3}}", Tree).root["a"].root == {"b": 3}


def test_two_thousand_rules_are_fast():
    text = "rules:\n" + "".join(
        f"""\
  - id: rule-{n}
    match:
      service: [db-{n}, "web-*"]
      severity: critical
      labels: {{env: prod, zone: eu-{n}}}
    when:
      count: 3
      within: 5m
    page: team-{n % 50}
    details: {{runbook: "https://wiki/{n}"}}
"""
        for n in range(2_000)
    )
    assert len(value(text, RuleFile).rules) == 2_000
    assert steps_of(lambda: value(text, RuleFile)) < 20 * len(text)


def test_a_file_with_nothing_but_mistakes_ends_soon():
    text = "rules:\n" + "- {idd: 3, servce: x, pge: 3}\n" * 5_000
    found = []
    assert steps_of(lambda: found.extend(validate(read(text, "f"), RuleFile)[1])) < 100 * len(text)
    assert len(found) == 1_001


def test_mistakes_helper_sees_levels():
    assert [found.level for found in mistakes("rules: [{id: a, details: {b: 01}}]")] == ["warning"]
