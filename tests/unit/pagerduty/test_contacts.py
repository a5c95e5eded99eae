from __future__ import annotations

import pytest

from router.pagerduty.contacts import ADDRESS, NUMBER, name_only, without_contacts


@pytest.mark.parametrize(
    "text",
    ["ada@example.test", "Ada.O'Neil+pager@mail.example.co.uk", "mailto:ada@example.test", "jörg@exämple.test"],
)
def test_addresses_are_taken_out(text: str) -> None:
    assert without_contacts(f"ask {text}, please") == f"ask {ADDRESS}, please"


@pytest.mark.parametrize(
    "text",
    ["+49 170 1234567", "+1 (555) 123-4567", "0044 20 7946 0958", "(555) 123-4567", "555-123-4567", "tel:+491701234567"],
)
def test_telephone_numbers_are_taken_out(text: str) -> None:
    assert without_contacts(f"call {text} now") == f"call {NUMBER} now"


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.250:8080", "2026-10-03T08:00:00Z", "1764543210123", "v1.22.333", "order 4711-0815", "95.5 % of 1234567890",
        "550e8400-e29b-41d4-a716-446655440000", "+3 pods, +12%", "exit code 127", "offset +0200", "user @here",
    ],
)  # fmt: skip
def test_what_is_none_stays(text: str) -> None:
    assert without_contacts(text) == text


def test_a_name_that_is_an_address_loses_its_domain() -> None:
    assert name_only("ada.lovelace@example.test") == "ada.lovelace"
    assert name_only("Ada Lovelace") == "Ada Lovelace"
    assert name_only("Ada <ada@example.test>") == f"Ada <{ADDRESS}>"
