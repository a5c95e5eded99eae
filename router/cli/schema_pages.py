"""The reference pages of configuration and rules, written from the same models that validate them.

``alert-router schema --markdown config`` prints docs/reference/config.md; a test holds the file to it.
"""

from __future__ import annotations

import json
from typing import Any

from router.cli.schema_mistakes import MISTAKES
from router.cli.schema_tables import json_schema
from router.importing.writing import block
from router.rules.fields import FIELDS
from router.rules.filters import FILTERS, OUTPUT_CAP
from router.rules.template import TEXT_CAP

_CONFIG_INTRO = """\
# Configuration

<!-- Written by `alert-router schema --markdown config`. -->

One YAML file, `config.yaml` unless `--config FILE` or `ALERT_ROUTER_CONFIG` says otherwise; `config.example.yaml` is one to
copy. `alert-router check` finds every mistake in it, with line, column and a hint. Any key can earn `unknown-key`,
`missing-key`, `wrong-type` and `empty-value`; what a key can earn besides is told with it. A reload (SIGHUP,
`POST /-/reload`, or a change of the file) reads it again; a file with a mistake changes nothing.

**Durations** have units: `300ms`, `15s`, `5m`, `1h30m`, `7d`. **Sizes** too: `512KiB`, `64MiB`, `2GiB` (by 1024), `kB`, `MB`,
`GB` (by 1000). A **rate** is `100/1m`, a hundred in any minute, or `unlimited`. **Paths** start from the directory of the file.

**Secrets** are references:

| written | is |
|---|---|
| `env:NAME` | the environment variable NAME |
| `file:PATH` | the content of a file; others than its owner should not be able to read it |
| `credential:NAME` | a systemd credential, `LoadCredential=NAME:PATH` in the unit |

A key itself works where a reference is expected, with a warning. Line breaks at the end are left out. Secrets are read when
the configuration is loaded and again at each reload. What is stored and shown is always the reference.
"""

_CONFIG_OUTRO = """\
## Who owns a service

`services` of a team are names and globs (`*` any run of characters, `?` one, `[abc]` one of these). When several match:

1. an exact name beats every glob;
2. then the glob that spells out more characters: `payment-api-*` beats `payment-*`, which beats `*`;
3. then the one with the longer beginning before its first wildcard;
4. then the one with more `[...]`, then with more `?`, then with fewer `*`;
5. then the team that is named first.

Two teams cannot own the same pattern. What nobody owns is the default team's.
"""

_RULES_INTRO = """\
# Rules

<!-- Written by `alert-router schema --markdown rules`. -->

Rule files are the `*.yaml` in the directories that the configuration names, in sorted order (`*.test.yaml` are tests). Rules
are tried from top to bottom; the first that matches ends it, unless it says `continue: true`. What no rule matched pages the
default team. `alert-router check` finds every mistake, with line, column and a hint; the
[cookbook](../howto/cookbook.md) has examples. Any key can earn `unknown-key`, `missing-key`, `wrong-type` and `empty-value`;
the mistakes a key can earn besides are told with it.

An editor with a YAML language server completes and explains the keys when a rule file begins with this line, and
`alert-router schema rules > .rules.schema.json` was run beside it:

```yaml
# yaml-language-server: $schema=.rules.schema.json
```
"""

_RULES_PATTERNS = """\
## Patterns

| written | matches |
|---|---|
| `payment-api` | exactly that; case counts |
| `payment-*` | `*` is any run of characters, also `/` and `.` |
| `db-?`, `db-[12]`, `db-[!3]` | `?` is one character, `[12]` one of these, `[!3]` one that is none of these |
| `/^v[12]$/` | a regular expression (RE2: no look-around, no back-references), found anywhere unless anchored |
| `!dev-*` | all that the pattern behind `!` does not match |

A list matches when one of its patterns without `!` does, if there are any, and none behind a `!` is hit: `[eu-*, "!eu-test"]`.
Quote what begins with `*`, `!` or `{`. In `labels`, a missing label is empty: `""` wants it missing, `"!"` wants it there.

"""

