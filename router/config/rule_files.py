"""Finds and reads the rule files a configuration names; the only place that knows where rules come from.

A directory gives its ``*.yaml`` in sorted order; ``*.test.yaml`` are tests, names that begin with a dot are nobody's. Never
looks into directories below. Never raises: what cannot be read is a diagnostic at the place that named it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from router.config.places import is_directory, may_be_file
from router.errors import Diagnostic, Span

MAX_FILES = 1_000
MAX_FILE_BYTES = 16 * 1024 * 1024
_TEST_SUFFIX = ".test.yaml"
# Whoever may write rules must not thereby be able to have the daemon's user read, and quote in a message, any file there is.
_LINK = "a link in a directory of rules has to stay inside it; name the other file or directory under rules: as well"
_REMOVE = "mend it, or remove it: what is named *.yaml in a directory of rules is taken for rules"
_NEAR_MISSES = (".yml", ".yaml.j2", ".yaml.txt", ".json")


class RuleFiles(msgspec.Struct, kw_only=True):
    """What was read: (name, text) in the order the rules are tried, and what was wrong."""

    files: list[tuple[str, bytes]]
    diagnostics: list[Diagnostic]


def read_rule_files(paths: Sequence[Path], *, named_at: Span, seen_from: Path | None = None) -> RuleFiles:
    """Read every rule file of these files and directories, each once. Files are called as seen from a directory.

    That is ``seen_from``, or the working directory.
    """
    found = RuleFiles(files=[], diagnostics=[])
    for path in _find(paths, named_at, found.diagnostics):
        try:
            # Not waiting for a writer, should the path have become a named pipe.
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123
                # One byte more than allowed is enough to see that it is too large.
                text = opened.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            hint = "it has to be readable for the daemon's user"
            found.diagnostics.append(_diagnose("unreadable-file", named_at, f"{path} cannot be read: {error.strerror}", hint))
            continue
        found.files.append((shown_name(path, seen_from), text))
    if not found.files and not any(diagnostic.level == "error" for diagnostic in found.diagnostics):
        message = "there is no rule file: every alert pages the default team"
        hint = f"looked for *.yaml in {', '.join(map(str, paths))}"
        found.diagnostics.append(_diagnose("no-rules", named_at, message, hint, is_warning=True))
    return found


def shown_name(path: Path, seen_from: Path | None = None) -> str:
    """How a file is called in messages: relative to ``seen_from`` (or the working directory) if it lies below it."""
    try:
        return str(path.absolute().relative_to(seen_from or Path.cwd()))
    except ValueError:
        return str(path)


def _find(paths: Iterable[Path], named_at: Span, diagnostics: list[Diagnostic]) -> list[Path]:
    files: dict[Path, Path] = {}
    for path in paths:
        if is_directory(path):
            for entry in _list(path, named_at, diagnostics):
                if _is_named_as_rules(entry):
                    wrong = _find_wrong(entry)
                    if wrong is not None:
                        diagnostics.append(_diagnose("unreadable-file", named_at, f"{shown_name(entry)} {wrong}", _REMOVE))
                        continue
                    target = entry.resolve()
                    if not target.is_relative_to(path.resolve()):
                        diagnostics.append(
                            _diagnose("linked-outside", named_at, f"{shown_name(entry)} leads to {target}", _LINK)
                        )
                        continue
                    files.setdefault(target, entry)
                elif entry.name.endswith(_NEAR_MISSES) and not entry.name.startswith("."):
                    message = f"{shown_name(entry)} is not read: rule files are named *.yaml"
                    diagnostics.append(
                        _diagnose("ignored-file", named_at, message, is_warning=True, hint="rename it, or move it elsewhere")
                    )
        elif may_be_file(path):
            files.setdefault(path.resolve(), path)
        else:
            hint = (
                "name the directory: its *.yaml are read"
                if "*" in path.name
                else "a relative path starts where the configuration stands"
            )
            diagnostics.append(_diagnose("missing-file", named_at, f"there is no file or directory {path}", hint))
    if len(files) > MAX_FILES:
        message = f"found {len(files)} rule files, at most {MAX_FILES} are read"
        diagnostics.append(_diagnose("too-many-files", named_at, message, hint="put the rules of one team into one file"))
    return list(files.values())[:MAX_FILES]


def _list(directory: Path, named_at: Span, diagnostics: list[Diagnostic]) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        message = f"{directory} cannot be listed: {error.strerror or error}"
        diagnostics.append(_diagnose("unreadable-file", named_at, message, "it has to be readable for the daemon's user"))
        return []


def _is_named_as_rules(path: Path) -> bool:
    name = path.name
    return name.endswith(".yaml") and not name.endswith(_TEST_SUFFIX) and not name.startswith(".") and not is_directory(path)


def _find_wrong(path: Path) -> str | None:
    """Why it cannot be rules. Left out in silence, a file whose link broke would take all its rules out of force."""
    if may_be_file(path):
        return None
    return "is no regular file" if path.exists() else "is a link that leads to nothing"


def _diagnose(code: str, span: Span, message: str, hint: str = "", *, is_warning: bool = False) -> Diagnostic:
    return Diagnostic(
        code=code, span=span, path="rules", message=message, hint=hint, level="warning" if is_warning else "error"
    )
