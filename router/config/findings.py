"""What loading one configuration collects on its way: diagnostics, and where which secret is wanted."""

from __future__ import annotations

import re
from pathlib import Path as FilePath

import msgspec

from router.config.secrets import REFERENCE_FORM, Purpose, check_reference, is_reference
from router.errors import Diagnostic
from router.yamldoc import Document, Path, format_path, to_diagnostic

# A routing key holds no colon, so this was meant as a reference.
_OTHER_REFERENCE = re.compile(r"\$|[A-Za-z_]{2,20}:")


class Findings:
    """One configuration on its way. ``base`` is the directory that relative paths start from."""

    def __init__(self, document: Document, base: FilePath) -> None:
        """Nothing found yet."""
        self.document = document
        self.base = base
        self.diagnostics: list[Diagnostic] = []
        self.broken: set[Path] = set()  # what stands in for a part that the schema refused: not looked at again
        self.references: dict[Path, tuple[str, Purpose]] = {}
        self.literals: dict[str, str] = {}

    def complain(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """An error at a place, unless the place is broken already."""
        if not self.is_broken(path):
            self.diagnostics.append(to_diagnostic(self.document, path, code, message, hint, key=key))

    def complain_inside(  # noqa: PLR0917 -- as ``complain``, and the place inside the text
        self, path: Path, code: str, message: str, hint: str, text: str, position: int
    ) -> None:
        """An error at a character of a text, where the text stands in the file as it is; else at all of it."""
        if self.is_broken(path):
            return
        found = to_diagnostic(self.document, path, code, message, hint)
        start = self.document.offset_of(path, text)
        if start is not None:
            end = start + max(position + 1, len(text))
            found = msgspec.structs.replace(found, span=self.document.lines.span(start + position, end))
        self.diagnostics.append(found)

    def warn(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        """A warning at a place."""
        if not self.is_broken(path):
            self.diagnostics.append(to_diagnostic(self.document, path, code, message, hint, "warning", key=key))

    def is_broken(self, path: Path) -> bool:
        """Whether the schema has refused this part, or one around it."""
        return any(path[:length] in self.broken for length in range(1, len(path) + 1))

    def resolve_path(self, written: str) -> FilePath:
        """An absolute path; ``~`` is the user's home."""
        return (self.base / FilePath(written).expanduser()).absolute()

    def refer(self, path: Path, written: str, purpose: Purpose) -> str:
        """The reference to keep for the secret at a path; one that stands there itself is named by its place."""
        reference = written
        if is_reference(written):
            problem = check_reference(written)
            if problem:
                self.complain(path, problem.code, problem.message, problem.hint)
                return written
        elif purpose is Purpose.ROUTING_KEY and _OTHER_REFERENCE.match(written):
            self.complain(
                path,
                "bad-reference",
                f"expected {REFERENCE_FORM}, found a reference of another kind",
                hint="for example: env:PD_KEY_PAYMENTS; variables are not put in otherwise",
            )
            return written
        else:
            hint = f"keep it elsewhere and refer to it: {REFERENCE_FORM}"
            self.warn(path, "literal-secret", f"the {purpose} itself stands in the configuration", hint)
            return self.keep(path, written, purpose)
        if not self.is_broken(path):
            self.references[path] = (reference, purpose)
        return reference

    def keep(self, path: Path, written: str, purpose: Purpose) -> str:
        """The reference to what stands in the configuration itself, named by its place."""
        reference = f"config:{format_path(path)}"
        self.literals[reference] = written.strip()
        if not self.is_broken(path):
            self.references[path] = (reference, purpose)
        return reference
