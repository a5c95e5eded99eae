"""What an annotation wants of the document, and the conversion from what was written to what pydantic shall see.

The schema decides the type:

- ``str``: any scalar as written (``no``, ``012`` and ``12:30:00`` are text); an unquoted ``null`` or nothing is a mistake.
- ``int``, ``float``, ``bool``: unquoted only; a quoted ``"3"`` is a mistake, for quotes say "this is text". Leading zeros,
  infinity and not-a-number are mistakes; a bool is ``true`` or ``false``.
- ``Any``: the YAML 1.2 core schema.
- a type with a *before*, *plain* or *wrap* validator, and types this module does not know (dates, secrets, ...): scalars
  arrive as text exactly as written, quoted or not; pydantic and the validator do the rest.
- ``X | None``: ``null`` or ``~``, written out. A key with nothing after it is a mistake everywhere but under ``Any``: a
  condition that was forgotten must not become "no condition".
- a union: the branch is chosen by the kind of the node: null, then literal, bool, int, float, text; for mappings by the
  value of a common ``Literal`` key, else by the keys present. Only the chosen branch is reported on.

``Field(json_schema_extra={...})`` may hold ``expected`` ("a glob"), ``expected_plural`` ("globs") and ``secret`` (True: the
value never appears in a message). This module has the shapes of plain values and containers, ``models`` those of models and
unions, and the way from an annotation to its shape.
"""
# ruff: noqa: D102 - what fits, convert, child, core and inner promise is said once, in Shape

from __future__ import annotations

import abc
import enum
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from router.yamldoc import scalars
from router.yamldoc.document import Path, Plain, shown
from router.yamldoc.suggestion import suggest

KEY = "\0key"
"""Last part of the path of a key, in complaints about it."""

Hint = str | Callable[[], str]
"""A hint, or the work to find one; done only for diagnostics that are shown."""

MOST_CHOICES = 12

# how well a node suits a branch of a union: the best one is chosen, the first of equals
NO, ANYTHING, TEXT, KIND, FLOAT, INTEGER, WORD, KEYS, BEST = 0, 1, 2, 3, 4, 5, 6, 100, 20_000


class Complaints(Protocol):
    """Takes what the conversion finds wrong."""

    def complain(self, path: Path, code: str, message: str, hint: Hint = "") -> None:
        """One mistake at a path; if the path ends in ``KEY``, at the key of the value there."""

    def warn(self, path: Path, code: str, message: str, hint: Hint = "") -> None:
        """Something that is allowed and probably not meant."""

    def unknown_key(self, path: Path) -> None:
        """A key no model knows; the path ends in it."""

    def mute(self, path: Path) -> None:
        """Whatever else is wrong at or below this path follows from a mistake already told."""

    def empty_hint(self, path: Path) -> str:
        """Why there may be no value at the path."""


class Shape(abc.ABC):
    """What one annotation wants."""

    expected = "a value"
    plural = "values"
    description = ""
    is_secret = False

    @abc.abstractmethod
    def fits(self, node: Any) -> float:
        """How well a node suits, judged without looking deep; 0 if not at all."""

    @abc.abstractmethod
    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        """The value for pydantic; mistakes go to ``out`` and leave something harmless in their place."""

    def child(self, part: str | int) -> Shape | None:  # noqa: ARG002 - the containers look at it
        """The shape of an entry."""
        return None

    def core(self) -> Shape:
        """The shape inside wrappers that add no path part."""
        return self

    def inner(self) -> Iterable[Shape]:
        """The shapes of entries (or branches) that have no key of their own in a model."""
        return ()

    def found(self, node: Any) -> str:
        """What a message may say of a node."""
        return "a value (not shown)" if self.is_secret and isinstance(node, str) else scalars.describe(node)

    def refuse(self, node: Any, path: Path, out: Complaints, hint: Hint = "") -> Any:
        """Complain that a node has the wrong type; an empty one that it is empty."""
        message = f"found {self.found(node)}; expected {self.expected}"
        if scalars.is_null(node):
            out.complain(path, "empty-value", message, hint or (lambda: out.empty_hint(path)))
        else:
            out.complain(path, "wrong-type", message, hint)
        return as_found(node)


def as_found(node: Any) -> Any:
    """A node without the marks of this room, all scalars as text."""
    if isinstance(node, dict):
        return {key: as_found(value) for key, value in node.items()}
    if isinstance(node, list):
        return [as_found(value) for value in node]
    return str(node)


class TextShape(Shape):
    """``str``."""

    expected = "text"
    plural = "texts"

    def fits(self, node: Any) -> float:
        return TEXT if isinstance(node, str) and not scalars.is_null(node) else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if not isinstance(node, str) or scalars.is_null(node):
            return self.refuse(node, path, out, 'quote it if the word is meant: "null"' if node == "null" else "")
        return str(node)


