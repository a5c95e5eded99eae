"""What must not become markup or a formula; the forms as a whole are looked at in ``test_rendering``."""

from __future__ import annotations

import pytest

from router.history.texts import _cell, _link, _plain


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert _cell(text) == f"'{text}"


def test_plain_cells_stay() -> None:
    assert _cell("payment-api") == "payment-api"
    assert _cell("") == ""


def test_markdown_is_escaped() -> None:
    assert _plain("a|b *c* [d](e) <f>\n#") == r"a\|b \*c\* \[d\](e) \<f\> \#"
    assert _link("https://example.test/x", "[t]") == r"[\[t\]](<https://example.test/x>)"
    assert _link("https://example.test/>x", "t") == "t"
