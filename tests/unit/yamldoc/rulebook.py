"""Models like those of rule files, and ways to write expectations on one line."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from router.errors import Diagnostic
from router.yamldoc import CODES, Document, Mistake, YamlModel, read, validate

Glob = Annotated[str, Field(json_schema_extra={"expected": "a glob"})]
Word = Literal["critical", "error", "warning", "info"]


def seconds(text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"\d+[sm]", text):
        raise Mistake("bad-duration", f"found {text}; expected a duration", 'write "5m"')
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


Duration = Annotated[int, BeforeValidator(seconds), Field(json_schema_extra={"expected": "a duration such as 5m"})]


class Match(YamlModel):
    service: Glob | list[Glob] | None = None
    severity: Word | list[Word] | None = None
    labels: dict[str, Glob | list[Glob]] = Field(default_factory=dict)


class Count(YamlModel):
    count: int = Field(ge=1)
    within: Duration
    distinct: str | None = None


class FiringFor(YamlModel):
    firing_for: Duration


class Rule(YamlModel):
    id: str = Field(min_length=1, description="a name that stays")
    match: Match = Match()
    when: Count | FiringFor | None = None
    page: str | list[str] = "owner"
    resolve: Literal["never"] | dict[str, Duration] | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    drop: bool | str = False
    continue_: bool = Field(default=False, alias="continue")


class RuleFile(YamlModel):
    rules: list[Rule] = Field(default_factory=list)
    scores: dict[float, Word] = Field(default_factory=dict)


def check(document: Document, diagnostics: list[Diagnostic]) -> None:
    """What holds for every diagnostic this room makes."""
    lines = re.split(r"\r\n|\n|\r", document.text)
    for found in diagnostics:
        assert found.code in CODES or found.code.startswith("bad-duration"), found.code
        assert found.message
        assert found.hint
        span = found.span
        assert (1, 1) <= (span.line, span.column) <= (span.end_line, span.end_column)
        for line, column in ((span.line, span.column), (span.end_line, span.end_column)):
            assert line <= len(lines)
            assert column <= len(lines[line - 1]) + 1 + (1 if line < len(lines) else 0)


def brief(found: Diagnostic) -> str:
    path = f" {found.path}" if found.path else ""
    return f"{found.span.line}:{found.span.column} {found.code}{path}"


def reading(text: str | bytes) -> list[str]:
    document = read(text, "rules.yaml")
    check(document, document.diagnostics)
    return [brief(found) for found in document.diagnostics]


def mistakes(text: str, model: Any = RuleFile) -> list[Diagnostic]:
    document = read(text, "rules.yaml")
    value, diagnostics = validate(document, model)
    check(document, diagnostics)
    assert (value is None) == any(found.level == "error" for found in diagnostics)
    return diagnostics


def findings(text: str, model: Any = RuleFile) -> list[str]:
    return [brief(found) for found in mistakes(text, model)]


def only(text: str, model: Any = RuleFile) -> Diagnostic:
    (found,) = mistakes(text, model)
    return found


def value(text: str, model: Any) -> Any:
    result, diagnostics = validate(read(text, "rules.yaml"), model)
    assert result is not None, [str(found) for found in diagnostics]
    return result
