from __future__ import annotations

from pathlib import Path

import pytest

from router.config.places import is_directory, may_be_file, unreadable


def test_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.touch()
    assert (may_be_file(file), is_directory(file)) == (True, False)
    assert (may_be_file(tmp_path), is_directory(tmp_path)) == (False, True)
    assert (may_be_file(tmp_path / "gone"), is_directory(tmp_path / "gone")) == (False, False)


def test_what_cannot_be_looked_at_is_for_whoever_opens_it() -> None:
    path = Path("a" * 300)  # a name too long to be one, as a stand-in for a folder we may not enter: the tests may run as root
    with pytest.raises(OSError, match="too long"):
        path.is_file()
    assert (may_be_file(path), is_directory(path)) == (True, False)


def test_what_cannot_be_read_is_a_mistake_at_its_beginning() -> None:
    found = unreadable("rules/a.yaml", PermissionError(13, "Permission denied"))
    assert (found.code, found.level, found.message) == ("unreadable-file", "error", "cannot be read: Permission denied")
    assert str(found.span) == "rules/a.yaml:1:1"
