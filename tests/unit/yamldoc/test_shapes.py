"""The schema decides the type: what every kind of annotation takes, refuses and calls itself."""

from __future__ import annotations

import enum
import typing
from collections import abc
from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, SecretStr, create_model, field_validator
from typing_extensions import TypeAliasType

from router.yamldoc import YamlModel, read, validate
from tests.unit.yamldoc.rulebook import Duration, findings, only, value


def model(annotation: Any, default: Any = ...) -> Any:
    return create_model("Made", __base__=YamlModel, x=(annotation, default))


def taken(annotation: Any, text: str) -> Any:
    return value(f"x: {text}", model(annotation)).x


def refused(annotation: Any, text: str) -> str:
    return only(f"x: {text}", model(annotation)).message


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


Word = typing.NewType("Word", str)
Named = TypeAliasType("Named", list[int])
Nested = TypeAliasType("Nested", "dict[str, Nested] | int")
T = typing.TypeVar("T")


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (str, "no", "no"), (str, "012", "012"), (str, "12:30:00", "12:30:00"), (str, "'null'", "null"), (str, "''", ""),
        (str, "3", "3"), (str, "|\n  a\n  b\n", "a\nb\n"), (Word, "no", "no"),
        (int, "3", 3), (int, "-3", -3), (int, "0x1F", 31), (int, "0", 0), (float, "3", 3.0), (float, ".5", 0.5),
        (list[int | None] | int, "[~, 3]", [None, 3]), (bool, "true", True), (bool, "FALSE", False),
        (int | str, "3", 3), (str | int, "3", 3), (int | str, "'3'", "3"), (int | str, "3x", "3x"), (int | float, "3", 3),
        (int | float, "3.5", 3.5), (bool | str, "true", True), (bool | str, "yes", "yes"), (str | None, "~", None),
        (str | None, "'~'", "~"), (int | list[int], "[1, 2]", [1, 2]), (list[str] | list[int], "[1]", [1]),
        (list[int] | dict[str, int], "{a: 1}", {"a": 1}), (str | list[str], "[]", []),
        (Literal["a", "b"], "a", "a"), (Literal["1", 2], "1", "1"), (Literal["1", 2], "2", 2),
        (Literal[True, "x"], "true", True),
        (Literal["no"], "no", "no"), (Literal["never"] | int, "5", 5), (Literal["never"] | int, "never", "never"),
        (Literal[Color.RED], "red", Color.RED), (Literal["x"] | None, "null", None), (None, "null", None),
        (Color, "red", Color.RED), (Color, "'blue'", Color.BLUE), (Level, "2", Level.HIGH),
        (list, "[1, a]", [1, "a"]), (list[Any], "[1, [a]]", [1, ["a"]]), pytest.param(set[str], "[a, 1]", {"a", "1"}, id="set"),
        (frozenset[int], "[1]", frozenset({1})),
        (tuple[int, ...], "[1, 2]", (1, 2)), (tuple[int, str], "[1, 2]", (1, "2")), (tuple, "[1]", (1,)),
        (abc.Sequence[int], "[1]", [1]), (abc.Mapping[str, int], "{a: 1}", {"a": 1}), (dict, "{a: 1}", {"a": 1}),
        (dict[int, str], "{1: a, 0x10: b}", None), (dict[Literal["a"], int], "{a: 1}", {"a": 1}),
        (dict[Color, int], "{red: 1}", {Color.RED: 1}),
        (Any, "3", 3), (Any, "no", "no"), (Any, "", None), (Any | None, "", None), (object, "[~, '1']", [None, "1"]),
        (JsonValue, "{a: [1, x]}", {"a": [1, "x"]}), (Named, "[1]", [1]), (Nested, "{a: {b: 3}}", {"a": {"b": 3}}), (T, "3", 3),
        (Duration, "5m", 300), (Duration | None, "~", None), (list[Duration], "[5m, 1s]", [300, 1]),
        (Annotated[int, BeforeValidator(lambda text: text)], "3", 3), (Annotated[Any, BeforeValidator(lambda v: v)], "~", None),
        (Annotated[Any, BeforeValidator(lambda v: v)], "[3]", [3]),
        (Annotated[list[int], BeforeValidator(lambda v: v)], "[3]", [3]),
        (Annotated[list[int], BeforeValidator(lambda v: list(v.values()))], "{a: 3}", [3]),
        (Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)], "a", ["a"]),
        (Annotated[Annotated[int, Field(ge=1)], Field(le=3)], "3", 3),
    ],
    ids=lambda part: repr(part)[:40],
)  # fmt: skip
def test_taken(annotation, text, expected):
    if annotation == dict[int, str]:
        with pytest.raises(AssertionError, match="key"):  # pydantic reads decimal keys only
            taken(annotation, text)
        return
    result = taken(annotation, text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        (str, "[a]", "found a list; expected text"),
        (str, "{a: b}", "found a mapping; expected text"),
        (str, "~", "found ~; expected text"),
        (str | None, "", "found nothing; expected text"),
        (int, "three", "found three; expected a whole number"),
        (int, "[3]", "found a list; expected a whole number"),
        (int, "3.5", "found 3.5; expected a whole number"),
        (int, "'three'", 'found the text "three"; expected a whole number'),
        (int, "00", "found 00, which is octal to some readers of YAML; expected a whole number"),
        (float, ".nan", "found .nan; expected a finite number"),
        (float, "-.inf", "found -.inf; expected a finite number"),
        (float, "1e999", "found 1e999; expected a finite number"),
        (float, "no", "found no; expected a number"),
        (bool, "yes", "found yes; expected true or false"),
        (bool, "1", "found 1; expected true or false"),
        (int | list[int], "x", "found x; expected a whole number or a list of whole numbers"),
        (int | list[int], "~", "found ~; expected a whole number or a list of whole numbers"),
        (int | bool, "'3'", 'found the text "3"; expected a whole number or true or false'),
        (Literal["a"], "b", "found b; expected a"),
        (Literal["a", 2, None, True], "b", "found b; expected one of a, 2, null, true"),  # noqa: PYI061
        (Literal["a", 2], "99999999999999999999", "found 99999999999999999999; expected one of a, 2"),
        (Literal["a"], "[a]", "found a list; expected a"),
        (Literal["a"], "", "found nothing; expected a"),
        (Color, "green", "found green; expected one of red, blue"),
        (Level, "'2'", 'found the text "2"; expected one of 1, 2'),
        (list[str], "a", "found a; expected a list of texts"),
        (list[bool], "true", "found true; expected a list of true or false values"),
        (list[list[int]], "{}", "found a mapping; expected a list of lists of whole numbers"),
        (list[int | str], "{}", "found a mapping; expected a list of whole numbers or texts"),
        (list[Literal["a", "b"]], "{}", "found a mapping; expected a list of entries, each one of a, b"),
        (list[Duration], "{}", "found a mapping; expected a list of entries, each a duration such as 5m"),
        (tuple[int, str], "[1]", "found a list of 1; expected a list of 2 entries: a whole number, text"),
        (tuple[int, str], "a", "found a; expected a list of 2 entries: a whole number, text"),
        (list[tuple[int, str]], "a", "found a; expected a list of lists of 2 entries"),
        (tuple[int, str], "[1, [2]]", "found a list; expected text"),
        (tuple[int, str] | int, "{}", "found a mapping; expected a list of 2 entries: a whole number, text or a whole number"),
        (tuple[Annotated[int, Field(ge=3)], str], "[1, a]", "found 1; expected a number of at least 3"),
        (dict[str, int], "a", "found a; expected a mapping"),
        (dict[str, int], "a:1", "found a:1; expected a mapping"),
        (dict[str, int], "{a: b}", "found b; expected a whole number"),
        (dict[int, int], "{a: 1}", "found the key a; expected a whole number"),
        (dict[int, int], "{007: 1}", "found the key 007, which is octal to some readers of YAML; expected a whole number"),
        (dict[Literal["a"], int], "{b: 1}", "found the key b; expected a"),
        (Literal[tuple("abcdefghijklmnop")], "x", "found x; expected one of a, b, c, d, e, f, g, h, i, j, k, l, …"),
        (SecretStr, "[a]", "found a list; expected text"),
        (Annotated[list[int], BeforeValidator(lambda v: v)], "[x]", "found x; expected a whole number"),
        (Annotated[int, BeforeValidator(lambda v: v)], "~", "found ~; expected a whole number"),
        (Any, "9223372036854775808", "found 9223372036854775808; expected a whole number that fits in 64 bits"),
    ],
    ids=lambda part: repr(part)[:40],
)  # fmt: skip
def test_refused(annotation, text, message):
    assert refused(annotation, text) == message


