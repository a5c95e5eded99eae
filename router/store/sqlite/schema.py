"""The version of the schema: what a file says of itself, and the migrations that bring it up to ours.

A migration is a numbered SQL file, forward only, one transaction. Its first line names the oldest schema whose programs
may still use the file afterwards (``-- compatible down to: 1``), so going back a release is arithmetic, not hope.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from router import __version__
from router.errors import InvariantError, StoreUnusable
from router.store.sqlite.queries import QUERIES

APPLICATION_ID = 0x616C7274  # "alrt"
_FILE = re.compile(r"(\d{4})_\w+\.sql")
_COMPATIBLE = re.compile(r"-- compatible down to: (\d+)\n")


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the schema, from ``number`` - 1 to ``number``."""

    number: int
    compatible_down_to: int
    sql: str


def load_migrations(package: str = "router.store.sqlite.migrations") -> list[Migration]:
    """All of them in order, without gaps."""
    found: list[Migration] = []
    for file in files(package).iterdir():
        name = _FILE.fullmatch(file.name)
        if name is None:
            continue
        text = file.read_text(encoding="utf-8")
        compatible = _COMPATIBLE.match(text)
        if compatible is None:
            raise InvariantError(f"migration {file.name} does not begin with '-- compatible down to: N'")
        found.append(Migration(number=int(name[1]), compatible_down_to=int(compatible[1]), sql=text))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise InvariantError("the migrations are not numbered 1, 2, 3 …")
    return found


MIGRATIONS: Sequence[Migration] = load_migrations()


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], *, application_id: int = APPLICATION_ID) -> None:
    """Apply what the file does not have yet, each step in one transaction; nothing on a file that is up to date."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    for migration in migrations[found:]:
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{migration.sql}")
            connection.execute(QUERIES["set_meta"], ("compatible_down_to", migration.compatible_down_to))
            connection.execute(QUERIES["set_meta"], ("written_by", __version__))
            connection.execute(f"PRAGMA application_id = {application_id}")
            connection.execute(f"PRAGMA user_version = {migration.number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check_version(
    connection: sqlite3.Connection, path: Path, known: int, *, application_id: int = APPLICATION_ID, setting: str = "store:"
) -> None:
    """StoreUnusable unless the file is ours and of a schema that a program of schema ``known`` may use."""
    (found_id,) = connection.execute("PRAGMA application_id").fetchone()
    if found_id != application_id:
        raise StoreUnusable(
            f"{path} is a SQLite database of another program (application id {found_id:#x}, ours is "
            f"{application_id:#x}); it was not touched. Give `{setting}` a path of its own"
        )
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found <= known:
        return
    facts = dict(connection.execute("SELECT name, value FROM meta WHERE name IN ('compatible_down_to', 'written_by')"))
    compatible = facts.get("compatible_down_to", found)
    if not isinstance(compatible, int) or compatible > known:
        raise StoreUnusable(
            f"{path} has schema {found}, written by alert-router {facts.get('written_by', 'of an unknown version')}; this "
            f"alert-router {__version__} knows schema {known}, and the file may be used down to schema {compatible}. "
            "It was not touched. Run the newer release, or restore the backup made before the upgrade"
        )
