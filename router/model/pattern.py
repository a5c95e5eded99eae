"""A pattern over one text: exact, glob, or regular expression, possibly negated. Never backtracks.

``*`` matches any run of characters, also ``/`` and ``.``; ``?`` one character; ``[abc]``, ``[!abc]`` a set. Matching is
case-sensitive. Regular expressions are RE2 (linear time; no look-around, no back-references) and match anywhere in the text,
as in most monitoring tools' search; anchor them with ``^`` and ``$``.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any, Literal

import re2

PatternKind = Literal["exact", "glob", "regex"]
_GLOB_CHARACTERS = re.compile(r"[*?\[]")
_MAX_REGEX_MEMORY_BYTES = 8 * 1024 * 1024


class PatternError(ValueError):
    """The regular expression cannot be compiled; the message says why."""


class Pattern:
    """``text`` is what the user wrote, without the ``!`` of a negation and the slashes of a regular expression."""

    __slots__ = ("_test", "kind", "negated", "text")

    def __init__(self, text: str, *, kind: PatternKind | None = None, negated: bool = False) -> None:
        """Compile; without ``kind`` a text with ``*``, ``?`` or ``[`` is a glob and any other exact."""
        self.text = text
        self.kind: PatternKind = kind or ("glob" if _GLOB_CHARACTERS.search(text) else "exact")
        self.negated = negated
        self._test: Any = None
        if self.kind == "glob":
            # 3.11's translation uses atomic groups, so a glob cannot backtrack exponentially.
            self._test = re.compile(fnmatch.translate(text)).match
        elif self.kind == "regex":
            self._test = _compile(text).search

    @classmethod
    def parse(cls, written: str) -> Pattern:
        """The rule language's form: ``!`` negates, ``/…/`` is a regular expression, ``*?[`` make a glob, else exact."""
        negated = written.startswith("!")
        body = written[1:] if negated else written
        if len(body) > 1 and body.startswith("/") and body.endswith("/"):
            return cls(body[1:-1], kind="regex", negated=negated)
        return cls(body, negated=negated)

    def matches(self, text: str) -> bool:
        """Whether this text is meant."""
        if self.kind == "exact":
            return (text == self.text) is not self.negated
        return (self._test(text) is not None) is not self.negated

    def extract(self, text: str) -> str | None:
        """What the first group of a regular expression matched, or all of the match without groups; None: no match."""
        if self.kind != "regex":
            return text if self.matches(text) else None
        found = self._test(text)
        if found is None:
            return None
        return str(found.group(1) or "") if found.re.groups else str(found.group(0))

    def __str__(self) -> str:
        """As the user wrote it."""
        body = f"/{self.text}/" if self.kind == "regex" else self.text
        return f"!{body}" if self.negated else body

    def __repr__(self) -> str:
        """For test output."""
        return f"Pattern({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Equal when written alike."""
        return isinstance(other, Pattern) and (self.text, self.kind, self.negated) == (
            other.text,
            other.kind,
            other.negated,
        )

    def __hash__(self) -> int:
        """By what was written."""
        return hash((self.text, self.kind, self.negated))


class Expression:
    """A regular expression (RE2) that finds and replaces, in time linear in the text."""

    __slots__ = ("_compiled", "_of_bytes")

    def __init__(self, text: str) -> None:
        """PatternError if it cannot be compiled."""
        self._compiled = _compile(text)
        # A third of the time where both pattern and text are ASCII, which mean the same in either form.
        self._of_bytes = _compile(text.encode("ascii")) if text.isascii() else None

    def occurs(self, text: str) -> bool:
        """Whether it matches anywhere."""
        if self._of_bytes is not None and text.isascii():
            return self._of_bytes.search(text.encode("ascii")) is not None
        return self._compiled.search(_encodable(text)) is not None

    def replace(self, text: str, by: Callable[[Any], str]) -> str:
        """The text with ``by(match)`` in place of each match."""
        return str(self._compiled.sub(by, _encodable(text)))


def _encodable(text: str) -> str:
    """RE2 reads UTF-8, which has no lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _compile(text: str | bytes) -> Any:
    options = re2.Options()
    if isinstance(text, bytes):
        options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MAX_REGEX_MEMORY_BYTES
    try:
        return re2.compile(text, options)
    except re2.error as error:
        cause = error.args[0] if error.args else error
        raise PatternError(cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)) from error
