"""Who was paged and who was told, in words."""

from __future__ import annotations

import pytest

from router.model.decision import words_of


@pytest.mark.parametrize(
    ("teams", "channels", "expected"),
    [
        ((), (), "nobody"),
        (("a", "b"), (), "a and b"),
        ((), ("chat",), "chat"),
        (("a",), ("chat", "mail"), "a, and tells chat and mail"),
    ],
)
def test_who_in_words(teams: tuple[str, ...], channels: tuple[str, ...], expected: str) -> None:
    assert words_of(teams, channels) == expected
