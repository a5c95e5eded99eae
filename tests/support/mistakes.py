"""Which mistakes each key can earn, found by making them: every key of the schema is given wrong values in a file that is else right.

    python -m tests.support.mistakes      # writes router/cli/schema_mistakes.py anew

Besides, the bad rules of the unit tests are looked at, for what takes two keys to be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from router.cli.schema_tables import json_schema
from router.config.loading import examine
from router.errors import Diagnostic
from router.ingest.checking import check_webhook
from router.rules.compiling import compile_ruleset
from tests.support.rule_texts import SCALE, SOURCES, TEAMS

_WIDTH = 128
_NOW = 1_795_000_000_000
ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "router/cli/schema_mistakes.py"
Found = dict[str, set[str]]
Schema = dict[str, Any]
_WRONG: tuple[Any, ...] = (
    *(None, "", [], {}, ["", ""], ["x", "x"], {"a": "b"}, "x y!", "Bogus", "true", "true!", "default", "owner", "!", "!*", "*"),
    *("!x", ["x", "!x"], "/(/", "-1", "0", "1", "999999999", "1ms", "400d", "5x", "mon-xyz", "25:00-26:00", "09:00-09:00"),
    *("2026-13-01", "2026-02-02..2026-01-01", "40", "12..3", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00", "Mars/Olympus"),
    *("{{ bad", "{{ x() }}", "{{ nofield }}", "{% set a = 1 %}", "env:", "env:X", "file:", "literal-key", "http://example.com"),
    *("https://user:pw@example.com/x", "ftp://x", "a@b@c", "[broken", "labels.a", "x" * 2_000),
)  # fmt: skip
_COMMON = frozenset({"unknown-key", "missing-key", "unclear-variant", "wrong-type", "empty-value", "syntax", "duplicate-key"})
"""What any key can earn; said once on the page."""

_TOGETHER = (
    "rules: []\nsilences: [{id: s, match: {}, from: 2026-12-24T06:00:00Z, until: 2026-12-23T06:00:00Z, reason: x}]",
    "rules: []\nsilences: [{id: s, match: {}, until: 2020-12-24T06:00:00Z, reason: x}]",
    "rules: []\nmaintenance: [{id: s, from: 2026-12-24T06:00:00Z, until: 2026-12-23T06:00:00Z}]",
    "rules: []\nmaintenance: [{id: s, from: 2020-12-23T06:00:00Z, until: 2020-12-24T06:00:00Z}]",
    "rules: []\nschedules: {x: {zone: UTC, days: 1}}\nmaintenance: [{id: s, during: x, until: 2026-12-24T06:00:00Z}]",
    "rules: []\nmaintenance: [{id: s, during: x}, {id: s, during: x}]",
    "rules: [{id: a}, {id: a}]",
    "rules: [{id: a}, {id: b}]",
    "rules: [{id: a, drop: why, when: {count: 2, within: 1m}, resolve: never, limit: {incidents: 1, per: 1m}, escalate: []}]",
)
"""Files in which it takes two keys to be wrong."""


def sections_of(schema: Schema) -> dict[str, Schema]:
    """Every mapping with keys, the whole file under ``""``."""
    return {"": schema, **schema["$defs"]}


def locate(schema: Schema, path: list[str]) -> str | None:
    """The section and key that a path of a diagnostic ends in, as ``Section.key``."""
    sections = sections_of(schema)
    here: list[tuple[str, Schema]] = [("", schema)]
    found = None
    for part in path:
        following: list[tuple[str, Schema]] = []
        for name, each in here:
            prop = each.get("properties", {}).get(part)
            if prop is not None:
                found = f"{name}.{part}"
                following += _inner(prop, sections)
        here = following or here
    return found


def _inner(prop: Schema, sections: dict[str, Schema]) -> list[tuple[str, Schema]]:
    if "$ref" in prop:
        name = str(prop["$ref"]).rsplit("/", 1)[-1]
        return [(name, sections[name])]
    parts = [*prop.get("anyOf", ()), *prop.get("oneOf", ()), *([prop["items"]] if "items" in prop else ())]
    parts += [
        each
        for each in (prop.get("additionalProperties"), *prop.get("patternProperties", {}).values())
        if isinstance(each, dict)
    ]
    return [found for part in parts for found in _inner(part, sections)]


def _uses(schema: Schema) -> dict[str, tuple[str, str, Schema]]:
    """Where each section is used first: the section around it, the key, the key's schema."""
    sections, found = sections_of(schema), {}
    waiting = [""]
    while waiting:
        outer = waiting.pop(0)
        for key, prop in sections[outer].get("properties", {}).items():
            for name, _ in _inner(prop, sections):
                if name not in found:
                    found[name] = (outer, key, prop)
                    waiting.append(name)
    return found