_RULES_TEMPLATES = """\
## Templates

`summary`, `details`, `links` and `images` are templates: `{{ field }}`, filters (`{{ name|upper }}`), `{% if … %}`, and one
level of `{% for … %}`. They call nothing and set nothing; `*` and `%` are for numbers. A template has at most %(text)s
characters, and so much of what it makes is used: %(output)s. A missing label is empty. A template that fails costs its wording,
never the page: it goes out plain, and says so. What alerts hold is text, never a template.

Fields:

| field | is |
|---|---|
%(fields)s

Filters:

| filter | does |
|---|---|
%(filters)s
"""

_TESTS_INTRO = """\
# Tests of rules

<!-- Written by `alert-router schema --markdown tests`. -->

Files called `*.test.yaml`, beside the rules they test; `alert-router test` plays them in virtual time. How to write them:
[test rules](../howto/test-rules.md).

An editor with a YAML language server completes and explains the keys when such a file begins with this line, and
`alert-router schema tests > .tests.schema.json` was run beside it:

```yaml
# yaml-language-server: $schema=.tests.schema.json
```
"""

PAGES = ("config", "rules", "tests")
_BY_EXAMPLE = {"5m": "duration", "64MiB": "size", "100/1m": "rate", "env:PD_KEY": "secret"}
"""Kinds of text with a form of their own, by an example only they have."""


def render_page(which: str) -> str:
    """The whole page as Markdown."""
    sections = "\n".join(_Page(which).render())
    if which == "config":
        return f"{_CONFIG_INTRO}\n{sections}\n{_CONFIG_OUTRO}"
    if which == "tests":
        return f"{_TESTS_INTRO}\n{sections}"
    return f"{_RULES_INTRO}\n{sections}\n{_RULES_PATTERNS}{_templates()}"


def _templates() -> str:
    fields = "\n".join(f"| `{name}` | {text} |" for name, text in FIELDS.items())
    filters = "\n".join(f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, (_, text) in FILTERS.items())
    values = {"text": f"{TEXT_CAP:,}", "output": f"{OUTPUT_CAP:,}", "fields": fields, "filters": filters}
    text = _RULES_TEMPLATES
    for name, value in values.items():
        text = text.replace(f"%({name})s", value)
    return text


