"""The shapes of models and unions, and the way from an annotation to its shape.

Compiled per model and kept; a model may contain itself, so its fields are looked at when first needed.
"""
# ruff: noqa: D102 - what fits, convert, child, core and inner promise is said once, in Shape

from __future__ import annotations

import collections
import collections.abc
import enum
import functools
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo

from router.yamldoc import scalars
from router.yamldoc.document import Path, Plain, shown
from router.yamldoc.shapes import (
    KEYS,
    KIND,
    MOST_CHOICES,
    NO,
    AnyShape,
    BoolShape,
    ChoiceShape,
    Complaints,
    ListShape,
    MappingShape,
    NullableShape,
    NumberShape,
    OpaqueShape,
    Shape,
    TextShape,
    TupleShape,
    ValidatedShape,
    as_found,
    colon_hint,
)
from router.yamldoc.suggestion import suggest

_REPLACING = ("before", "wrap", "plain")
_LISTS = (
    list,
    set,
    frozenset,
    collections.deque,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
    collections.abc.Set,
    collections.abc.MutableSequence,
    collections.abc.MutableSet,
)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping, collections.OrderedDict)
_SMALL = 0.001  # breaks ties between forms that know equally many keys


class Branch:
    """One member of a union."""

    def __init__(self, shape: Shape, annotation: Any) -> None:
        """Keep the annotation for the day pydantic is asked about this branch alone."""
        self.shape = shape
        self._annotation = annotation

    @functools.cached_property
    def _adapter(self) -> pydantic.TypeAdapter[Any]:
        return pydantic.TypeAdapter(self._annotation)

    def validate(self, value: Any) -> Any:
        """Validate as if the annotation were this branch alone."""
        return self._adapter.validate_python(value)


class UnionShape(Shape):
    """``X | Y``: one branch is chosen, and only it is reported on."""

    def __init__(self, branches: list[Branch]) -> None:
        self.branches = branches
        seen: dict[str, None] = {}
        for branch in branches:
            core = branch.shape.core()
            is_list_of_these = (
                isinstance(core, ListShape) and core.item.expected in seen and core.item.plural.startswith("entries")
            )
            seen["a list of these" if is_list_of_these else branch.shape.expected] = None
        self.expected = " or ".join(seen)
        self.plural = " or ".join(dict.fromkeys(branch.shape.plural for branch in branches))

    @functools.cached_property
    def models(self) -> list[ModelShape]:
        """The branches that are models."""
        cores = (branch.shape.core() for branch in self.branches)
        return [core for core in cores if isinstance(core, ModelShape)]

    @functools.cached_property
    def _tags(self) -> dict[str, list[str]]:
        """Keys that are a required choice of text in every model, with no choice shared: they tell the models apart."""
        tags: dict[str, list[str]] = {}
        for name in self.models[0].fields:
            fields = [model.fields.get(name) for model in self.models]
            shapes = [field.shape.core() if field and field.is_required else None for field in fields]
            texts = [text for shape in shapes if isinstance(shape, ChoiceShape) for text in shape.texts]
            if all(isinstance(shape, ChoiceShape) for shape in shapes) and len(set(texts)) == len(texts):
                tags[name] = texts
        return tags

    @functools.cached_property
    def _is_only_models_for_mappings(self) -> bool:
        others = [branch.shape for branch in self.branches if not isinstance(branch.shape.core(), ModelShape)]
        has_validator = any(model.has_validator for model in self.models)
        return not has_validator and not any(shape.fits({}) for shape in others)

    def choose(self, node: Any) -> Branch | None:
        """The branch a node is meant for, or None if it suits none."""
        best, best_fit = None, 0.0
        for branch in self.branches:
            fit = branch.shape.fits(node)
            if fit > best_fit:
                best, best_fit = branch, fit
        return best

    def fits(self, node: Any) -> float:
        return max(branch.shape.fits(node) for branch in self.branches)

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        branch = self.choose(node)
        if branch is None:
            return self._refuse_all(node, path, out)
        has_forms = isinstance(node, dict) and self._is_only_models_for_mappings and len(self.models) > 1
        if has_forms and (self._is_tag_wrong(node, path, out) or self._is_unclear(node, path, out)):
            out.mute(path)
            return as_found(node)
        return branch.shape.convert(node, path, out)

    def _refuse_all(self, node: Any, path: Path, out: Complaints) -> Any:
        cores = [branch.shape.core() for branch in self.branches]
        texts = [text for core in cores if isinstance(core, ChoiceShape) for text in core.texts]
        if not isinstance(node, str) or scalars.is_null(node):
            return self.refuse(node, path, out)
        code = "not-a-choice" if texts else "wrong-type"
        message = f"found {self.found(node)}; expected {self.expected}"
        out.complain(path, code, message, lambda: suggest(node, texts) or _quotes_hint(node, cores))
        return as_found(node)

    def _is_tag_wrong(self, node: dict[str, Any], path: Path, out: Complaints) -> bool:
        for name, texts in self._tags.items():
            if name not in node:
                message = f"the key {shown(name)} is missing; expected {ChoiceShape(texts).expected}"
                out.complain(
                    (*path, name), "missing-key", message, hint=f"add {name}: {next(iter(texts))}" if texts else "add it"
                )
                return True
            if node[name] not in texts:
                ChoiceShape(texts).convert(node[name], (*path, name), out)
                return True
        return False

    def _is_unclear(self, node: dict[str, Any], path: Path, out: Complaints) -> bool:
        if any(model.knows_one_of(node) for model in self.models):
            return False
        forms = " or ".join(f"{{{model.keys_shown()}}}" for model in self.models)
        known = [name for model in self.models for name in model.fields]
        message = f"found a mapping with none of the keys that are known here; expected {forms}"
        out.complain(path, "unclear-variant", message, lambda: next(filter(None, (suggest(key, known) for key in node)), ""))
        return True

    def inner(self) -> Iterable[Shape]:
        return (branch.shape for branch in self.branches)


