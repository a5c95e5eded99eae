"""A document against a pydantic model: the value, or every mistake.

First the document is converted to what the annotations want (``shapes``), which finds wrong types and unknown keys; then
pydantic validates the outcome, which finds missing keys and broken rules. What pydantic says about a union is asked
again of the one branch that was meant, so that nobody reads a list of all branches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, TypeVar

import pydantic

from router.errors import Diagnostic
from router.yamldoc.document import Document, Path, cut_short, shown, to_diagnostic
from router.yamldoc.models import Branch, ModelField, ModelShape, UnionShape, shape_of
from router.yamldoc.shapes import KEY, Hint, OpaqueShape, Shape
from router.yamldoc.suggestion import nearest, suggest

Model = TypeVar("Model", bound=pydantic.BaseModel)
_Ancestors = list[tuple[Path, ModelShape]]

_COMMENT_FOR_VALUE = re.compile(r"[ \t]*#\S")
_MOST_KEYS = 20
_KEY_PART = "[key]"  # how pydantic says that an error lies in a key
_TOLD_AT_KEY = frozenset({"empty-value", "unknown-key"})


class YamlModel(pydantic.BaseModel):
    """A base for models of files: unknown keys are refused and values are frozen."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


_SCHEMA = "`alert-router schema` prints what may stand where"


class Mistake(ValueError):
    """Raised by a model's validator that wants a code and a hint of its own.

    ``at`` is the place below the value that is validated, ``("within",)`` for a validator of the whole model.
    """

    def __init__(self, code: str, message: str, hint: str = "", at: Path = ()) -> None:
        """Say what was found and what was expected."""
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.at = at


def validate(document: Document, model: type[Model]) -> tuple[Model | None, list[Diagnostic]]:
    """The model's value, and all mistakes in the order of the file, those of reading included.

    The value is None exactly if there is an error; warnings alone do not withhold it. An empty document counts as an
    empty mapping.
    """
    if not document.is_readable:
        return None, document.diagnostics
    node = {} if document.data is None else document.data
    found = _Findings(document, shape_of(model), node)
    converted = found.shape.convert(node, (), found)
    value = found.validate(model.model_validate, converted)
    reading = (diagnostic for diagnostic in document.diagnostics if diagnostic.code != "more-mistakes")
    diagnostics = [*reading, *found.diagnostics()]
    if any(diagnostic.level == "error" for diagnostic in diagnostics):
        value = None
    return value, cut_short(diagnostics, document.limits.diagnostics, document.left_off)


class _Record(NamedTuple):
    path: Path
    code: str
    message: str
    hint: Hint
    is_key: bool
    level: Literal["error", "warning"]


class _Spot(NamedTuple):
    """Where an error of pydantic lies."""

    path: Path
    shape: Shape | None
    node: Any
    is_key: bool
    rest: tuple[str | int, ...]  # what could not be followed


