"""The tidy test: what reviewers would otherwise say again and again. Each check is also shown to catch a planted violation.

The exceptions below are visible on purpose, each with its reason, and may only become fewer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import hints, house

ROOT = Path(__file__).resolve().parent.parent

LONG_FUNCTIONS: dict[str, str] = {}
LONG_MODULES: dict[str, str] = {}
WITHOUT_UNIT_TEST: dict[str, str] = {
    "router/__main__.py": "two lines that call router.cli.main; the e2e tests start the daemon through them",
    "router/clock.py": "reads the machine's clock and nothing else; a test of it would test the machine",
}
CLOCKS = {
    # In the foreground of a terminal, waiting for the two processes it started; there is no loop and nothing to inject.
    "router/cli/demo.py": frozenset({"time.sleep"}),
    "router/clock.py": frozenset({"time.time_ns", "time.monotonic", "asyncio.sleep"}),
    "router/testing/virtual.py": frozenset({"asyncio.sleep"}),
    "router/sandbox/clock.py": frozenset({"time.time", "time.time_ns", "time.monotonic", "asyncio.sleep"}),
}

CHECKS: dict[str, Callable[[Path], list[str]]] = {
    "docstrings": house.find_missing_docstrings,
    "long functions": lambda root: house.find_long_functions(root, LONG_FUNCTIONS if root == ROOT else {}),
    "long modules": lambda root: house.find_long_modules(root, LONG_MODULES if root == ROOT else {}),
    "mirrors": lambda root: house.find_missing_mirrors(root, WITHOUT_UNIT_TEST if root == ROOT else {}),
    "unfinished work": house.find_unfinished_work,
    "hints": hints.find_missing_hints,
    "banned calls": lambda root: house.find_banned_calls(root, CLOCKS),
    "undocumented metrics": house.find_undocumented_metrics,
    "unknown metrics": house.find_unknown_metrics,
    "commands": house.find_undocumented_commands,
    "reasons": house.find_undocumented_reasons,
    "promises": house.find_unproved_promises,
    "hosts and paths": house.find_hosts_and_machine_paths,
    "links": house.find_broken_links,
    "navigation": house.find_pages_outside_navigation,
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_tree_is_tidy(name: str) -> None:
    findings = CHECKS[name](ROOT)
    assert not findings, "\n" + "\n".join(findings)


def plant(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


TIDY = {
    "router/__init__.py": '"""Why."""\n\n__version__ = "1"\n',
    "router/clock.py": '"""Why."""\n\nimport time\n\n\ndef now() -> int:\n    return time.time_ns()\n',
    "tests/unit/test_clock.py": "",
    "router/telemetry/metrics.py": '"""Why."""\n\nseen = Counter("seen", "Seen.")\n',
    "tests/unit/telemetry/test_metrics.py": "",
    "router/cli/__init__.py": '"""Why."""\n\nCOMMANDS: dict[str, str] = {"run": "The daemon."}\n',
    "tests/unit/cli/test_init.py": "",
    "router/model/decision.py": '"""Why."""\n\n\nclass Reason(StrEnum):\n    AT_ONCE = "at_once"\n',
    "tests/unit/model/test_decision.py": "",
    "docs/reference/metrics.md": "| `alert_router_seen_total` | counter | Seen. |\n",
    "docs/reference/cli.md": "## `alert-router run`\n",
    "docs/reference/reasons.md": "`at_once`: the rule has no `when`. See [commands](cli.md).\n",
    "docs/explanation/guarantees.md": "`test_promise_1_a`\n",
    "tests/e2e/test_promises.py": "def test_promise_1_a(): ...\n",
    "deploy/alerts.yaml": "expr: rate(alert_router_seen_total[5m]) > 0\n",
    "mkdocs.yml": "nav:\n  - reference/metrics.md\n  - Commands: reference/cli.md\n  - reference/reasons.md\n"
    "  - explanation/guarantees.md\n",
}

LINES_OF_CODE = "".join(f"    x{number} = {number}\n" for number in range(house.MAX_FUNCTION_LINES))

PLANTED = {
    "no hint": ("hints", {"router/a.py": '"""Why."""\nfindings.complain(path, "bad", "it is bad", key=True)\n'}),
    "a hint that may be empty": ("hints", {"router/a.py": '"""Why."""\nraise Mistake("bad", "it is", "so" if x else "")\n'}),
    "no docstring": ("docstrings", {"router/a.py": "x = 1\n"}),
    "function too long": ("long functions", {"router/a.py": f"def f():\n{LINES_OF_CODE}"}),
    "module too long": ("long modules", {"router/a.py": '"""Why."""\n' + "x = 1\n" * house.MAX_MODULE_LINES}),
    "no unit test": ("mirrors", {"router/room/a.py": "def f():\n    return 1\n"}),
    "no unit test of a method": ("mirrors", {"router/room/a.py": "class A:\n    def f(self):\n        return 1\n"}),
    "no unit test of code in an init": ("mirrors", {"router/room/__init__.py": '"""Why."""\n\nprint(1)\n'}),
    "unit test of nothing": ("mirrors", {"tests/unit/room/test_gone.py": ""}),
    "marker": ("unfinished work", {"router/a.py": f'"""Why."""\n# {house.UNFINISHED_WORDS[0]}: later\n'}),
    "skipped test": ("unfinished work", {"tests/unit/test_clock.py": "@pytest.mark." + "skip\ndef test(): ...\n"}),
    "unmet promise": ("unfinished work", {"tests/unit/test_clock.py": "@pytest.mark." + "xfail\ndef test(): ...\n"}),
    "not written": ("unfinished work", {"router/a.py": "raise Not" + "ImplementedError\n"}),
    "clock": ("banned calls", {"router/a.py": "import time\nx = time.time()\n"}),
    "clock by another name": ("banned calls", {"router/a.py": "from time import monotonic as m\nx = m()\n"}),
    "clock as a default": ("banned calls", {"router/a.py": "import time\ndef f(clock=time.monotonic): ...\n"}),
    "more of the clock than is listed": ("banned calls", {"router/clock.py": "import time\ntime.sleep(1)\n"}),
    "now": ("banned calls", {"router/a.py": "from datetime import datetime\nx = datetime.now()\n"}),
    "now through the module": ("banned calls", {"router/a.py": "import datetime as d\nx = d.datetime.now()\n"}),
    "sleep": ("banned calls", {"router/a.py": "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n"}),
    "task": ("banned calls", {"router/a.py": "from asyncio import create_task\ncreate_task(f())\n"}),
    "id": ("banned calls", {"router/sandbox/a.py": "from uuid import uuid4\nx = uuid4()\n"}),
    "chance": ("banned calls", {"router/a.py": "import random\nx = random.choice([1])\n"}),
    "undocumented metric": ("undocumented metrics", {"router/telemetry/more.py": 'x = Gauge("alert_router_more", "More.")\n'}),
    "undocumented gauge": ("undocumented metrics", {"router/telemetry/more.py": 'GAUGES: dict = {"depth": ("Depth.", "")}\n'}),
    "undocumented by a helper": (
        "undocumented metrics",
        {"router/telemetry/more.py": 'x = self._histogram("took_seconds", "")\n'},
    ),
    "metric that is gone": ("undocumented metrics", {"router/telemetry/metrics.py": 'x = Counter("other", "Other.")\n'}),
    "unknown metric": ("unknown metrics", {"deploy/dashboard.json": '"sum(alert_router_sene_total)"'}),
    "command": ("commands", {"router/cli/__init__.py": 'COMMANDS = {"run": "", "check": ""}\n'}),
    "command that is gone": ("commands", {"docs/reference/cli.md": "## `alert-router run`\n## `alert-router walk`\n"}),
    "reason": ("reasons", {"router/model/decision.py": 'class Reason(StrEnum):\n    NEW = "new"\n'}),
    "promise without a test": ("promises", {"docs/explanation/guarantees.md": "`test_promise_1_a`, `test_promise_2_b`\n"}),
    "promise that is not told": (
        "promises",
        {"tests/e2e/test_promises.py": "def test_promise_1_a(): ...\ndef test_promise_3_c(): ...\n"},
    ),
    "registry": ("hosts and paths", {"requirements.lock": "--index-" + "url https://example.com/simple\n"}),
    "registry host": ("hosts and paths", {"README.md": "from py" + "pi.org\n"}),
    "path of a machine": ("hosts and paths", {"deploy/unit": "ExecStart=/ho" + "me/ann/router\n"}),
    "broken link": ("links", {"README.md": "[more](docs/nowhere.md)\n"}),
    "page nobody finds": ("navigation", {"docs/lost.md": "Lost.\n"}),
    "page that is gone": ("navigation", {"mkdocs.yml": "nav:\n  - gone.md\n"}),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_tidy_tree_passes(name: str, tmp_path: Path) -> None:
    plant(tmp_path, TIDY)
    assert CHECKS[name](tmp_path) == []


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_violation_is_found(case: str, tmp_path: Path) -> None:
    check, files = PLANTED[case]
    plant(tmp_path, TIDY | files)
    findings = CHECKS[check](tmp_path)
    assert findings
    assert any(Path(name).name in finding or "docs/" in finding for finding in findings for name in files)


def test_every_check_has_a_planted_violation() -> None:
    assert {check for check, _ in PLANTED.values()} == set(CHECKS)


def test_an_exception_that_is_needed_no_more_is_found(tmp_path: Path) -> None:
    plant(tmp_path, TIDY)
    listed = {"router/clock.py": "reason", "router/clock.py:now": "reason"}
    assert house.find_long_modules(tmp_path, listed)
    assert house.find_long_functions(tmp_path, listed)
    assert house.find_missing_mirrors(tmp_path, listed)


def test_a_listed_exception_is_let_pass(tmp_path: Path) -> None:
    plant(tmp_path, TIDY | {"router/a.py": f"def f():\n{LINES_OF_CODE}" + "x = 1\n" * house.MAX_MODULE_LINES})
    assert house.find_long_modules(tmp_path, {"router/a.py": "reason"}) == []
    assert house.find_long_functions(tmp_path, {"router/a.py:f": "reason"}) == []
    assert house.find_missing_mirrors(tmp_path, {"router/a.py": "reason"}) == []


def test_values_and_protocols_need_no_unit_test(tmp_path: Path) -> None:
    values = 'class A(Struct):\n    x: int = 1\n\n    def f(self) -> int:\n        """Says."""\n        ...\n\n\nB = 2\n'
    plant(tmp_path, TIDY | {"router/room/a.py": f'"""Why."""\n\nimport os\n\n\n{values}'})
    assert house.find_missing_mirrors(tmp_path, {}) == []
