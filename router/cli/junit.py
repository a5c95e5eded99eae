"""Results of rule tests as JUnit XML, which every CI system reads."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import msgspec


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test: ``failure`` is empty when it passed."""

    file: str
    name: str
    line: int
    took_seconds: float
    failure: str = ""
    details: str = ""


def write_junit(cases: Sequence[Case]) -> str:
    """The document; one suite per file, in the order given."""
    suites: dict[str, list[Case]] = {}
    for case in cases:
        suites.setdefault(case.file, []).append(case)
    total, failures = len(cases), sum(bool(case.failure) for case in cases)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites tests="{total}" failures="{failures}">']
    for file, group in suites.items():
        failed = sum(bool(case.failure) for case in group)
        took = sum(case.took_seconds for case in group)
        head = f'tests="{len(group)}" failures="{failed}" errors="0" time="{took:.3f}"'
        lines.append(f"  <testsuite name={_attribute(file)} {head}>")
        for case in group:
            where = f'file={_attribute(case.file)} line="{case.line}"'
            opening = f"    <testcase name={_attribute(case.name)} classname={_attribute(file)} {where}"
            opening += f' time="{case.took_seconds:.3f}"'
            if not case.failure:
                lines.append(f"{opening}/>")
                continue
            lines.append(f"{opening}>")
            lines.append(f"      <failure message={_attribute(case.failure)}>{escape(_legal(case.details))}</failure>")
            lines.append("    </testcase>")
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _attribute(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    """Without the characters that XML cannot hold even escaped."""
    return "".join(
        character if character in "\t\n\r" or (character >= " " and not "\ud800" <= character <= "\udfff") else "·"
        for character in text
    )