SCHEMA = "`alert-router schema` prints what may stand where"


@pytest.mark.parametrize(
    ("annotation", "text", "hint"),
    [
        (list[str], "a", "a list with one entry is written [a]"),
        (list[str], "'a'", 'a list with one entry is written ["a"]'),
        (list[int], "a", SCHEMA),
        (int | bool, "'3'", "remove the quotes: 3"),
        (int | bool, "x", SCHEMA),
        (int, "1,000", "write 1000"),
        (int, "0_1", SCHEMA),
        (dict[str, int], "a:1", "put a space after the colon"),
        (Any, "1e999", "quote it if it is meant as text"),
    ],
)
def test_hints(annotation, text, hint):
    assert only(f"x: {text}", model(annotation)).hint == hint


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"expected": "a team"}, "found a mapping; expected a list of teams"),
        ({"expected": "an on-call"}, "found a mapping; expected a list of on-calls"),
        ({"expected": "a name such as x"}, "found a mapping; expected a list of entries, each a name such as x"),
        ({"expected": "a child", "expected_plural": "children"}, "found a mapping; expected a list of children"),
        ({}, "found a mapping; expected a list of texts"),
    ],
)
def test_words_of_the_author(extra, message):
    assert refused(list[Annotated[str, Field(json_schema_extra=extra)]], "{}") == message


