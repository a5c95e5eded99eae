"""The statements of ``queries.sql`` by name, and one statement for many rows.

Python lets go of the interpreter's lock around each step of a statement and must win it back afterwards. Against a busy
event loop that takes up to the switch interval (5 ms), once a row with ``executemany``: 370 alerts a second were
measured, 8,000 with 250 rows in one statement. So rows are written many to a statement.
"""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files
from typing import Any

from router.errors import InvariantError

_CHUNKS = (256, 128, 64, 32, *range(16, 0, -1))  # few different statements, so that all stay prepared
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_ROW = re.compile(r"(.*\bVALUES)\s*\n  (\([^\n]*\))\n?(.*)", re.DOTALL)


def load_queries() -> dict[str, str]:
    """Statement by name, comments above the first one left out."""
    text = files("router.store.sqlite").joinpath("queries.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


QUERIES = load_queries()


class Bulk:
    """Writes any number of rows with one statement per 256 of them."""

    def __init__(self, name: str) -> None:
        """Take the statement apart at its row of question marks."""
        parts = _ROW.fullmatch(QUERIES[name])
        if parts is None:
            raise InvariantError(f"queries.sql: {name} has no row of parameters on a line of its own")
        head, row, tail = parts.groups()
        self._width = row.count("?")
        self._statements = [(count, f"{head} {', '.join([row] * count)} {tail}") for count in _CHUNKS]

    def run(self, connection: sqlite3.Connection, values: list[Any]) -> int:
        """Write the rows whose columns stand one after another in ``values``; answer how many rows were touched."""
        width = self._width
        position, end = 0, len(values)
        touched = 0
        for count, statement in self._statements:
            size = count * width
            while end - position >= size:
                whole = position == 0 and end == size
                cursor = connection.execute(statement, values if whole else values[position : position + size])
                touched += cursor.rowcount
                position += size
        return touched
