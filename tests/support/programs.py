"""Other programs as the tests run them: Debian's Prometheus, Alertmanager and amtool; never faked, never skipped."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

START_SECONDS = 30.0


def find_program(path: str, package: str) -> str:
    """The program at this path; the test fails, with the line that installs it, if it is not there."""
    if not Path(path).is_file():
        raise AssertionError(
            f"{path} is missing; as root: apt-get update && apt-get install --no-install-recommends {package} "
            "(make test does that by itself)"
        )
    return path


@contextlib.contextmanager
def started(command: Sequence[str], folder: Path, ready_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs until the end of the block; entered once ``ready_url`` answers 200."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.txt"
    with output.open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(process, ready_url, output)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}:\n{output.read_text()}")
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer in {START_SECONDS} s:\n{output.read_text()}")