def _holding(prop: Schema, value: Any) -> Any:
    """The value of a key of this schema that holds a section's value."""
    if "$ref" in prop or any("$ref" in each for each in (*prop.get("anyOf", ()), *prop.get("oneOf", ()))):
        return value
    return [value] if "items" in prop or any("items" in each for each in prop.get("anyOf", ())) else {"example": value}


def documents(schema: Schema, base: Schema) -> Iterator[tuple[str, Schema]]:
    """``Section.key`` and a file in which its value is wrong."""
    sections, uses = sections_of(schema), _uses(schema)
    for name, section in sections.items():
        if name and name not in uses:
            continue
        needed = {key: section["properties"][key]["examples"][0] for key in section.get("required", ())}
        for key in section.get("properties", {}):
            for wrong in _WRONG:
                value: Any = {**needed, key: wrong}
                inside = name
                while inside:
                    outer, outer_key, prop = uses[inside]
                    around = sections[outer]
                    value = {outer_key: _holding(prop, value)}
                    if outer:
                        own = {each: around["properties"][each]["examples"][0] for each in around.get("required", ())}
                        value = own | value
                    inside = outer
                yield f"{name}.{key}", base | value


def _keep(found: Found, schema: Schema, diagnostics: list[Diagnostic]) -> None:
    for each in diagnostics:
        parts = [part for part in each.path.replace("[", ".").replace("]", "").split(".") if part and not part.isdecimal()]
        place = locate(schema, parts)
        if place is not None and each.code not in _COMMON:
            found.setdefault(place, set()).add(each.code)


def _compile(text: str) -> list[Diagnostic]:
    return compile_ruleset([("a.yaml", text)], teams=TEAMS, default_team="platform", scale=SCALE, sources=SOURCES, now=_NOW)[1]


def of_rules() -> Found:
    """By key of a rule file."""
    from tests.unit.rules.test_compiling import BAD_RULES  # noqa: PLC0415 -- test modules are read here alone

    schema = json_schema("rules")
    found: Found = {}
    for _, document in documents(schema, {"rules": [{"id": "a"}]}):
        _keep(found, schema, _compile(json.dumps(document)))
    for text in (*(f"rules:\n  - {{{rule}}}\n" for rule, *_ in BAD_RULES.values()), *_TOGETHER):
        _keep(found, schema, _compile(text))
    return found


def of_config(*, every: int = 1) -> Found:
    """By key of a configuration; only each so-many-th file is tried."""
    base = {"default_team": "a", "teams": {"a": {"services": "x", "pagerduty": {"routing_key": "env:A"}}}}
    schema = json_schema("config")
    found: Found = {}
    for _, document in islice(documents(schema, base), 0, None, every):
        text = json.dumps(document).encode()
        examined = examine(text, "config.yaml", base=ROOT / "tests", read_secrets=False, check_webhook=check_webhook)
        _keep(found, schema, list(examined.diagnostics))
    return found


def written(found: dict[str, Found]) -> str:
    """The module that holds the table."""
    lines = [
        '"""Which mistakes each key can earn, for the reference pages. Written by ``python -m tests.support.mistakes``."""',
        "",
        "from __future__ import annotations",
        "",
        "MISTAKES: dict[str, dict[str, str]] = {",
    ]
    for which, keys in found.items():
        lines.append(f'    "{which}": {{')
        for key, codes in sorted(keys.items()):
            line = f'        "{key}": "{" ".join(sorted(codes))}",'
            if len(line) <= _WIDTH:
                lines.append(line)
            else:
                *most, last = sorted(codes)
                lines += [f'        "{key}": (', f'            "{" ".join(most)} "', f'            "{last}"', "        ),"]
        lines.append("    },")
    lines += ["}", '"""By page and ``Section.key``: codes with blanks between."""', ""]
    return "\n".join(lines)


if __name__ == "__main__":
    TABLE.write_text(written({"config": of_config(), "rules": of_rules()}))
