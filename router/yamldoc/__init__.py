"""YAML text in, validated values or complete diagnostics out. The only room that knows the library ``yaml``.

Belongs here: reading one YAML document safely (size, depth and node caps; no tags, no duplicate keys, no anchors, aliases and
merge keys but in other programs' documents), remembering the place of every value and key, and validating it with plain
pydantic models so that *all* mistakes come out at once, each with a stable code, a place, a path and a hint. May import:
``router.errors``. Must never do: open a file, read a clock, log. Bad input never raises; a bug in a model's own validator does.

The schema, not YAML, decides the type: unquoted scalars stay text until an annotation asks for something else, see
``router.yamldoc.shapes``. The public face is what this module exports; the rest is the room's own affair.
"""

from router.yamldoc.codes import CODES
from router.yamldoc.document import DEFAULT, Document, Limits, Path, Plain, format_path, to_diagnostic
from router.yamldoc.reader import read
from router.yamldoc.suggestion import suggest
from router.yamldoc.validation import Mistake, YamlModel, validate

__all__ = [
    "CODES",
    "DEFAULT",
    "Document",
    "Limits",
    "Mistake",
    "Path",
    "Plain",
    "YamlModel",
    "format_path",
    "read",
    "suggest",
    "to_diagnostic",
    "validate",
]