class _Page:
    """Walks the schema from its root; every mapping with keys of its own gets a table, once."""

    def __init__(self, which: str) -> None:
        self._which = which
        self._schema = json_schema(which)
        self._places: dict[str, str] = {}
        self._find_places(self._schema, "")

    def render(self) -> list[str]:
        lines = self._render_section("## Top level", self._schema) + self._render_keys("", "", self._schema)
        for name, place in self._places.items():
            section = self._schema["$defs"][name]
            lines += self._render_section(f"## `{place}`", section) + self._render_keys(place, name, section)
        return lines

    def _mistakes(self, section: str, key: str) -> str:
        """The codes that this key alone can earn, as a sentence."""
        codes = MISTAKES.get(self._which, {}).get(f"{section}.{key}", "").split()
        return f" Mistakes: {', '.join(f'`{code}`' for code in codes)}." if codes else ""

    def _find_places(self, schema: dict[str, Any], place: str) -> None:
        """Where each definition is first used, in the order a reader meets them."""
        for name, prop in schema.get("properties", {}).items():
            self._find_in(prop, f"{place}.{name}" if place else name)

    def _find_in(self, prop: dict[str, Any], place: str, *, is_choice: bool = False) -> None:
        if "$ref" in prop:
            name = _name_of(prop)
            if name not in self._places:
                self._places[name] = f"{place} ({self._form_of(name)})" if is_choice else place
                self._find_places(self._schema["$defs"][name], place)
        branches = [*prop.get("anyOf", ()), *prop.get("oneOf", ())]
        for branch in branches:
            self._find_in(branch, place, is_choice=sum("$ref" in each for each in branches) > 1)
        if "items" in prop:
            self._find_in(prop["items"], f"{place}[]")
        entry = _entry_of(prop)
        if entry:
            self._find_in(entry, f"{place}.NAME")

    def _form_of(self, name: str) -> str:
        """What tells one of several forms from the others: its kind, or the keys it needs."""
        schema = self._schema["$defs"][name]
        kind = schema["properties"].get("kind", {}).get("const")
        if "enum" in schema["properties"].get("kind", {}):
            return "kind: a known sender"
        return f"kind: {kind}" if kind else ", ".join(schema.get("required", ()))

    def _render_section(self, heading: str, schema: dict[str, Any]) -> list[str]:
        required = schema.get("required", ())
        lines = [heading, "", schema.get("description", ""), "", "| key | value | default | meaning |", "|---|---|---|---|"]
        for name, prop in schema.get("properties", {}).items():
            default = "required" if name in required else _default(prop)
            described = self._schema["$defs"][_name_of(prop)] if "$ref" in prop and "description" not in prop else prop
            lines.append(f"| `{name}` | {self._value(prop)} | {default} | {_meaning(described)} |")
        return [*lines, ""]

    def _render_keys(self, place: str, section_name: str, section: dict[str, Any]) -> list[str]:
        """A part for each key that has no section of its own."""
        path, _, form = place.partition(" (")
        suffix = f" ({form}" if form else ""
        sections = {each.partition(" (")[0].removesuffix("[]").removesuffix(".NAME") for each in self._places.values()}
        lines: list[str] = []
        for name, prop in section.get("properties", {}).items():
            key = f"{path}.{name}" if path else name
            if key in sections:
                continue
            default = "required" if name in section.get("required", ()) else f"default {_default(prop) or 'none'}"
            example = block({name: next(iter(prop.get("examples", ())), "")}, 0)
            kind = self._value(prop)
            lines += [
                f"### `{key}`{suffix}",
                "",
                f"{kind[:1].upper()}{kind[1:]}; {default}. {prop['description']}{self._mistakes(section_name, name)}",
                "",
            ]
            lines += ["```yaml", *example, "```", ""]
        return lines

    def _value(self, prop: dict[str, Any]) -> str:
        if "$ref" in prop:
            return _link(self._places[_name_of(prop)])
        branches = prop.get("anyOf") or prop.get("oneOf")
        if branches:
            return " or ".join(dict.fromkeys(self._value(branch) for branch in branches))
        if "const" in prop:
            return f"`{prop['const']}`"
        if "enum" in prop:
            return ", ".join(f"`{word}`" for word in prop["enum"])
        if prop.get("type") == "array":
            return f"list of {self._value(prop['items'])}"
        if prop.get("type") == "object":
            return f"by name: {self._value(_entry_of(prop) or {})}"
        return _simple(prop)


def _simple(prop: dict[str, Any]) -> str:
    named = next((word for example, word in _BY_EXAMPLE.items() if example in prop.get("examples", ())), None)
    if named:
        return named
    kinds = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number", "number": "number"}
    types = prop.get("type", "")
    text = " or ".join(kinds.get(each, "") for each in ([types] if isinstance(types, str) else types))
    bounds = [prop.get("minimum"), prop.get("maximum")]
    if all(bound is not None for bound in bounds):
        return f"{text}, {bounds[0]:,} to {bounds[1]:,}"
    return text


def _default(prop: dict[str, Any]) -> str:
    if "default" not in prop or prop["default"] in ("", [], {}):
        return ""
    value = prop["default"]
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _meaning(prop: dict[str, Any]) -> str:
    return str(prop.get("description", "")).replace("|", "\\|")


def _name_of(prop: dict[str, Any]) -> str:
    return str(prop["$ref"]).rsplit("/", 1)[-1]


def _entry_of(prop: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of a mapping's values, when its keys are names of the user's."""
    entries = [prop.get("additionalProperties"), *prop.get("patternProperties", {}).values()]
    return next((entry for entry in entries if isinstance(entry, dict)), None)


def _link(place: str) -> str:
    anchor = "".join(character for character in place.lower().replace(" ", "-") if character.isalnum() or character in "-_")
    path, _, form = place.partition(" (")
    return f"[{form.removesuffix(')') or path.removesuffix('[]').removesuffix('.NAME').rsplit('.', 1)[-1]}](#{anchor})"
