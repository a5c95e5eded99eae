from __future__ import annotations

from router.model.webhook import EXPRESSION_FIELDS, LISTED_FIELDS, NAMED_FIELDS, Credentials


def test_credentials_do_not_print_the_secret() -> None:
    assert "hush" not in repr(Credentials(secret="hush"))


def test_every_special_field_is_one_of_the_fields() -> None:
    assert (NAMED_FIELDS | set(LISTED_FIELDS)) <= set(EXPRESSION_FIELDS)
