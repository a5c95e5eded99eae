"""Every place in the code that says a diagnostic, and those among them that give no hint.

A mistake without a step to take leaves whoever reads it alone with it. Found by reading the code, not by making mistakes: what no
test provokes is looked at too. Hints of the schema (``router/yamldoc``) are completed where they are made into diagnostics, and
tested there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support import house

# Name of what is called -> how many arguments stand before the hint.
SAYING = {
    "complain": 3,
    "warn": 3,
    "complain_inside": 3,
    "to_diagnostic": 4,
    "_diagnose": 3,
    "Mistake": 2,
    "Problem": 9,
    "Diagnostic": 9,
    "TemplateMistake": 9,
    "MappingMistake": 9,
}
_COMPLETED_LATER = "router/yamldoc/"


def find_missing_hints(root: Path) -> list[str]:
    """Calls that say a diagnostic with no hint, or with one that may be empty."""
    return [
        f"{path.relative_to(root)}:{call.lineno}: says what is wrong and not what to try"
        for path in house.modules_below(root, "router")
        if not path.relative_to(root).as_posix().startswith(_COMPLETED_LATER)
        for call in calls_of(house.parse(path))
        if may_be_empty(hint_of(call))
    ]


def calls_of(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls of what says diagnostics."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node) in SAYING:
            yield node


def name_of(call: ast.Call) -> str:
    """What is called, without what it belongs to."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def hint_of(call: ast.Call) -> ast.expr | None:
    """The argument; None if there is none. A star may hold it."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "hint"), None)
    if named is not None:
        return named
    before = SAYING[name_of(call)]
    if any(isinstance(each, ast.Starred) for each in call.args):
        return call.args[-1]
    return call.args[before] if len(call.args) > before else None


def may_be_empty(hint: ast.expr | None) -> bool:
    """Whether it is plainly nothing, in one of its cases at least."""
    match hint:
        case None | ast.Constant(value=""):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return may_be_empty(body) or may_be_empty(orelse)
        case ast.BoolOp(op=ast.Or(), values=values):
            return may_be_empty(values[-1])
        case _:
            return False
