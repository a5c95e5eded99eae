"""``python -m tests.fuzz TARGET [SECONDS]``: a coverage-guided search with atheris, which has to be installed beside the rest.

Ends with the first finding, whose bytes stand in a file ``crash-…`` below the given folder. Not part of ``make test``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["router", "yaml", "jinja2"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Search until the time is up or something is found."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    seeds = folder / "corpus"
    seeds.mkdir()
    known = sorted((Path(__file__).parent / "corpus" / name).glob("*"))
    for number, seed in enumerate([*SEEDS[name], *(path.read_bytes() for path in known)]):
        (seeds / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder}/",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=2048",
    ]
    sys.stderr.write(f"findings go to {folder}\n")
    atheris.Setup([sys.argv[0], str(seeds), *options], TARGETS[name])
    atheris.Fuzz()


main()
