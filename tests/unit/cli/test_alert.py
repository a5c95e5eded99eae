from __future__ import annotations

import click
import pytest

from router.cli.alert import describe, read_labels


def test_labels_are_names_and_values() -> None:
    assert read_labels(["a=b", "c=", "d=e=f"]) == {"a": "b", "c": "", "d": "e=f"}
    for text in ("a", "=b"):
        with pytest.raises(click.UsageError):
            read_labels([text])


def test_fire_and_resolve_are_about_the_same_alert() -> None:
    fired, resolved = (describe("a", "b", {"c": "d"}, "", status=status) for status in ("firing", "resolved"))
    assert fired | {"status": "resolved"} == resolved
