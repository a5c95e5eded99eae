"""JMESPath with a few helper functions: how a mapping says where in a body the fields of an alert are.

The only module that imports jmespath. Expressions are the administrator's; bodies are anybody's. A text is compiled once, is
bounded in length and depth, and what it makes is bounded in size. Must never do: evaluate what came in a body.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jmespath
import msgspec
from jmespath import exceptions
from jmespath.functions import Functions, signature

from router.model.pattern import Pattern, PatternError

MAX_EXPRESSION = 2_048
"""Characters of one expression."""
MAX_EXPRESSION_DEPTH = 48
"""Levels of nesting inside one expression."""
MAX_MADE = 65_536
"""Characters, or items, that one helper function may make."""
MAX_REGEX = 512
"""Characters of a regular expression."""

_ANY: dict[str, Any] = {"types": []}
_MORE: dict[str, Any] = {"types": [], "variadic": True}
_JSON = msgspec.json.Decoder()
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

HELPERS = {
    "lower(text)": "in lower case",
    "upper(text)": "in upper case",
    "replace(text, old, new)": "every `old` replaced",
    "split(text, separator)": "a list of the pieces",
    "join_(separator, list)": "the values that are not empty in one text; numbers too, which `join` refuses",
    "regex_extract(text, pattern)": "what the first group of an RE2 expression matched, or the whole match; else null",
    "default(value, …)": "the first that is neither null, false nor empty",
    "to_score(number, low, high)": "a score from 0 (at `low`) to 1 (at `high`), for `score`",
    "lookup(value, object)": "the member of an object by the text of a value, or null",
    "parse_json(text)": "the value a text holds as JSON, or null",
    "entries(object)": "a list of `{key, value}`",
    "from_entries(list, key, value)": "an object from a list of objects, by the names of two of their members",
}
"""What can be called besides JMESPath's own functions. All take null for null."""


class ExpressionError(ValueError):
    """It cannot be compiled, or not evaluated on this value; ``position`` counts characters from 0, if it is known."""

    def __init__(self, message: str, position: int | None = None, hint: str = "") -> None:
        """Keep the place beside the text."""
        super().__init__(message)
        self.position = position
        self.hint = hint


