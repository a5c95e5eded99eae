from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from router.history.sqlite.indexing import columns, in_pieces, index, learn, spellings, unindex
from router.history.sqlite.opening import open_for_writing
from router.model.past import PastAlert, PastNote, Story
from tests.support.past import record


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    return open_for_writing(tmp_path / "history.db")


def hits(connection: sqlite3.Connection, word: str) -> list[int]:
    return [number for (number,) in connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (word,))]


def test_an_incident_that_is_told_anew_is_found_by_its_new_words_only(connection: sqlite3.Connection) -> None:
    index(connection, record(1, title="first"), Story())
    index(connection, record(1, title="second"), Story())
    index(connection, record(1, title="second"), Story())
    assert (hits(connection, "first"), hits(connection, "second")) == ([], [1])
    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    unindex(connection, 1)
    unindex(connection, 1)
    assert hits(connection, "second") == []
    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_lines_that_many_alerts_share_are_indexed_once() -> None:
    alerts = tuple(PastAlert(at=1, key=f"k{number}", details=f"env: prod\nhost: h{number}") for number in range(9))
    details = columns(record(1), Story(alerts=alerts))[3]
    assert details.count("env: prod") == 1
    assert "host: h8" in details


def test_notes_are_indexed_without_pagerdutys_words() -> None:
    story = Story(notes=(PastNote(at=1, who="Ada", text="Resolution Note: rebooted"),))
    assert columns(record(1), story)[2] == "rebooted"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("CardError", "Card Error"),
        ("HTTPServerDown", "HTTP Server Down"),
        ("disk_almost_full", "disk almost full"),
        ("plain words, Sentence", ""),
        ("", ""),
    ],
)
def test_pieces_of_names(text: str, pieces: str) -> None:
    assert in_pieces(text) == (f"{text}\n{pieces}" if pieces else text)


def test_only_words_that_can_be_mistyped_are_learnt(connection: sqlite3.Connection) -> None:
    words = spellings(["Disk full on host17 a1b2c3 Überlauf"])
    assert words == {"disk", "full", "überlauf"}
    learn(connection, words)
    learn(connection, words)
    assert connection.execute("SELECT count(*) FROM spelling_pieces").fetchone() == (3,)
