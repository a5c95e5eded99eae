from __future__ import annotations

from router.importing.notes import Notes
from router.yamldoc import read


def test_notes_are_told_in_the_order_of_the_file_and_once() -> None:
    notes = Notes(read("a: 1\nb:\n  - x\n  - c: 2\n", "am.yml"))
    notes.add("lost", ("b", 1, "c"), "gone")
    notes.add("to do", ("a",), "do it")
    notes.add("lost", ("b", 1, "c"), "gone")
    notes.add("error", ("b", 0), "bad")
    assert [note.written("am.yml") for note in notes.all()] == [
        "am.yml:1: to do: a: do it",
        "am.yml:3: error: b[0]: bad",
        "am.yml:4: lost: b[1].c: gone",
    ]
    assert notes.line(("b", 1, "nowhere")) == 4
