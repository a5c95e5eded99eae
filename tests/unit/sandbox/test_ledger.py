"""The pages ledger keeps order and its bound."""

from router.sandbox.ledger import Ledger


def record(ledger, at, reason="triggered", service="s", incident_id="Q"):
    return ledger.record(
        at=at,
        incident_id=incident_id,
        incident_number=1,
        service=service,
        user_id="P",
        user="Ada",
        reason=reason,
        urgency="high",
        title="t",
        dedup_keys=("k",),
    )


def test_order_filters_and_bound():
    ledger = Ledger(2)
    record(ledger, 1)
    record(ledger, 2, reason="escalated", service="x")
    record(ledger, 3, incident_id="R")
    assert [page.at for page in ledger.pages()] == [2, 3]
    assert [page.at for page in ledger.newest(5)] == [3, 2]
    assert [page.at for page in ledger.pages(reason="escalated", service="x")] == [2]
    assert [page.at for page in ledger.pages(incident_id="R")] == [3]
    assert (ledger.recorded, ledger.dropped) == (3, 1)
    assert ledger.pages()[-1].sequence == 3