class _Findings:
    """Collects what is wrong with one document."""

    def __init__(self, document: Document, shape: Shape, node: Any) -> None:
        self.shape = shape
        self._document = document
        self._node = node
        self._records: list[_Record] = []
        self._muted: set[Path] = set(document.broken)

    def diagnostics(self) -> list[Diagnostic]:
        """What was found; hints are worked out only for as many as are shown."""
        diagnostics = []
        for count, record in enumerate(self._records):
            hint = record.hint
            if count > self._document.limits.diagnostics:
                hint = ""  # it is not shown
            elif callable(hint):
                hint = hint()
            if not hint and count <= self._document.limits.diagnostics:
                hint = self._meaning(record.path)
            made = to_diagnostic(
                self._document, record.path, record.code, record.message, hint, record.level, key=record.is_key
            )
            diagnostics.append(made)
        return diagnostics

    def _meaning(self, path: Path) -> str:
        """What the key is for, where nobody knows better what to try."""
        for length in range(len(path), 0, -1):
            ancestors, _ = _lineage(self.shape, self._node, path[: length - 1])
            field = ancestors[-1][1].fields.get(str(path[length - 1])) if ancestors else None
            if field is not None and field.description:
                return f"{path[length - 1]}: {field.description}"
        return _SCHEMA

    # Complaints

    def complain(self, path: Path, code: str, message: str, hint: Hint = "") -> None:
        is_key = path[-1:] == (KEY,)
        place = path[:-1] if is_key else path
        muting = [*(place[:length] for length in range(len(place) + 1 - is_key)), path]
        if self._muted.isdisjoint(muting):
            self._muted.add(path)
            if is_key:
                message = message.replace("found ", "found the key ", 1)
            self._records.append(_Record(place, code, message, hint, is_key or code in _TOLD_AT_KEY, "error"))

    def warn(self, path: Path, code: str, message: str, hint: Hint = "") -> None:
        self._records.append(_Record(path, code, message, hint, code in _TOLD_AT_KEY, "warning"))

    def unknown_key(self, path: Path) -> None:
        message = f"found the key {shown(str(path[-1]))}, which is not known here"
        self.complain(path, "unknown-key", message, lambda: self._unknown_hint(path))

    def mute(self, path: Path) -> None:
        self._muted.add(path)

    def empty_hint(self, path: Path) -> str:
        if _COMMENT_FOR_VALUE.match(self._document.rest_of_line(path)):
            return "the rest of the line is a comment; quote values that begin with #"
        return "give it a value, or remove it"

    # pydantic's part

    def validate(self, run: Callable[[Any], Any], value: Any) -> Any:
        """The outcome of pydantic, or None with its complaints recorded."""
        return self._run(run, value, self.shape, self._node, ())

    def _run(self, run: Callable[[Any], Any], value: Any, shape: Shape, node: Any, base: Path) -> Any:
        try:
            return run(value)
        except pydantic.ValidationError as error:
            errors = error.errors(include_url=False)
        unions: dict[Path, tuple[_Spot, Any]] = {}
        for found in errors:
            spot = _locate(shape, node, found["loc"])
            if isinstance(spot.shape, UnionShape) and (spot.rest or found["type"].startswith("union_tag")):
                unions.setdefault(spot.path, (spot, found))
            else:
                self._record(found, spot, (*base, *spot.path))
        for path, (spot, found) in unions.items():
            self._ask_branch(path, spot, found, value, base)
        return None

    def _ask_branch(self, path: Path, spot: _Spot, found: Any, value: Any, base: Path) -> None:
        """Report on the branch that was meant and no other."""
        assert isinstance(spot.shape, UnionShape)
        branch = spot.shape.choose(spot.node)
        if branch is None:  # said by the conversion
            return
        for part in path:
            value = value[part]
        if self._run(branch.validate, value, branch.shape, spot.node, (*base, *path)) is not None:
            self._record(found, spot._replace(rest=()), (*base, *path))

    def _record(self, found: Any, spot: _Spot, path: Path) -> None:
        kind = found["type"]
        if kind == "missing" and spot.rest:
            self._record_missing((*path, *spot.rest[:1]), spot)
        elif kind == "extra_forbidden":
            self.unknown_key(path)
        else:
            cause = (found.get("ctx") or {}).get("error")
            at = (*path, KEY) if spot.is_key else path
            if isinstance(cause, Mistake):
                self.complain((*at, *cause.at), cause.code, str(cause), cause.hint)
            else:
                message = str(cause) if isinstance(cause, Exception) else _message(found, spot.shape or OpaqueShape(), spot)
                self.complain(at, "invalid-value", message)

    def _record_missing(self, path: Path, spot: _Spot) -> None:
        name = path[-1]
        field = spot.shape.fields.get(str(name)) if isinstance(spot.shape, ModelShape) else None
        field = field or ModelField(OpaqueShape(), is_required=True, description="")
        message = f"the key {shown(str(name))} is missing; expected {field.shape.expected}"
        self.complain(path, "missing-key", message, field.description)

    # unknown keys

    def _unknown_hint(self, path: Path) -> str:
        word = str(path[-1])
        ancestors, siblings = _lineage(self.shape, self._node, path[:-1])
        if not ancestors:
            return ""
        here_path, here = ancestors[-1]
        for sibling in siblings:
            if word in sibling.fields:
                return f"it belongs to another form, {{{sibling.keys_shown()}}}; a mapping has one form"
        return (
            suggest(word, here.fields)
            or _below_hint(word, here, "")
            or _above_hint(word, ancestors[:-1], here_path)
            or _near_below_hint(word, here)
            or _known_hint(here)
        )


