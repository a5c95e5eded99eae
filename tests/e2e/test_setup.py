"""Set-up on a machine that has nothing: the real scripts, in a copy of the tree under a path with a blank in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from router import __version__

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout whose locks are empty: what is tested needs no network."""
    place = tmp_path / "a path with blanks"
    place.mkdir()
    shutil.copy(ROOT / "Makefile", place)
    shutil.copytree(ROOT / "tools", place / "tools")
    shutil.copytree(ROOT / "router", place / "router", ignore=shutil.ignore_patterns("__pycache__"))
    for lock in LOCKS:
        (place / lock).write_text("")
    return place


def make(place: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The suite itself may run under make, whose flags a make below it would follow.
    inherited = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(
        ["make", target],
        cwd=place,
        env=inherited | {"PYTHON": sys.executable} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def stub(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def bare_machine(folder: Path) -> str:
    """A PATH with the everyday commands, but without Python, apt-get or sudo."""
    folder.mkdir()
    for command in (
        "bash",
        "sh",
        "cat",
        "dirname",
        "sha256sum",
        "grep",
        "id",
        "mktemp",
        "rm",
        "readlink",
        "make",
        "awk",
        "sort",
    ):
        (folder / command).symlink_to(shutil.which(command) or "")
    return str(folder)


def test_from_nothing_to_a_working_command_and_again_at_once(copy: Path) -> None:
    first = make(copy, "setup")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "creating .venv" in first.stdout
    # The distributions come from this test's own environment: what is looked at here is the launcher and the path.
    site = next((copy / ".venv/lib").glob("python3*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    said = subprocess.run([copy / ".venv/bin/alert-router", "--version"], capture_output=True, text=True, check=True, cwd="/")
    assert __version__ in said.stdout
    origin = subprocess.run(
        [copy / ".venv/bin/python", "-c", "import router; print(router.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert origin.stdout.strip() == str(copy / "router/__init__.py")

    again = make(copy, "setup")
    assert (again.returncode, again.stdout) == (0, "")

    (copy / "requirements.lock").write_text("# changed\n")
    assert "installing" in make(copy, "setup").stdout


def test_an_environment_that_was_moved_is_made_anew(copy: Path, tmp_path: Path) -> None:
    assert make(copy, "setup").returncode == 0
    moved = tmp_path / "moved"
    copy.rename(moved)
    again = make(moved, "setup")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "creating .venv" in again.stdout


def test_without_python_it_says_what_to_install(copy: Path, tmp_path: Path) -> None:
    done = make(copy, "setup", PATH=bare_machine(tmp_path / "bin"), PYTHON="")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_without_venv_and_without_the_right_to_install_it_names_the_remedy(copy: Path, tmp_path: Path) -> None:
    path = bare_machine(tmp_path / "bin")
    script = f'case "$*" in *venv*|*ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"'
    stub(tmp_path / "python", "python3", script)
    done = make(copy, "setup", PATH=path, PYTHON=str(tmp_path / "python/python3"))
    assert done.returncode != 0
    assert "remedy, as root: apt-get update && apt-get install python3-venv" in done.stderr


def test_without_venv_but_as_root_it_installs_it(copy: Path, tmp_path: Path) -> None:
    path = bare_machine(tmp_path / "bin")
    mark = tmp_path / "installed"
    stub(tmp_path / "bin2", "apt-get", f'echo "$*" >> "{mark}"')
    stub(tmp_path / "bin2", "sudo", 'shift; exec "$@"')
    for command in ("env", "tee", "chmod", "true"):
        (tmp_path / "bin2" / command).symlink_to(shutil.which(command) or "")
    script = f'case "$*" in *venv*|*ensurepip*) [ -e "{mark}" ] || exit 1;; esac\nexec {sys.executable} "$@"'
    stub(tmp_path / "python", "python3", script)
    done = make(copy, "setup", PATH=f"{path}:{tmp_path / 'bin2'}", PYTHON=str(tmp_path / "python/python3"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert mark.read_text().splitlines() == ["-qq update", "-qq install -y --no-install-recommends python3-venv"]
    assert (copy / ".venv/bin/python").exists()


def test_missing_packages_of_the_tests_are_named_with_the_remedy(copy: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [copy / "tools/setup.sh", "packages"],
        env={"PATH": bare_machine(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (
        "remedy, as root: apt-get update && apt-get install --no-install-recommends curl prometheus prometheus-alertmanager"
        in done.stderr
    )


def pinned(lock: str) -> dict[str, str]:
    """Name -> version; every entry has to have a hash."""
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    found = {}
    for entry in entries:
        match = re.match(r"([a-z0-9-]+)==(\S+)", entry)
        assert match is not None, entry
        assert "--hash=sha256:" in entry, entry
        found[match[1]] = match[2]
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in requirements}


def test_the_locks_pin_what_pyproject_asks_for() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run, dev = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert names(pyproject["project"]["dependencies"]) <= set(run)
    groups = pyproject["dependency-groups"]
    asked = [each if isinstance(each, str) else groups[each["include-group"]] for each in groups["dev"]]
    assert names([name for each in asked for name in ([each] if isinstance(each, str) else each)]) <= set(dev)
    assert {name: dev.get(name) for name in run} == run


def test_help_names_every_target() -> None:
    shown = make(ROOT, "help").stdout
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets >= {"run", "test", "lint", "types", "contracts", "check", "bench", "clean", "lock", "help"}
    for target in targets:
        assert f"make {target} " in shown
