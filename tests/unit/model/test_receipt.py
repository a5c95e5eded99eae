from __future__ import annotations

from router.model.receipt import Invalid, Refusal


def test_a_refusal_names_the_place() -> None:
    assert str(Refusal(index=3, field="labels.env", reason="expected text")) == "alert 3, labels.env: expected text"
    assert str(Refusal(index=3, field="", reason="nested too deeply")) == "alert 3: nested too deeply"


def test_failed_checks_are_kept_one_by_one() -> None:
    error = Invalid(["a", "b"])
    assert error.errors == ["a", "b"]
    assert str(error) == "a; b"