class ModelField(typing.NamedTuple):
    """One key of a model."""

    shape: Shape
    is_required: bool
    description: str


class ModelShape(Shape):
    """A pydantic model; its fields are looked at when first needed, for models may contain themselves."""

    expected = "a mapping"
    plural = "mappings"

    def __init__(self, model: type[pydantic.BaseModel]) -> None:
        self.model = model
        self.has_validator = _has_validator(model)
        self._allows_extra = model.model_config.get("extra") == "allow"
        _take_words(self, model.model_config.get("json_schema_extra"))

    @property
    def fields(self) -> dict[str, ModelField]:
        """By every key the model reads, main spelling first."""
        return _fields_of(self.model)

    def knows_one_of(self, node: dict[str, Any]) -> bool:
        """Has at least one key in common."""
        return not self.fields.keys().isdisjoint(node)

    def keys_shown(self) -> str:
        """The required keys, or all of them, for a message."""
        names = [name for name, field in self.fields.items() if field.is_required] or list(self.fields)
        more = ", …" if len(names) > MOST_CHOICES else ""
        return ", ".join(names[:MOST_CHOICES]) + more

    def fits(self, node: Any) -> float:
        if not isinstance(node, dict):
            return NO
        if node and not self.knows_one_of(node):
            return _SMALL
        fit: float = KIND
        for key, value in node.items():
            field = self.fields.get(key)
            if field is None:
                fit -= _SMALL
                continue
            fit += KEYS + field.is_required
            if isinstance(field.shape.core(), ChoiceShape) and field.shape.fits(value):
                fit += KEYS * 100
        missing = sum(1 for name, field in self.fields.items() if field.is_required and name not in node)
        return max(fit - _SMALL * missing, _SMALL)

    def convert(self, node: Any, path: Path, out: Complaints) -> Any:
        if not isinstance(node, dict):
            return self.refuse(node, path, out, colon_hint(node))
        fields = self.fields
        values: dict[str, Any] = {}
        for key, value in node.items():
            field = fields.get(key)
            if field is not None:
                values[key] = field.shape.convert(value, (*path, key), out)
            elif self._allows_extra or self.has_validator:  # pydantic decides
                values[key] = AnyShape().convert(value, (*path, key), out)
            else:
                out.unknown_key((*path, key))
        return values

    def child(self, part: str | int) -> Shape | None:
        field = self.fields.get(part) if isinstance(part, str) else None
        return field.shape if field else None


# annotations to shapes


def shape_of(model: type[pydantic.BaseModel], within: frozenset[int] = frozenset()) -> Shape:
    """The shape of a model."""
    shape: Shape
    if issubclass(model, pydantic.RootModel):
        if id(model) in within:
            return AnyShape()
        model.model_rebuild()
        shape = _of_field(model.model_fields["root"], within | {id(model)})
    else:
        shape = ModelShape(model)
    return ValidatedShape(shape) if _has_validator(model) else shape


def _has_validator(model: type[pydantic.BaseModel]) -> bool:
    decorators = model.__pydantic_decorators__
    return any(found.info.mode in _REPLACING for found in decorators.model_validators.values())


