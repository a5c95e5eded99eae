"""The errors of the router, one tree, and the diagnostic a bad file earns.

RouterError
 +- ConfigError          a file cannot be used; carries every Diagnostic found, never only the first
 +- StoreError           the store cannot do what was asked
 |   +- StoreFull        no room left: refuse new alerts, keep delivering what is held
 |   +- StoreUnavailable try again later
 |   +- StoreUnusable    corrupt or of a newer version: stop and say how to mend it
 |   +- LeaseLost        another replica decides now
 +- RemoteError          PagerDuty's REST API did not do what was asked
 |   +- RemoteUnavailable  try again later
 |   +- RemoteRefused    it never will, as asked: the message says what to change
 +- Overloaded           a bounded queue is full: the sender shall come back later
 +- InvariantError       a promise of ours is broken; always a bug

Expected failures of a delivery are values (``router.model.delivery.Outcome``), never exceptions.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a text file; lines and columns count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        """``file:line:column``, as editors and compilers print it."""
        return f"{self.file}:{self.line}:{self.column}"


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake (or warning) in a file: where, what was found, what was expected, what to try."""

    code: str  # stable, kebab-case: "unknown-key", "duplicate-key", "unknown-team"
    span: Span
    path: str  # "rules[3].when.within"; empty for the whole document
    message: str  # what was found and what was expected
    hint: str = ""  # what to try: 'did you mean "service"?'
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """One or two lines for a terminal."""
        where = f" at {self.path}" if self.path else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{self.span}: {self.level} [{self.code}]{where}: {self.message}{hint}"


class RouterError(Exception):
    """Root of every error the router raises on purpose."""


class ConfigError(RouterError):
    """A configuration or rule file cannot be used; ``diagnostics`` names every mistake."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        """Keep the diagnostics; the message lists them one after another."""
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = diagnostics


class StoreError(RouterError):
    """The store cannot do what was asked."""


class StoreFull(StoreError):
    """No room is left on the disk (or under the configured reserve): new alerts are refused with 503."""


class StoreUnavailable(StoreError):
    """The store does not answer now; trying again later may help."""


class StoreUnusable(StoreError):
    """The store is corrupt, of a newer version, or not ours; a person has to act, the message says how."""


class LeaseLost(StoreError):
    """Another replica holds the decider's lease with a later epoch; nothing of this commit was written."""


class RemoteError(RouterError):
    """PagerDuty's REST API did not do what was asked."""


class RemoteUnavailable(RemoteError):
    """No answer, too many calls, or its own trouble; trying again later may help."""


class RemoteRefused(RemoteError):
    """Refused for good. ``status`` and ``code`` are PagerDuty's, 0 if there is none; ``right``: what the token lacks."""

    def __init__(self, message: str, *, status: int = 0, code: int = 0, right: str = "") -> None:
        """The message is for the person who asked."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.right = right


class Overloaded(RouterError):
    """A bounded queue is full; ``retry_after_seconds`` is what the sender is told."""

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        """Keep how long the sender should wait."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class InvariantError(RouterError):
    """A promise of ours is broken; always a bug, never an input's fault."""
