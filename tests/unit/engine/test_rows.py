"""Who is told: teams and channels told apart; what was told of a group before it has an episode."""

from __future__ import annotations

import pytest

from router.engine.rows import Episode, Group, channel_of, split, who


def test_teams_and_channels_are_told_apart() -> None:
    pages = (("payments", "env:P"), ("", "channel:chat"), ("platform", "env:Q"))
    assert split(pages) == (("payments", "platform"), ("chat",))
    assert split(pages[:1]) == (("payments",), ())
    assert split(()) == ((), ())
    assert [who(page) for page in pages] == ["payments", "channel:chat", "platform"]
    assert channel_of(pages[1]) == "chat"


def test_what_is_told_is_the_episode_or_what_was_noted() -> None:
    group = Group(id=1, rule="r", names=(), values=())
    with pytest.raises(AssertionError):
        _ = group.told
    noted, episode = (
        Episode(key=key, number=1, opened_at=0, service="s", name="n", summary="", severity=1, worst=1) for key in "ab"
    )
    group.noted = noted
    assert group.told is noted
    group.episode = episode
    assert group.told is episode