class Helpers(Functions):  # type: ignore[misc]  # the library has no types
    """JMESPath's own functions and ours."""

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_lower(self, value: Any) -> str | None:
        return None if value is None else text_of(value).lower()

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_upper(self, value: Any) -> str | None:
        return None if value is None else text_of(value).upper()

    @signature(_ANY, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_replace(self, value: Any, old: str, new: str) -> str | None:
        if value is None or not old:
            return value if value is None else text_of(value)
        text = text_of(value)
        if len(text) + text.count(old) * max(0, len(new) - len(old)) > MAX_MADE:
            raise ExpressionError(f"replace() would make more than {MAX_MADE} characters")
        return text.replace(old, new)

    @signature(_ANY, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, value: Any, separator: str) -> list[str] | None:
        if value is None:
            return None
        return text_of(value).split(separator or None, MAX_MADE)

    @signature({"types": ["string"]}, _ANY)  # type: ignore[untyped-decorator]
    def _func_join_(self, separator: str, values: Any) -> str | None:
        if values is None:
            return None
        items = values if isinstance(values, list) else [values]
        return separator.join(text for text in map(text_of, items) if text)[:MAX_MADE]

    @signature(_ANY, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_regex_extract(self, value: Any, pattern: str) -> str | None:
        return None if value is None else _compile_regex(pattern).extract(text_of(value))

    @signature(_MORE)  # type: ignore[untyped-decorator]
    def _func_default(self, *values: Any) -> Any:
        return next((value for value in values if value is not False and value not in (None, "", [], {})), None)

    @signature(_ANY, {"types": ["number"]}, {"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_to_score(self, value: Any, low: float, high: float) -> float | None:
        number = number_of(value)
        if number is None or low == high:
            return None
        return min(1.0, max(0.0, (number - low) / (high - low)))

    @signature(_ANY, {"types": ["object", "null"]})  # type: ignore[untyped-decorator]
    def _func_lookup(self, value: Any, members: dict[str, Any] | None) -> Any:
        return None if value is None or members is None else members.get(text_of(value))

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_parse_json(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return _JSON.decode(value)
        except _UNREADABLE:
            return None

    @signature(_ANY)  # type: ignore[untyped-decorator]
    def _func_entries(self, value: Any) -> list[dict[str, Any]] | None:
        return [{"key": key, "value": item} for key, item in value.items()] if isinstance(value, dict) else None

    @signature(_ANY, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_from_entries(self, values: Any, key: str, value: str) -> dict[str, Any] | None:
        if not isinstance(values, list):
            return None
        return {text_of(item[key]): item.get(value) for item in values if isinstance(item, dict) and item.get(key) is not None}


_OPTIONS = jmespath.Options(custom_functions=Helpers())
FUNCTIONS = frozenset(Helpers.FUNCTION_TABLE)


class Expression:
    """One compiled expression."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str) -> None:
        """ExpressionError, with the place, if it is none."""
        self.text = text
        if len(text) > MAX_EXPRESSION:
            raise ExpressionError(f"expected at most {MAX_EXPRESSION} characters, found {len(text)}")
        try:
            # Not through the library's own cache, which drops entries at random with the module-level generator.
            self._compiled = jmespath.parser.Parser().parse(text)
        except RecursionError as error:
            raise ExpressionError("nested too deeply") from error
        except exceptions.LexerError as error:
            hint = "text stands in single quotes: 'text'; a key with a dash or a dot in double quotes"
            raise ExpressionError(str(error.message), error.lex_position, hint) from error
        except exceptions.ParseError as error:
            raise ExpressionError(_explain_parse(error), min(error.lex_position, len(text))) from error
        except exceptions.JMESPathError as error:
            raise ExpressionError("expected an expression, found nothing", 0) from error
        for name, given in _check_tree(self._compiled.parsed):
            _check_call(text, name, given)

    def evaluate(self, data: Any) -> Any:
        """What it gives for this value; None where nothing is there. ExpressionError for a function given the wrong type."""
        try:
            return self._compiled.search(data, options=_OPTIONS)
        except exceptions.JMESPathTypeError as error:
            expected = " or ".join(error.expected_types)
            raise ExpressionError(f"{error.function_name}() takes {expected}, found {error.actual_type}") from error
        except exceptions.JMESPathError as error:
            raise ExpressionError(str(error)) from error
        except RecursionError as error:
            raise ExpressionError("nested too deeply") from error
        except (
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
        ) as error:  # some of the library's own functions raise these
            if isinstance(error, ExpressionError):
                raise
            raise ExpressionError(f"cannot be evaluated: {error}") from error


def _explain_parse(error: Any) -> str:
    if error.token_type in {None, "EOF"}:
        return "the expression is not complete"
    return f"unexpected {error.token_value!r}"


def _check_call(text: str, name: str, given: int) -> None:
    if name not in FUNCTIONS:
        raise ExpressionError(f"there is no function {name}()", _find_call(text, name), _suggest(name))
    expected = Helpers.FUNCTION_TABLE[name]["signature"]
    is_open = bool(expected and expected[-1].get("variadic"))
    if given < len(expected) or (given > len(expected) and not is_open):
        count = f"{'at least ' if is_open else ''}{len(expected)}"
        raise ExpressionError(f"{name}() takes {count} values, found {given}", _find_call(text, name))


def _check_tree(tree: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The functions it calls, with how many values each; ExpressionError if it is nested too deeply."""
    level = [tree]
    for _ in range(MAX_EXPRESSION_DEPTH):
        for node in level:
            if node["type"] == "function_expression":
                yield node["value"], len(node["children"])
        level = [child for node in level for child in node["children"] if isinstance(child, dict)]
        if not level:
            return
    raise ExpressionError(f"expected at most {MAX_EXPRESSION_DEPTH} levels of nesting, found more")


def _find_call(text: str, name: str) -> int | None:
    found = re.search(rf"\b{re.escape(name)}\s*\(", text)
    return found.start() if found else None


def _suggest(name: str) -> str:
    close = difflib.get_close_matches(name, sorted(FUNCTIONS), 1)
    ours = ", ".join(sorted(each.partition("(")[0] for each in HELPERS))
    return f'did you mean "{close[0]}"?' if close else f"besides JMESPath's own there are {ours}"


@lru_cache(maxsize=256)
def _compile_regex(pattern: str) -> Pattern:
    if len(pattern) > MAX_REGEX:
        raise ExpressionError(f"regex_extract() takes a pattern of at most {MAX_REGEX} characters")
    try:
        return Pattern(pattern, kind="regex")
    except PatternError as error:
        raise ExpressionError(f"regex_extract(): {error}") from error


def text_of(value: Any) -> str:
    """A JSON value as text: numbers and booleans as JSON writes them, lists joined by commas, objects as JSON, null empty."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
        case list() if not any(isinstance(item, dict | list) for item in value):
            return ", ".join(text for text in map(text_of, value) if text)
        case _:
            return msgspec.json.encode(value).decode()


def number_of(value: Any) -> float | None:
    """A number, or a text that holds one; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and len(value) < _LONGEST_NUMBER:
        convert: Callable[[str], float] = float
        try:
            number = convert(value.strip().rstrip("%"))
        except ValueError:
            return None
        return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124 -- NaN
    return None


_LONGEST_NUMBER = 40