@functools.lru_cache(maxsize=512)
def _fields_of(model: type[pydantic.BaseModel]) -> dict[str, ModelField]:
    model.model_rebuild()
    validated = {
        name
        for found in model.__pydantic_decorators__.field_validators.values()
        if found.info.mode in _REPLACING
        for name in found.info.fields
    }
    fields: dict[str, ModelField] = {}
    for name, info in model.model_fields.items():
        shape = _of_field(info, frozenset())
        if name in validated or "*" in validated:
            shape = ValidatedShape(shape)
        for key in _keys(model, name, info):
            fields[key] = ModelField(shape, info.is_required(), info.description or "")
    return fields


def _keys(model: type[pydantic.BaseModel], name: str, info: FieldInfo) -> Iterator[str]:
    alias = info.validation_alias
    if isinstance(alias, pydantic.AliasChoices):
        yield from (choice for choice in alias.choices if isinstance(choice, str))
    elif isinstance(alias, str):
        yield alias
    config = model.model_config
    if alias is None or config.get("populate_by_name") or config.get("validate_by_name"):
        yield name


def _of_field(info: FieldInfo, within: frozenset[int]) -> Shape:
    shape = _of(info.annotation, tuple(info.metadata), within)
    _take_words(shape, info.json_schema_extra)
    return shape


def _of(annotation: Any, metadata: tuple[Any, ...], within: frozenset[int]) -> Shape:
    """The shape of an annotation; ``within`` are the named aliases around it, which may name themselves."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata = (*more, *metadata)
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):
            if annotation is pydantic.JsonValue or id(annotation) in within:
                return AnyShape()
            within |= {id(annotation)}
            annotation = annotation.__value__
        else:
            break
    shape = _bare(annotation, within)
    for data in metadata:
        if isinstance(data, (pydantic.BeforeValidator, pydantic.WrapValidator, pydantic.PlainValidator)):
            shape = ValidatedShape(shape)
        elif isinstance(data, FieldInfo):
            _take_words(shape, data.json_schema_extra)
    return shape


def _bare(annotation: Any, within: frozenset[int]) -> Shape:
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Union or origin is types.UnionType:
        return _union(arguments, within)
    if origin is Literal:
        return ChoiceShape(arguments)
    kind = origin or annotation
    if kind is tuple and arguments and arguments[-1] is not ...:
        return TupleShape([_of(argument, (), within) for argument in arguments])
    if kind is tuple or kind in _LISTS:
        return ListShape(_of(arguments[0], (), within) if arguments else AnyShape())
    if kind in _MAPPINGS:
        key, value = arguments or (str, Any)
        return MappingShape(_of(key, (), within), _of(value, (), within))
    return _simple(annotation, within)


def _simple(annotation: Any, within: frozenset[int]) -> Shape:
    if annotation in (Any, object) or isinstance(annotation, typing.TypeVar):
        return AnyShape()
    if annotation in (None, type(None)):
        return ChoiceShape([None])
    if annotation is str:
        return TextShape()
    if annotation is bool:
        return BoolShape()
    if annotation in (int, float):
        return NumberShape(is_whole=annotation is int)
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return shape_of(annotation, within)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return ChoiceShape(member.value for member in annotation)
    shape = OpaqueShape()
    if annotation in (pydantic.SecretStr, pydantic.SecretBytes):
        shape.expected, shape.plural, shape.is_secret = "text", "texts", True
    return shape


def _union(arguments: tuple[Any, ...], within: frozenset[int]) -> Shape:
    branches = [Branch(_of(argument, (), within), argument) for argument in arguments if argument is not type(None)]
    shape = branches[0].shape if len(branches) == 1 else UnionShape(branches)
    return shape if len(branches) == len(arguments) else NullableShape(shape)


def _take_words(shape: Shape, extra: Any) -> None:
    """What the author of a model says of a value."""
    if not isinstance(extra, Mapping):
        return
    if "expected" in extra:
        shape.expected = str(extra["expected"])
        shape.plural = _plural(shape.expected)
    shape.plural = str(extra.get("expected_plural", shape.plural))
    shape.is_secret = bool(extra.get("secret", shape.is_secret))
    if isinstance(shape, (NullableShape, ValidatedShape)):
        _take_words(shape.of, extra)
    elif shape.is_secret:
        for inner in shape.inner():
            _take_words(inner, {"secret": True})


def _plural(expected: str) -> str:
    article, _, word = expected.partition(" ")
    if article in ("a", "an") and word.replace("-", "").isalpha():
        return f"{word}s"
    return f"entries, each {expected}"


def _quotes_hint(node: str, cores: list[Shape]) -> str:
    """Quoted text that some branch would take without its quotes."""
    if type(node) is not Plain and any(core.fits(Plain(node)) for core in cores) and not any(core.is_secret for core in cores):
        return f"remove the quotes: {node}"
    return ""
