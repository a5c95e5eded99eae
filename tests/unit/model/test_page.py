import pytest

from router.model.page import Page


@pytest.mark.parametrize(("status", "is_open"), [("", False), ("triggered", True), ("acknowledged", True), ("resolved", False)])
def test_open_is_what_pagerduty_has_and_nobody_resolved(status: str, is_open: bool) -> None:
    assert Page(incident=1, team="payments", dedup_key="k", status=status).is_open is is_open
