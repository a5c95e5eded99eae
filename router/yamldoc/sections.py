"""What every section of a YAML file is made of, in the configuration as in rule files.

Must never do: know of any key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, ConfigDict, Field

from router.yamldoc.validation import Mistake, YamlModel

Kind = TypeVar("Kind")


def _refuse_null(value: Kind) -> Kind:
    """A key whose default is "none" is left out, not left empty: an empty one is somebody's half-finished line."""
    if value is None:
        raise Mistake("empty-value", "the key has no value", "give it a value, or leave it out")
    return value


Maybe: TypeAlias = Annotated[Kind | None, AfterValidator(_refuse_null)]


class Section(YamlModel):
    """A mapping of the file; defaults are written, and checked, as a user would write them."""

    model_config = ConfigDict(validate_default=True)


def setting(default: Any, description: str, **more: Any) -> Any:
    """A key that may be left out."""
    if default is None:
        more["validate_default"] = False
    return Field(default, description=description, **more)


def reads(parse: Callable[[str], Any]) -> AfterValidator:
    """A text that ``parse`` can read; it stays text, and is parsed where it is used."""

    def check(value: str) -> str:
        parse(value)
        return value

    return AfterValidator(check)


def said(form: str, plural: str) -> Any:
    """How a key's form is called where a mistake is told, one and many."""
    return Field(json_schema_extra={"expected": form, "expected_plural": plural})
