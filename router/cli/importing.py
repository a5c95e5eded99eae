"""``alert-router import``: an Alertmanager configuration as config.yaml and rules, and a report of what does not translate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from router.cli.check import examine_files, print_diagnostics, summarise
from router.cli.options import fail, output_option, print_json
from router.importing.notes import Note
from router.importing.translating import Imported, translate_alertmanager

REPORT = "import-report.txt"
_COLOURS = {"error": "red", "lost": "yellow", "to do": "cyan", "differs": "blue"}
_MOST_BYTES = 4 * 1024 * 1024


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("imported"),
    show_default=True,
    help="Where config.yaml, rules/ and the report are written.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@output_option
@click.pass_context
def import_(context: click.Context, file: Path, folder: Path, output: str, *, force: bool) -> None:
    r"""Translate an Alertmanager configuration: routes, receivers, inhibitions, time intervals.

    The same alerts page the same receivers. What has no counterpart, or works otherwise, is told in one line each, on the
    screen and in import-report.txt, with the line it stands on. No key is copied; teams refer to environment variables.

    \b
    Examples:
      alert-router import /etc/alertmanager/alertmanager.yml
      alert-router import alertmanager.yml --out new --output json

    Exit code 1 if the file cannot be read, or a route or inhibition could not be taken over.
    """
    if file.stat().st_size > _MOST_BYTES:
        fail(f"{file} is larger than {_MOST_BYTES:,} bytes")
    text = file.read_bytes()
    imported = translate_alertmanager(text, file.name)
    if imported.mistakes:
        print_diagnostics(imported.mistakes, {file.name: text})
        fail(f"{file} cannot be read as it is")
    if not imported.files:
        fail("\n".join(note.written(file.name) for note in imported.notes))
    _write(imported, folder, file.name, force=force)
    checked = examine_files(folder / "config.yaml", [], read_secrets=False)
    if output == "json":
        print_json(_as_json(imported, folder))
    else:
        for note in imported.notes:
            click.echo(_coloured(note, file.name))
        click.echo(f"\nwritten to {folder}/: {', '.join([*imported.files, REPORT])}")
        click.echo(f"{summarise(checked)}; {_count(imported.notes)}")
    context.exit(1 if checked.errors or any(note.kind == "error" for note in imported.notes) else 0)


def _write(imported: Imported, folder: Path, name: str, *, force: bool) -> None:
    report = "".join(f"{note.written(name)}\n" for note in imported.notes)
    files = imported.files | {REPORT: report}
    there = [path for path in files if (folder / path).exists()]
    if there and not force:
        fail(f"{', '.join(there)} is there already in {folder}", hint="name another folder with --out, or use --force")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def _coloured(note: Note, name: str) -> str:
    return note.written(name).replace(f" {note.kind}: ", f" {click.style(note.kind, fg=_COLOURS[note.kind])}: ", 1)


def _count(notes: list[Note]) -> str:
    kinds = {kind: sum(note.kind == kind for note in notes) for kind in _COLOURS}
    counted = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    return f"{len(notes)} notes" + (f" ({counted})" if counted else "")


def _as_json(imported: Imported, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "files": [*imported.files, REPORT],
        "rules": [msgspec.structs.asdict(rule) for rule in imported.rules],
        "notes": [msgspec.structs.asdict(note) for note in imported.notes],
    }
