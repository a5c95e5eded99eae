"""What stands at a path, asked so that the asking itself cannot fail.

``Path.is_file`` raises where the daemon's user may not look, or where a name is too long. Must never decide what that means:
who opens the file is told why not, and says so at its place.
"""

from __future__ import annotations

from pathlib import Path

from router.errors import Diagnostic, Span


def may_be_file(path: Path) -> bool:
    """Whether a file is there, or something that cannot be looked at: opening it says why."""
    try:
        return path.is_file()
    except OSError:
        return True


def is_directory(path: Path) -> bool:
    """Whether a directory is there, as far as we may look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def unreadable(name: str, error: OSError) -> Diagnostic:
    """The mistake that a file, as it is called in messages, cannot be read."""
    span = Span(file=name, line=1, column=1, end_line=1, end_column=1)
    hint = "it has to be readable for whoever runs this" if isinstance(error, PermissionError) else ""
    message = f"cannot be read: {error.strerror or error}"
    return Diagnostic(code="unreadable-file", span=span, path="", message=message, hint=hint)
