"""What a door answers: refusals that name place and reason."""

from router.model.receipt import Receipt, Refusal


def test_a_refusal_names_index_field_and_reason() -> None:
    assert str(Refusal(index=3, field="labels.env", reason="expected text")) == "alert 3, labels.env: expected text"
    assert str(Refusal(index=0, field="", reason="not an object")) == "alert 0: not an object"


def test_an_empty_receipt_took_nothing() -> None:
    assert Receipt() == Receipt(taken=0, journalled=0, refusals=(), dedup_key="")
