"""Judges a report of pip-audit: ``python tools/audit.py REPORT LOCK [--strict]``. Exit code 1 for a known hole.

Must never do: pass for audited what was not asked about.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ACCEPTED: dict[str, str] = {}
"""Holes that do not concern us, by id: why not."""


def main(report: Path, lock: Path, *, is_strict: bool) -> int:
    """Say what was found, and what was not asked about."""
    pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE))
    found = _read(report)
    asked = {entry["name"] for entry in found if "vulns" in entry}
    holes = [
        f"{entry['name']} {entry['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for entry in found
        for hole in entry.get("vulns", ())
        if hole["id"] not in ACCEPTED
    ]
    left = sorted(pinned - asked)
    for hole in holes:
        sys.stdout.write(f"audit: {hole}\n")
    if left:
        named = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")  # noqa: PLR2004 -- enough to see
        sys.stdout.write(f"audit: not asked about, the database did not answer: {len(left)} of {len(pinned)} ({named})\n")
    if pinned & asked and not holes:
        sys.stdout.write(f"audit: no known hole in {len(pinned & asked)} of {len(pinned)} distributions\n")
    return 1 if holes or (left and is_strict) else 0


def _read(report: Path) -> list[dict[str, Any]]:
    try:
        entries: list[dict[str, Any]] = json.loads(report.read_bytes())["dependencies"]
    except (OSError, ValueError, KeyError):  # nothing could be asked
        return []
    return entries


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), is_strict="--strict" in sys.argv[3:]))