def test_words_of_the_author_on_a_model_and_on_one_field_of_its_type():
    class Team(YamlModel):
        model_config = ConfigDict(json_schema_extra={"expected": "a team"})
        name: str

    class Holder(YamlModel):
        one: Team | None = None
        other: Team | None = Field(default=None, json_schema_extra={"expected": "another team"})

    assert only("one: x", Holder).message == "found x; expected a team"
    assert only("other: x", Holder).message == "found x; expected another team"


@pytest.mark.parametrize(
    "annotation", [int, list[int], int | bool, dict[str, int], tuple[int, int], Literal["a"], int | None, Duration, list[str]]
)
def test_secrets_are_never_shown(annotation):
    made = create_model("Made", __base__=YamlModel, x=(annotation, Field(json_schema_extra={"secret": True})))
    for text in ("S3CRET", "'0345'", "'12'", "0777", "[S3CRET]", "{a: S3CRET}", "~"):
        for found in findings_of(made, text):
            assert "S3CRET" not in str(found)
            assert "345" not in str(found)
            assert "777" not in str(found)
            assert "12" not in f"{found.message}{found.hint}"


def findings_of(made: Any, text: str) -> list[Any]:
    return [found for found in validate(read(f"x: {text}", "f"), made)[1] if not found.code.startswith("bad-duration")]


def test_secret_types_of_pydantic():
    class Keys(YamlModel):
        key: SecretStr = Field(min_length=5)

    assert value("key: abcdef", Keys).key.get_secret_value() == "abcdef"
    assert only("key: abcd", Keys).message == "found a value (not shown); expected at least 5 characters"


def test_validators_in_the_class_see_text():
    seen: list[Any] = []

    class Seen(YamlModel):
        a: int = 0
        b: int = 0

        @field_validator("a", mode="before")
        @classmethod
        def look(cls, given: Any) -> Any:
            seen.append(given)
            return 1

        @field_validator("b", mode="after")
        @classmethod
        def look_later(cls, given: int) -> int:
            seen.append(given)
            return given

    class SeenAll(YamlModel):
        a: int = 0

        @field_validator("*", mode="wrap")
        @classmethod
        def look(cls, given: Any, handler: Any) -> Any:
            seen.append(given)
            return handler("1")

    assert value("a: no\nb: 3", Seen).a == 1
    assert value("a: '5'", SeenAll).a == 1
    assert seen == ["no", 3, "5"]
    assert findings("a:", Seen) == ["1:1 empty-value a"]
