"""A place with some history for every test of a command that looks at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.place import Place


@pytest.fixture
def history(tmp_path: Path) -> Place:
    """See ``Place``."""
    place = Place(tmp_path)
    place.fill()
    return place
