"""One rule file: its text to a validated ``RuleFile``, and every mistake the schema finds.

A rule that the schema refuses is cut down to those of its keys that are valid by themselves, so that they and the other rules
are still checked and all mistakes come out at once.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from router.errors import Diagnostic
from router.rules.schema import GRAMMAR_VERSION, RuleFile, RuleSection
from router.yamldoc import Document, Limits, read, to_diagnostic, validate

LIMITS = Limits(size=16 * 1024 * 1024, nodes=1_000_000)
"""Of one rule file: room for some 20,000 rules."""

_STAND_IN_ID = "stand-in"
_MAX_VERSION_DIGITS = 9
MAX_BROKEN = 1_000
"""Rules of a file that are broken, and what is good of them still looked at: above it more is wrong than anybody is told."""


class ReadFile(msgspec.Struct, kw_only=True):
    """A rule file as far as it could be read. ``broken``: indices of rules cut down to what is valid of them.

    ``value`` is None when nothing is usable. ``lost_schedules``: names of schedules that have mistakes.
    """

    document: Document
    value: RuleFile | None
    broken: frozenset[int]
    diagnostics: list[Diagnostic]
    lost_schedules: frozenset[str] = frozenset()


def read_file(name: str, text: str | bytes) -> ReadFile:
    """Read and validate one file; never raises, whatever the text."""
    document = read(text, name, limits=LIMITS)
    future = _refuse_future(document)
    if future is not None:
        return ReadFile(document=document, value=None, broken=frozenset(), diagnostics=[future])
    value, diagnostics = validate(document, RuleFile)
    broken: frozenset[int] = frozenset()
    lost: frozenset[str] = frozenset()
    if value is None:
        value, broken = _salvage(document)
        lost = _written_schedules(document) - frozenset(value.schedules if value is not None else ())
    return ReadFile(document=document, value=value, broken=broken, diagnostics=diagnostics, lost_schedules=lost)


def _written_schedules(document: Document) -> frozenset[str]:
    data = document.data
    schedules = data.get("schedules") if isinstance(data, dict) else None
    return frozenset(schedules) if isinstance(schedules, dict) else frozenset()


def _refuse_future(document: Document) -> Diagnostic | None:
    """A file in a later version of the language earns one diagnostic, not one for each key we do not know."""
    data = document.data
    version = data.get("version") if isinstance(data, dict) else None
    if not isinstance(version, str) or not version.isdecimal() or len(version) > _MAX_VERSION_DIGITS:
        return None
    if int(version) <= GRAMMAR_VERSION:
        return None
    message = (
        f"the file is written in version {int(version)} of the rule language; this program knows version {GRAMMAR_VERSION}"
    )
    hint = f"upgrade alert-router, or write version: {GRAMMAR_VERSION} and what that version has"
    return to_diagnostic(document, ("version",), "unknown-grammar-version", message, hint)


def _salvage(document: Document) -> tuple[RuleFile | None, frozenset[int]]:
    """The rules that are valid by themselves, and what is valid of the others."""
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
        return None, frozenset()
    unreadable = {path[1] for path in document.broken if len(path) > 1 and path[0] == "rules"}
    rules: list[Any] = []
    broken: set[int] = set()
    for index, rule in enumerate(data["rules"]):
        if index not in unreadable and _is_valid(document, rule):
            rules.append(rule)
        else:
            broken.add(index)
            if len(broken) > MAX_BROKEN:
                return None, frozenset()
            rules.append({"id": _STAND_IN_ID} if index in unreadable else _cut_down(document, rule))
    salvaged: dict[str, Any] = {"rules": rules}
    for key in ("owner", "guard", "defaults", "silences", "maintenance", "inhibitions"):
        if key in data and _try(document, {key: data[key], "rules": []}) is not None:
            salvaged[key] = data[key]
    schedules = data.get("schedules")
    if isinstance(schedules, dict):
        good = {name: each for name, each in schedules.items() if _try(document, {"schedules": {name: each}, "rules": []})}
        salvaged["schedules"] = good
    return _try(document, salvaged), frozenset(broken)


def _cut_down(document: Document, rule: Any) -> dict[str, Any]:
    """A rule of those keys that are valid by themselves; of ``match`` likewise."""
    kept: dict[str, Any] = {"id": _STAND_IN_ID}
    for key, part in rule.items() if isinstance(rule, dict) else ():
        if _is_valid(document, kept | {key: part}):
            kept[key] = part
        elif key == "match" and isinstance(part, dict):
            kept[key] = {
                inner: value for inner, value in part.items() if _is_valid(document, {"id": _STAND_IN_ID, key: {inner: value}})
            }
    return kept


def _is_valid(document: Document, rule: Any) -> bool:
    if not isinstance(rule, dict):
        return False
    clean = dataclasses.replace(document, data=rule, diagnostics=[], broken=frozenset())
    return validate(clean, RuleSection)[0] is not None


def _try(document: Document, data: dict[str, Any]) -> RuleFile | None:
    clean = dataclasses.replace(document, data=data, diagnostics=[], broken=frozenset())
    return validate(clean, RuleFile)[0]