def _below_hint(word: str, model: ModelShape, place: str) -> str:
    for name, field in model.fields.items():
        if any(word in inner.fields for inner in _models(field.shape)):
            return f"this key belongs {place or 'one level down'}, under {shown(name)}"
    return ""


def _near_below_hint(word: str, model: ModelShape) -> str:
    for name, field in model.fields.items():
        for inner in _models(field.shape):
            near = nearest(word, inner.fields)
            if near:
                return f'did you mean "{near}", under {shown(name)}?'
    return ""


def _above_hint(word: str, ancestors: _Ancestors, path: Path) -> str:
    for above, model in reversed(ancestors):
        levels = sum(1 for part in path[len(above) :] if isinstance(part, str))
        many = "one level" if levels == 1 else f"{levels} levels"
        if word in model.fields:
            return f"this key belongs {many} up, beside {shown(str(path[len(above)]))}"
        beside = _below_hint(word, model, "elsewhere")
        if beside:
            return beside
    return ""


def _known_hint(model: ModelShape) -> str:
    names = list(model.fields)
    more = ", …" if len(names) > _MOST_KEYS else ""
    return f"known keys: {', '.join(names[:_MOST_KEYS])}{more}" if names else "no keys are known here"


def _models(shape: Shape) -> Iterator[ModelShape]:
    """The models an entry may be, through lists, mappings and unions."""
    waiting = [shape]
    while waiting:
        core = waiting.pop().core()
        if isinstance(core, ModelShape):
            yield core
        else:
            waiting.extend(core.inner())


def _lineage(shape: Shape, node: Any, path: Path) -> tuple[_Ancestors, Iterable[ModelShape]]:
    """The models on the way to a path, outermost first, and the other forms the last one could have had."""
    ancestors: _Ancestors = []
    siblings: list[ModelShape] = []
    here: Shape | None = shape
    for length in range(len(path) + 1):
        core = here.core() if here else None
        siblings = []
        while isinstance(core, UnionShape):
            siblings = core.models
            branch: Branch | None = core.choose(node)
            core = branch.shape.core() if branch else None
        if isinstance(core, ModelShape):
            ancestors.append((path[:length], core))
            siblings = [sibling for sibling in siblings if sibling is not core]
        if length < len(path) and core is not None:
            here = core.child(path[length])
            node = node[path[length]]
    return ancestors, siblings


def _locate(shape: Shape, node: Any, location: tuple[str | int, ...]) -> _Spot:
    """Follow pydantic's location as far as it names things of the document, and no further than a union."""
    here: Shape | None = shape
    for index, part in enumerate(location):
        core = here.core() if here else None
        if part == _KEY_PART and index == len(location) - 1:
            return _Spot(location[:index], None, node, is_key=True, rest=())
        is_entry = part in node if isinstance(node, dict) else isinstance(node, list) and part in range(len(node))
        if isinstance(core, UnionShape) or not is_entry:
            return _Spot(location[:index], core, node, is_key=False, rest=location[index:])
        here = core.child(part) if core else None
        node = node[part]
    return _Spot(location, here.core() if here else None, node, is_key=False, rest=())


_RULES: dict[str, str] = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_pattern_mismatch": "text that matches {pattern}",
}
_COUNTED = {"too_short", "too_long"}


def _message(found: Any, shape: Shape, spot: _Spot) -> str:
    """What was found and what pydantic expected, in this project's words."""
    kind = found["type"]
    said = shape.found(spot.node)
    if spot.is_key:
        said = shown(str(spot.path[-1]))
    context = found.get("ctx") or {}
    if kind == "string_pattern_mismatch" and shape.expected != "text":
        return f"found {said}; expected {shape.expected}"
    if kind in _COUNTED and isinstance(spot.node, str):
        kind = f"string_{kind}"
    elif kind in _COUNTED:
        said = f"{said} with {context['actual_length']} entries"
    if kind in _RULES:
        told = f"found {said}; expected {_RULES[kind].format(**context)}"
        return told.replace(" 1 characters", " 1 character").replace(" 1 entries", " 1 entry")
    text: str = found["msg"]
    if text.startswith("Input should be "):
        expected = shape.expected if shape.expected != Shape.expected else text.removeprefix("Input should be ")
        return f"found {said}; expected {expected}"
    return text if text.startswith("found ") else f"found {said}: {text}"
