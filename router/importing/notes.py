"""What an import has to tell: one line each, at a line of the original."""

from __future__ import annotations

from typing import Literal

import msgspec

from router.yamldoc import Document, Path, format_path

Kind = Literal["error", "lost", "differs", "to do"]
"""``error``: a route or inhibition is not taken over. ``lost``: something has no counterpart. ``differs``: it works, otherwise.
``to do``: a person has to supply something, a key above all."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    kind: Kind
    line: int
    path: str
    text: str

    def written(self, file: str) -> str:
        """``alertmanager.yml:12: lost: global.smtp_from: …``."""
        return f"{file}:{self.line}: {self.kind}: {self.path + ': ' if self.path else ''}{self.text}"


class Notes:
    """Collected on the way through one document."""

    def __init__(self, document: Document) -> None:
        """None yet."""
        self._document = document
        self._notes: list[Note] = []

    def add(self, kind: Kind, path: Path, text: str) -> None:
        """A note at a key of the document."""
        note = Note(kind=kind, line=self.line(path), path=format_path(path), text=text)
        if note not in self._notes:
            self._notes.append(note)

    def line(self, path: Path) -> int:
        """Where a key stands; an entry of a list where its text begins."""
        return self._document.span(path, key=bool(path) and isinstance(path[-1], str)).line

    def all(self) -> list[Note]:
        """In the order of the document."""
        return sorted(self._notes, key=lambda note: note.line)
