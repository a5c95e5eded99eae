"""What we rest on and how we look at our own code: locks that pin by hash, an audit that judges, a lint that bites."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = "a==1.0 \\\n    --hash=sha256:0\nb==2.0 \\\n    --hash=sha256:0\n"
HOLE = {"id": "GHSA-1", "fix_versions": ["1.1"], "aliases": [], "description": "x"}


def locked(name: str) -> dict[str, str]:
    """Distribution -> its block of a lock file."""
    text = (ROOT / name).read_text()
    return {block.partition("==")[0]: block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if "==" in block}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_everything_is_pinned_by_hash_and_from_nowhere_in_particular(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "a line that begins with a dash changes where pip looks"
    blocks = locked(name)
    assert len(blocks) > 20
    for block in blocks.values():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    assert "--require-hashes" in (ROOT / "tools/setup.sh").read_text()
    assert "--no-deps" in (ROOT / "tools/setup.sh").read_text()


def test_nothing_is_installed_for_running_that_running_does_not_need() -> None:
    """The closure of what pyproject.toml names, and not one distribution more."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [Requirement(text) for text in project["dependencies"]]
    needed: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in needed or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        needed.add(name)
        waiting += [Requirement(text) for text in metadata.requires(name) or ()]
    assert set(locked("requirements.lock")) == needed
    assert needed <= set(locked("requirements-dev.lock"))


def audit(tmp_path: Path, dependencies: Any, *options: str) -> tuple[int, str]:
    (tmp_path / "lock").write_text(LOCK)
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"dependencies": dependencies}) if dependencies is not None else "")
    command = [sys.executable, ROOT / "tools/audit.py", report, tmp_path / "lock", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


def test_a_known_hole_fails_the_audit(tmp_path: Path) -> None:
    good = {"name": "a", "version": "1.0", "vulns": []}
    bad = {"name": "b", "version": "2.0", "vulns": [HOLE]}
    assert audit(tmp_path, [good, bad]) == (1, "audit: b 2.0: GHSA-1, mended in 1.1\n")
    assert audit(tmp_path, [good, bad | {"vulns": []}]) == (0, "audit: no known hole in 2 of 2 distributions\n")


@pytest.mark.parametrize(
    "report", [None, [], [{"name": "a", "skip_reason": "x"}, {"name": "b", "version": "2.0", "vulns": []}]]
)
def test_what_was_not_asked_about_is_never_called_audited(tmp_path: Path, report: Any) -> None:
    code, said = audit(tmp_path, report)
    assert code == 0
    assert "not asked about" in said
    assert "2 of 2 distributions" not in said.splitlines()[-1]
    assert audit(tmp_path, report, "--strict")[0] == 1


MISTAKES = {
    # a mistake of those that bandit looks for: its code
    "eval(text)": "S307",
    "exec(text)": "S102",
    "subprocess.run(text, shell=True)": "S602",
    "os.system(text)": "S605",
    "pickle.loads(text)": "S301",
    "yaml.load(text, Loader=yaml.Loader)": "S506",
    "hashlib.md5(text)": "S324",
    "tempfile.mktemp()": "S306",
    "ssl._create_unverified_context()": "S323",
    "httpx.get(text, verify=False, timeout=1)": "S501",
    'open("/tmp/x")': "S108",
    "os.chmod(text, 0o777)": "S103",
    'connection.execute(f"SELECT * FROM x WHERE y = {text}")': "S608",
    'socket.bind(("0.0.0.0", 1))': "S104",
    "random.choice(text)": "S311",
    "try:\n    f()\nexcept Exception:\n    pass": "S110",
    'password = "hunter2hunter2"': "S105",
    "xml.etree.ElementTree.fromstring(text)": "S314",
    "jinja2.Environment(autoescape=False)": "S701",
}


@pytest.mark.parametrize(("mistake", "code"), MISTAKES.items())
def test_the_lint_finds_what_bandit_would(mistake: str, code: str) -> None:
    """By the project's own settings, as `make lint` runs it, for a module of the router."""
    modules = (
        "hashlib",
        "httpx",
        "jinja2",
        "os",
        "pickle",
        "random",
        "ssl",
        "subprocess",
        "tempfile",
        "yaml",
        "xml.etree.ElementTree",
    )
    source = "".join(f"import {module}\n" for module in modules) + mistake + "\n"
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format",
        "json",
        "--stdin-filename",
        "router/api/planted.py",
        "-",
    ]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False, cwd=ROOT)
    assert code in {found["code"] for found in json.loads(done.stdout)}, done.stdout + done.stderr


def test_the_lint_is_part_of_what_has_to_pass() -> None:
    run, makefile = (ROOT / ".ci/run").read_text(), (ROOT / "Makefile").read_text()
    assert re.search(r"for step in .*\blint\b.*\baudit\b", run)
    assert "ruff check ." in makefile
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == ["S101"], "assertions stay on in production"
    for place, rules in lint["per-file-ignores"].items():
        assert place.startswith("tests") or not [rule for rule in rules if re.fullmatch(r"S\d*", rule)], place
