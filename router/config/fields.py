"""What the sections of a configuration are made of: kinds of text with a form of their own, and how a key is declared."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from router.model.quantity import (
    DURATION_FORM,
    RATE_FORM,
    SIZE_FORM,
    QuantityError,
    Rate,
    parse_duration,
    parse_rate,
    parse_size,
)
from router.yamldoc import Mistake

NAME_FORM = "a name of at most 64 lower-case letters, digits, dots, dashes and underscores"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
SeverityWord: TypeAlias = Literal["critical", "error", "warning", "info"]

SECOND_MS = 1_000
DAY_MS = 86_400_000


def _quantity(parse: Any, code: str) -> Any:
    """A validator that turns text into a quantity by ``parse``."""

    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            raise Mistake(code, f"found {_kind(value)}", hint="write one value: 5m, 64MiB or 100/1m, as the key wants it")
        try:
            return parse(value)
        except QuantityError as error:
            raise Mistake(code, f"found {value[:40]!r}; {error}", error.hint) from error

    return PlainValidator(convert)


def _kind(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "no text"


def between(shortest_ms: int, longest_ms: int, words: str) -> AfterValidator:
    """A validator of durations; ``words`` say the range in a message."""

    def check(value: int) -> int:
        if not shortest_ms <= value <= longest_ms:
            raise Mistake("duration-out-of-range", f"expected a duration of {words}", hint="choose one within that")
        return value

    return AfterValidator(check)


def _check_name(value: str) -> str:
    if not _NAME.match(value):
        raise Mistake("bad-name", f"found {value[:80]!r}; expected {NAME_FORM}", hint="for example: payments-eu")
    return value


Duration: TypeAlias = Annotated[
    int,
    _quantity(parse_duration, "bad-duration"),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(d|h|m|s|ms))+$", "examples": ["15s", "5m", "1h30m", "7d"]}),
    Field(json_schema_extra={"expected": DURATION_FORM, "expected_plural": "durations"}),
]
Size: TypeAlias = Annotated[
    int,
    _quantity(parse_size, "bad-size"),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+ ?([KMGT]i?B|kB|B)$", "examples": ["64MiB", "2GiB"]}),
    Field(json_schema_extra={"expected": SIZE_FORM, "expected_plural": "sizes"}),
]
CallRate: TypeAlias = Annotated[
    Rate | None,
    _quantity(parse_rate, "bad-rate"),
    WithJsonSchema({"type": "string", "examples": ["100/1m", "unlimited"]}),
    Field(json_schema_extra={"expected": RATE_FORM}),
]
Name: TypeAlias = Annotated[
    str,
    AfterValidator(_check_name),
    Field(json_schema_extra={"expected": NAME_FORM, "pattern": r"^[a-z0-9][a-z0-9._-]{0,63}$"}),
]
Reference: TypeAlias = Annotated[
    str,
    Field(
        json_schema_extra={
            "secret": True,
            "expected": "a reference to a secret: env:NAME, file:PATH or credential:NAME",
            "examples": ["env:PD_KEY", "file:/etc/alert-router/key", "credential:pd-key"],
        }
    ),
]
FilePath: TypeAlias = Annotated[str, Field(min_length=1)]
