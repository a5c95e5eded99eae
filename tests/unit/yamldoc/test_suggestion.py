"""Guesses are near, bounded, and absent when nothing is near."""

from __future__ import annotations

import pytest

from router.yamldoc import suggest

KEYS = ["service", "severity", "labels", "group_by", "firing_for", "Ünï"]


@pytest.mark.parametrize(
    ("word", "best"),
    [
        ("servce", "service"), ("Service", "service"), ("group-by", "group_by"), ("GROUP_BY", "group_by"), ("sev", "severity"),
        ("label", "labels"), ("firingfor", "firing_for"), ("ünï", "Ünï"),
    ],
)  # fmt: skip
def test_near(word, best):
    assert suggest(word, KEYS) == f'did you mean "{best}"?'


@pytest.mark.parametrize("word", ["", "xyz", "se", "s" * 65])
def test_nothing_is_near(word):
    assert suggest(word, KEYS) == ""


def test_no_candidates_and_long_ones():
    assert suggest("service", []) == ""
    assert suggest("service", ["service" * 100]) == ""
