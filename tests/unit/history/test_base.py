from __future__ import annotations

from router.history.base import Scope


def test_equal_scopes_have_one_name() -> None:
    assert Scope(statuses=("a", "b"), services=("x",)).name == Scope(statuses=("b", "a"), services=("x",)).name
    assert Scope().name != Scope(services=("x",)).name
