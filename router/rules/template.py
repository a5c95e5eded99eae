"""Templates for what a page says: compiled at load, sandboxed, bounded; a failure costs the wording, never the page.

Two kinds behind one face. Text with nothing but ``{{ field }}`` becomes a row of look-ups; everything else goes through
Jinja's immutable sandbox, after ``router.rules.template_syntax`` has refused all that could run away. Values of alerts are
data and never parsed. Rendering never raises anything but TemplateFailed and never answers more than OUTPUT_CAP characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any

import jinja2
import jinja2.sandbox

from router.model.ruleset import TemplateFailed
from router.rules.fields import FIELDS, MAPPINGS, SAMPLE
from router.rules.filters import FILTERS, OUTPUT_CAP, as_text, members
from router.rules.template_syntax import MEMBERS, TESTS, Finding, bound, check_syntax

TEXT_CAP = 4_096
"""Characters a template may have."""

_LARGEST_NUMBER = 10**15
_OF_LOOPS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})
"""What a loop tells of itself; the rest are methods."""

_DELIMITER = re.compile(r"\{[{%#]|[}%#]\}")
_PLAIN = re.compile(r"\{\{\s*([a-z_]+)(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[(?:\"([^\"\\]+)\"|'([^'\\]+)')\])?\s*\}\}")


HELP = "docs/reference/rules.md lists what a template may hold"
"""What to try where nobody knows better."""


class TemplateRefused(ValueError):
    """The text is no template we accept; the message says why, ``hint`` what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the hint apart from the message."""
        super().__init__(message)
        self.hint = hint


class Missing(jinja2.ChainableUndefined):
    """A missing field: empty as text, and so is every field of it; comparing it as a number fails."""


class Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Mappings have fields and nothing has methods; ``*`` and ``%`` are for numbers only."""

    intercepted_binops = frozenset({"+", "*", "%", "**", "//", "/", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A member of a mapping; of a loop (``loop.last``) its attribute; nothing else has fields."""
        if isinstance(obj, Mapping):
            return self.getitem(obj, attribute)
        if isinstance(obj, jinja2.runtime.LoopContext) and attribute in _OF_LOOPS:
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A member of a mapping, list or text; never an attribute."""
        try:
            return obj[argument] if isinstance(obj, Mapping | list | tuple | str) else self.undefined(obj=obj, name=argument)
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers of bounded size; ``+`` joins two texts as well."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return (left[:OUTPUT_CAP] + right)[:OUTPUT_CAP]
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TemplateFailed(f"{operator} works on numbers only: write x|float {operator} y|float")
        if abs(left) > _LARGEST_NUMBER or abs(right) > _LARGEST_NUMBER:
            raise TemplateFailed(f"a number is too large for {operator}")
        return super().call_binop(context, operator, left, right)


def _environment() -> Sandbox:
    # Not optimized: constant folding would run a template's arithmetic while it is compiled.
    sandbox = Sandbox(autoescape=False, optimized=False, undefined=Missing, finalize=as_text, cache_size=0)
    sandbox.globals.clear()
    sandbox.filters = {name: filter_ for name, (filter_, _) in FILTERS.items()} | {MEMBERS: members}
    sandbox.tests = {name: sandbox.tests[name] for name in TESTS}
    return sandbox


_SANDBOX = _environment()


class PlainTemplate:
    """Text and look-ups only: no interpreter involved."""

    __slots__ = ("_form", "_getters", "_pick", "text")

    def __init__(
        self, text: str, form: str, getters: tuple[Callable[[Mapping[str, Any]], Any], ...], fields: tuple[str, ...]
    ) -> None:
        """``form`` is a %-format with one ``%s`` for each getter; ``fields`` when all it names are plain fields."""
        self.text = text
        self._form = form
        self._getters = getters
        # At least two, or itemgetter answers no tuple; the form of a single one goes the other way.
        self._pick: Callable[[Mapping[str, Any]], tuple[Any, ...]] | None = (
            itemgetter(*fields) if len(fields) > 1 and len(fields) == len(getters) else None
        )

    def render(self, context: Mapping[str, Any]) -> str:
        """The text; TemplateFailed if the context holds something unheard of."""
        try:
            rendered = self._fill(context)
        except Exception as error:
            raise TemplateFailed(f"{type(error).__name__}: {error}"[:500]) from error
        return rendered if len(rendered) <= OUTPUT_CAP else rendered[:OUTPUT_CAP]

    def _fill(self, context: Mapping[str, Any]) -> str:
        if self._pick is not None:
            try:
                return self._form % self._pick(context)
            except KeyError:
                pass  # a field is missing: one by one, each missing one empty
        return self._form % tuple([get(context) for get in self._getters])

    def __repr__(self) -> str:
        """The template's text."""
        return f"PlainTemplate({self.text!r})"


class JinjaTemplate:
    """Conditions, filters, loops: through the sandbox, cut while it streams."""

    __slots__ = ("_template", "text")

    def __init__(self, text: str, template: jinja2.Template) -> None:
        """Wrap a compiled template."""
        self.text = text
        self._template = template

    def render(self, context: Mapping[str, Any]) -> str:
        """The text; TemplateFailed for whatever goes wrong inside."""
        parts: list[str] = []
        left = OUTPUT_CAP
        try:
            for part in self._template.generate(context):
                parts.append(part[:left])
                left -= len(part)
                if left <= 0:
                    break
        except TemplateFailed:
            raise
        except Exception as error:
            raise TemplateFailed(f"{type(error).__name__}: {error}"[:500]) from error
        return "".join(parts)

    def __repr__(self) -> str:
        """The template's text."""
        return f"JinjaTemplate({self.text!r})"


Compiled = PlainTemplate | JinjaTemplate


@lru_cache(4_096)
def compile_template(text: str, more: frozenset[str] = frozenset()) -> tuple[Compiled, tuple[Finding, ...]]:
    """The template and what is doubtful about it (warnings); TemplateRefused if it cannot be used.

    ``more``: fields it may speak of besides. Cached by text: a thousand rules that share a summary compile it once.
    """
    if len(text) > TEXT_CAP:
        raise TemplateRefused(f"found a template of {len(text)} characters, at most {TEXT_CAP} are allowed")
    plain = _compile_plain(text)
    if plain is not None:
        return plain, ()
    try:
        tree = _SANDBOX.parse(text)
        findings = check_syntax(tree, more)
        for finding in findings:
            if finding.level == "error":
                raise TemplateRefused(finding.message, finding.hint)
        code = _SANDBOX.compile(bound(tree))
        compiled = JinjaTemplate(text, jinja2.Template.from_code(_SANDBOX, code, {}))
    except jinja2.TemplateError as error:
        raise TemplateRefused(f"the template cannot be read: {error}") from error
    except RecursionError as error:
        raise TemplateRefused("the template is nested too deeply") from error
    return compiled, (*findings, *_try_on_sample(compiled))


def _try_on_sample(template: JinjaTemplate) -> tuple[Finding, ...]:
    try:
        template.render(SAMPLE)
    except TemplateFailed as error:
        message = f"the template fails on a sample alert, and then the page goes out plain: {error}"
        hint = "fields may be missing: write details.score|default(0)|float"
        return (Finding(code="template-fails", message=message, hint=hint, level="warning"),)
    return ()


def _compile_plain(text: str) -> PlainTemplate | None:
    """None if the text needs Jinja: filters, tags, comments, unknown fields, or what Jinja would read differently."""
    form: list[str] = []
    getters: list[Callable[[Mapping[str, Any]], Any]] = []
    fields: list[str] = []
    position = 0
    for found in _PLAIN.finditer(text):
        literal = text[position : found.start()]
        position = found.end()
        field, *keys = found.groups()
        key = next((key for key in keys if key is not None), None)
        known = field in MAPPINGS if key is not None else field in FIELDS and field not in MAPPINGS
        if _DELIMITER.search(literal) or not known:
            return None
        form += [literal.replace("%", "%%"), "%s"]
        getters.append(_getter(field, key))
        fields += [field] if key is None else []
    tail = text[position:]
    if _DELIMITER.search(tail) or "\r" in text:
        return None
    # Jinja leaves out one line break at the very end.
    form.append(tail.removesuffix("\n").replace("%", "%%"))
    return PlainTemplate(text, "".join(form), tuple(getters), tuple(fields))


def _getter(field: str, key: str | None) -> Callable[[Mapping[str, Any]], Any]:
    if key is None:

        def get(context: Mapping[str, Any]) -> Any:
            value = context.get(field, "")
            return value if type(value) is str or type(value) is int else as_text(value)

        return get

    def get_member(context: Mapping[str, Any]) -> Any:
        members = context.get(field)
        value = members.get(key, "") if isinstance(members, Mapping) else ""
        return value if type(value) is str else as_text(value)

    return get_member
