"""Which parts of Jinja a template may use. What is not named here is refused at load, with what to write instead.

Refused because they could run away or reach out: calls of any kind (so no ``range``, no ``'x'.center(10**9)``), ``**``,
nested loops, ``set`` (doubling a text forty times), macros, includes, imports. Unknown fields are warnings.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from router.rules.fields import FIELDS, MAPPINGS
from router.rules.filters import FILTERS
from router.yamldoc import suggest

MAX_NODES = 500
"""Parts of one template."""

MAX_DEPTH = 30
"""How deep its expressions may be nested."""

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.If,
    nodes.CondExpr, nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Tuple,
    nodes.List, nodes.Keyword,
)  # fmt: skip
TESTS = ("defined", "undefined", "none", "in", "eq", "ne")
_TAGS = {
    nodes.Assign: "set", nodes.AssignBlock: "set", nodes.Macro: "macro", nodes.CallBlock: "call", nodes.FilterBlock: "filter",
    nodes.Include: "include", nodes.Import: "import", nodes.FromImport: "from", nodes.Extends: "extends", nodes.Block: "block",
    nodes.With: "with", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip


MEMBERS = "members of"
"""An internal filter's name, which no template can spell."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong, or doubtful, about a template."""

    code: str
    message: str
    hint: str = ""
    level: Literal["error", "warning"] = "error"


def check_syntax(tree: nodes.Template, more: frozenset[str] = frozenset()) -> list[Finding]:
    """Everything in the tree that is refused (errors) or names nothing known (warnings); ``more``: further fields."""
    findings: list[Finding] = []
    count = 0
    waiting: list[tuple[nodes.Node, int, int, frozenset[str]]] = [(tree, 0, 0, more)]
    while waiting:
        node, depth, loops, local = waiting.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            return [
                Finding(
                    code="template", message=f"the template is too large: more than {MAX_NODES} parts or {MAX_DEPTH} levels"
                )
            ]
        finding = _refuse(node, loops) or _doubt(node, local)
        if finding:
            findings.append(finding)
            if finding.level == "error":
                continue
        if isinstance(node, nodes.For):
            loops += 1
            local = local | {"loop"} | {name.name for name in node.target.find_all(nodes.Name)} | _target_name(node.target)
        waiting.extend((child, depth + 1, loops, local) for child in reversed(list(node.iter_child_nodes())))
    return findings


def _target_name(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _refuse(node: nodes.Node, loops: int) -> Finding | None:
    message = hint = ""
    match node:
        case nodes.Call():
            function = node.node
            if isinstance(function, nodes.Getattr):
                message = f"templates cannot call .{function.attr}()"
                hint = f"write x|{function.attr}" if function.attr in FILTERS else _filter_list()
            else:
                message = "templates cannot call functions"
        case nodes.Pow():
            message = "templates cannot use **"
        case nodes.Mul() | nodes.Mod() if _is_no_number(node.left) or _is_no_number(node.right):
            message = f"{node.operator} works on numbers only"
        case nodes.For() if loops or node.recursive:
            message = "loops cannot be nested"
        case nodes.Filter() | nodes.Test() | nodes.Getattr():
            return _refuse_name(node)
        case nodes.Stmt() if type(node) in _TAGS:
            message = f"templates cannot use {{% {_TAGS[type(node)]} %}}"
            hint = "templates have {{ field }}, filters, {% if %} and one level of {% for %}"
        case _ if not isinstance(node, _ALLOWED):
            message = f"templates cannot use this ({type(node).__name__.lower()})"
    return Finding(code="template", message=message, hint=hint) if message else None


def _refuse_name(node: nodes.Filter | nodes.Test | nodes.Getattr) -> Finding | None:
    message = hint = ""
    match node:
        case nodes.Filter() if node.name not in FILTERS:
            message = f"there is no filter {node.name!r}"
            hint = suggest(node.name, FILTERS) or _filter_list()
        case nodes.Test() if node.name not in TESTS:
            message = f"there is no test {node.name!r}"
            hint = f"tests are {', '.join(TESTS)}"
        case nodes.Getattr() if node.attr.startswith("_"):
            message = f"there is no field {node.attr!r}"
    return Finding(code="template", message=message, hint=hint) if message else None


def _is_no_number(node: nodes.Node) -> bool:
    return isinstance(node, nodes.List | nodes.Tuple) or (isinstance(node, nodes.Const) and isinstance(node.value, str))


def _doubt(node: nodes.Node, local: frozenset[str]) -> Finding | None:
    match node:
        case nodes.Name(ctx="load") if node.name not in FIELDS and node.name not in local:
            hint = suggest(node.name, FIELDS) or f"a label? write labels.{node.name}; fields are {', '.join(FIELDS)}"
            message = f"there is no field {node.name!r}: it will be empty"
            return Finding(code="template-unknown-field", message=message, hint=hint, level="warning")
        case nodes.Getattr(node=nodes.Name(name=name)) if name in FIELDS and name not in MAPPINGS and name not in local:
            hint = f"write {name}|{node.attr}" if node.attr in FILTERS else f"write {name}"
            message = f"{name} has no fields: {name}.{node.attr} will be empty"
            return Finding(code="template-unknown-field", message=message, hint=hint, level="warning")
    return None


def _filter_list() -> str:
    return f"filters are {', '.join(FILTERS)}"


class _Bounds(NodeTransformer):
    """``a ~ b`` becomes our own capped join, and a loop runs over a capped list."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 -- Jinja's naming
        self.generic_visit(node)
        joined = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(joined, "join", [nodes.Const("", lineno=node.lineno)], [], None, None, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 -- Jinja's naming
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, MEMBERS, [], [], None, None, lineno=node.lineno)
        return node


def bound(tree: nodes.Template) -> nodes.Template:
    """The same template with concatenation and loops bounded; changes the tree it is given."""
    bounded: nodes.Template = _Bounds().visit(tree)
    assert tree.environment is not None
    return bounded.set_environment(tree.environment)  # type: ignore[return-value]