class AnyShape(Shape):
    """``Any`` and ``object``: the YAML 1.2 core schema, all the way down."""

    def fits(self, node: Any) -> float:  # noqa: ARG002 - everything fits
        return ANYTHING

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if isinstance(node, dict):
            return {key: self.convert(value, (*path, key), out) for key, value in node.items()}
        if isinstance(node, list):
            return [self.convert(value, (*path, index), out) for index, value in enumerate(node)]
        if type(node) is not Plain:
            return node
        try:
            value = scalars.resolve(node)
        except scalars.OutOfRange as error:
            out.complain(path, "number-out-of-range", str(error), "quote it if it is meant as text")
            return str(node)
        if scalars.has_leading_zero(node):
            message = f"found {shown(node)[1:-1]}, which is read as the number {value}"
            out.warn(path, "ambiguous-number", message, f'quote it if it is meant as text: "{node}"')
        return value


class OpaqueShape(AnyShape):
    """A type only pydantic understands: scalars arrive as text."""

    def fits(self, node: Any) -> float:
        return ANYTHING if not scalars.is_null(node) else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if scalars.is_null(node):
            return self.refuse(node, path, out)
        return str(node) if isinstance(node, str) else super().convert(node, path, out)


class NumberShape(Shape):
    """``int`` and ``float``."""

    def __init__(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        self.expected = "a whole number" if is_whole else "a number"
        self.plural = "whole numbers" if is_whole else "numbers"
        self._suits = scalars.is_integer if is_whole else scalars.is_number
        self._to_number: Callable[[str], int | float] = scalars.to_integer if is_whole else scalars.to_float

    def fits(self, node: Any) -> float:
        if type(node) is not Plain or not self._suits(node):
            return NO
        return INTEGER if self._is_whole else FLOAT

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if type(node) is Plain and self._suits(node):
            return self._number(node, path, out)
        hint = ""
        if isinstance(node, str) and not self.is_secret:
            bare = node.replace("_", "").replace(",", "")
            if type(node) is not Plain and self._suits(node):
                hint = f"remove the quotes: {node}"
            elif self._suits(bare) and not scalars.has_leading_zero(bare):
                hint = f"write {bare}"
        return self.refuse(node, path, out, hint)

    def _number(self, text: str, path: Path, out: Complaints) -> Any:
        if scalars.has_leading_zero(text):
            bare = text.lstrip("+-0") or "0"
            message = f"found {self.found(text)}, which is octal to some readers of YAML; expected {self.expected}"
            out.complain(path, "ambiguous-number", message, "" if self.is_secret else f"write {bare}")
            return str(text)
        try:
            return self._to_number(text)
        except scalars.OutOfRange as error:
            out.complain(path, "number-out-of-range", str(error), hint="write a smaller number")
            return str(text)


class BoolShape(Shape):
    """``bool``."""

    expected = "true or false"
    plural = "true or false values"

    def fits(self, node: Any) -> float:
        return WORD if type(node) is Plain and node in scalars.BOOLEANS else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if type(node) is Plain and node in scalars.BOOLEANS:
            return scalars.BOOLEANS[node]
        hint = "write true or false" + (", without quotes" if isinstance(node, str) and node in scalars.BOOLEANS else "")
        return self.refuse(node, path, out, hint)


class ChoiceShape(Shape):
    """``Literal`` and enumerations by value; text values may be quoted or not, others not."""

    def __init__(self, values: Iterable[Any]) -> None:
        results = {(type(value), value): value for value in values}
        for kind, value in list(results):
            if issubclass(kind, enum.Enum):  # a literal member of an enumeration is written as its value
                results[type(value.value), value.value] = results.pop((kind, value))
        self.texts = [value for kind, value in results if kind is str]
        self._results = results
        words = [value if isinstance(value, str) else _written(value) for _, value in results]
        more = ", …" if len(words) > MOST_CHOICES else ""
        self.expected = ("one of " if len(words) > 1 else "") + ", ".join(words[:MOST_CHOICES]) + more
        self.plural = f"entries, each {self.expected}"

    def _choice(self, node: Any) -> tuple[bool, Any]:
        if not isinstance(node, str):
            return False, None
        value: Any = str(node)
        if type(node) is Plain and (str, value) not in self._results:
            try:
                value = scalars.resolve(node)
            except scalars.OutOfRange:
                return False, None
        written = (type(value), value)
        return written in self._results, self._results.get(written)

    def fits(self, node: Any) -> float:
        return WORD if self._choice(node)[0] else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        is_one, value = self._choice(node)
        if is_one:
            return value
        if not isinstance(node, str) or scalars.is_null(node):
            return self.refuse(node, path, out)
        message = f"found {self.found(node)}; expected {self.expected}"
        out.complain(path, "not-a-choice", message, lambda: suggest(node, self.texts))
        return str(node)


class ListShape(Shape):
    """Lists, sets and tuples of any length."""

    def __init__(self, item: Shape) -> None:
        self.item = item
        self.expected = f"a list of {item.plural}"
        self.plural = f"lists of {item.plural}"

    def fits(self, node: Any) -> float:
        if not isinstance(node, list):
            return NO
        return KIND + (min(self.item.fits(node[0]) / BEST, 0.9) if node else 0.9)

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if isinstance(node, list):
            convert = self.item.convert
            return [convert(value, (*path, index), out) for index, value in enumerate(node)]
        hint = ""
        if isinstance(node, str) and self.item.fits(node) and not self.is_secret:
            hint = f"a list with one entry is written [{scalars.describe(node).removeprefix('the text ')}]"
        return self.refuse(node, path, out, hint)

    def child(self, part: str | int) -> Shape | None:  # noqa: ARG002 - all entries are alike
        return self.item

    def inner(self) -> Iterable[Shape]:
        return (self.item,)


class TupleShape(Shape):
    """Tuples of a fixed length."""

    def __init__(self, items: list[Shape]) -> None:
        self.items = items
        self.expected = f"a list of {len(items)} entries: {', '.join(item.expected for item in items)}"
        self.plural = f"lists of {len(items)} entries"

    def fits(self, node: Any) -> float:
        return KIND + (1 if len(node) == len(self.items) else 0) if isinstance(node, list) else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if not isinstance(node, list):
            return self.refuse(node, path, out)
        if len(node) != len(self.items):
            message = f"found a list of {len(node)}; expected {self.expected}"
            out.complain(path, "wrong-type", message, hint=f"write {len(self.items)} entries")
            return as_found(node)
        pairs = zip(self.items, node, strict=True)
        return [item.convert(value, (*path, index), out) for index, (item, value) in enumerate(pairs)]

    def child(self, part: str | int) -> Shape | None:
        return self.items[part] if isinstance(part, int) and part < len(self.items) else None

    def inner(self) -> Iterable[Shape]:
        return self.items


class MappingShape(Shape):
    """``dict[K, V]``: keys stay as written for pydantic, and are checked here."""

    def __init__(self, key: Shape, value: Shape) -> None:
        self.key = key
        self.value = value
        self.expected = "a mapping"
        self.plural = "mappings"

    def fits(self, node: Any) -> float:
        return KIND if isinstance(node, dict) else NO

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if not isinstance(node, dict):
            return self.refuse(node, path, out, colon_hint(node))
        convert = self.value.convert
        if type(self.key) is not TextShape:
            self._check_keys(node, path, out)
        return {key: convert(value, (*path, key), out) for key, value in node.items()}

    def _check_keys(self, node: dict[str, Any], path: Path, out: Complaints) -> None:
        seen: dict[int | float, str] = {}
        for text in node:
            at = (*path, text, KEY)
            value = self.key.convert(Plain(text), at, out)
            if isinstance(value, (int, float)):
                if value in seen:
                    message = f"found {shown(text)}, which is the same as {shown(seen[value])}"
                    out.complain(at, "duplicate-key", message, "keep one of the two")
                seen[value] = text

    def child(self, part: str | int) -> Shape | None:  # noqa: ARG002 - all entries are alike
        return self.value

    def inner(self) -> Iterable[Shape]:
        return (self.value,)


class NullableShape(Shape):
    """``X | None``: None has to be written out, for a forgotten value must not mean "no condition"."""

    def __init__(self, of: Shape) -> None:
        self.of = of
        _copy_words(of, self)

    def fits(self, node: Any) -> float:
        return KEYS if scalars.is_null(node) else self.of.fits(node)

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if not scalars.is_null(node):
            return self.of.convert(node, path, out)
        return None if node or type(self.of.core()) is AnyShape else self.refuse(node, path, out)

    def core(self) -> Shape:
        return self.of.core()


class ValidatedShape(Shape):
    """A type whose validator sees the value before pydantic does: scalars arrive as text, as written."""

    def __init__(self, of: Shape) -> None:
        self.of = of
        _copy_words(of, self)

    def fits(self, node: Any) -> float:
        return max(self.of.fits(node), ANYTHING) if not scalars.is_null(node) else self.of.fits(node)

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        fits = self.of.fits(node)
        if scalars.is_null(node):
            return self.of.convert(node, path, out) if fits else self.refuse(node, path, out)
        if isinstance(node, str):
            return str(node)
        return self.of.convert(node, path, out) if fits else AnyShape().convert(node, path, out)

    def core(self) -> Shape:
        return self.of.core()


def _copy_words(source: Shape, target: Shape) -> None:
    target.expected = source.expected
    target.plural = source.plural
    target.is_secret = source.is_secret


def _written(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def colon_hint(node: Any) -> str:
    """For text where a mapping should be."""
    return "put a space after the colon" if type(node) is Plain and ":" in node else ""
