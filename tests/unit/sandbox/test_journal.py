"""The request journal keeps order and both of its bounds."""

from router.sandbox.journal import Journal


def fill(journal, bodies):
    for body in bodies:
        journal.open(at=0, face="events", method="POST", path="/", headers={}, body=body)


def test_bound_in_entries():
    journal = Journal(2, 1_000)
    fill(journal, [b"1", b"2", b"3"])
    assert [entry.body for entry in journal.entries()] == [b"2", b"3"]
    assert [entry.sequence for entry in journal.entries()] == [2, 3]
    assert (journal.recorded, journal.dropped) == (3, 1)


def test_bound_in_bytes_keeps_at_least_the_newest():
    journal = Journal(100, 5)
    fill(journal, [b"123", b"45", b"6", b"1234567"])
    assert [entry.body for entry in journal.entries()] == [b"1234567"]
