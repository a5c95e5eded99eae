"""The checks of the tidy test: each takes the root of a tree and returns the findings as text, empty when tidy.

A check says nothing of files that do not exist and is strict about those that do. Must never import the router: what is
checked is the text of a tree, so that a test can plant a violation in a tree of its own.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 500

UNFINISHED_WORDS = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")
"""Written in halves, so that this file passes its own check."""

BANNED_CALLS: Mapping[str, str] = {
    "time.time": "the injected Clock",
    "time.time_ns": "the injected Clock",
    "time.monotonic": "Clock.monotonic",
    "time.monotonic_ns": "Clock.monotonic",
    "time.perf_counter": "Clock.monotonic",
    "time.perf_counter_ns": "Clock.monotonic",
    "time.sleep": "Clock.sleep",
    "datetime.now": "the injected Clock",
    "datetime.utcnow": "the injected Clock",
    "datetime.today": "the injected Clock",
    "date.today": "the injected Clock",
    "datetime.datetime.now": "the injected Clock",
    "datetime.datetime.utcnow": "the injected Clock",
    "datetime.datetime.today": "the injected Clock",
    "datetime.date.today": "the injected Clock",
    "asyncio.sleep": "Clock.sleep",
    "asyncio.create_task": "a named task of a TaskGroup",
    "asyncio.ensure_future": "a named task of a TaskGroup",
    "uuid.uuid1": "the injected id factory or a digest",
    "uuid.uuid4": "the injected id factory or a digest",
}
RANDOM_SOURCES = frozenset({"Random", "SystemRandom"})
"""What may be taken from ``random``: a source to inject. Everything else there is the hidden global one."""

METRIC_KINDS = frozenset({"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"})
METRIC_PREFIX = "alert_router_"
_METRIC = re.compile(r"alert_router_[a-z0-9_]+")

# A registry's download host, an index option, or an absolute path below a home or work directory: none belongs in a tree.
_HOST = re.compile(
    r"(?:pypi\.(?:org|python\.org)|files\.python" + r"hosted\.org|registry\.npm" + r"js\.org|deb\.deb" + r"ian\.org"
    r"|--(?:extra-)?index-" + r"url[ =]+\S*://|--find-" + r"links)"
)
_MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:ro" + r"ot|ho" + r"me/\w+|Use" + r"rs/\w+|wo" + r"rk)/[\w.-]+")


def modules_below(root: Path, *folders: str) -> Iterator[Path]:
    """Every Python file below the given folders of the tree, in a stable order; absent folders hold none."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def parse(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def tracked_files(root: Path) -> list[Path]:
    """What git tracks or would track; every file where the tree is no checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    inside = listing.returncode == 0 and (root / ".git").exists()
    names = listing.stdout.decode().split("\0") if inside else [str(p.relative_to(root)) for p in root.rglob("*")]
    return sorted(root / name for name in names if name and (root / name).is_file())


def text_of(path: Path) -> str:
    """The file as text; empty for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def find_missing_docstrings(root: Path) -> list[str]:
    """Modules of the router and of its test support that do not say why they exist."""
    return [
        f"{path.relative_to(root)}: a module docstring says why it exists and what it must never do"
        for path in modules_below(root, "router", "tests/support", "tests/benchmarks")
        if not ast.get_docstring(parse(path))
    ]


def find_long_functions(root: Path, allowed: Mapping[str, str]) -> list[str]:
    """Functions of more than 70 lines; ``allowed`` maps ``path:name`` to the reason."""
    findings = []
    seen = set()
    for path in modules_below(root, "router", "tests/support", "tests/benchmarks"):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            key = f"{path.relative_to(root)}:{node.name}"
            if lines <= MAX_FUNCTION_LINES:
                continue
            seen.add(key)
            if key not in allowed:
                findings.append(f"{key}: {lines} lines, at most {MAX_FUNCTION_LINES}")
    return findings + stale_exceptions(allowed, seen)


def find_long_modules(root: Path, allowed: Mapping[str, str]) -> list[str]:
    """Modules of more than 500 lines; ``allowed`` maps a path to the reason."""
    lengths = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules_below(root, "router", "tests/support", "tests/benchmarks")
    }
    long = {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES}
    findings = [f"{name}: {lines} lines, at most {MAX_MODULE_LINES}" for name, lines in long.items() if name not in allowed]
    return findings + stale_exceptions(allowed, set(long))


def find_missing_mirrors(root: Path, allowed: Mapping[str, str]) -> list[str]:
    """Modules without a unit test of their own, and unit tests without a module.

    ``router/a/b.py`` is tested by ``tests/unit/a/test_b.py``, an ``__init__.py`` by ``test_init.py``. A module of values and
    protocols, with no function that has a body, needs none.
    """
    findings = []
    seen = set()
    expected = set()
    for path in modules_below(root, "router"):
        inside = path.relative_to(root / "router")
        is_package = inside.name == "__init__.py"
        mirror = root / "tests/unit" / inside.with_name("test_init.py" if is_package else f"test_{inside.name}")
        expected.add(mirror)
        if mirror.exists() or has_nothing_to_test(parse(path)):
            continue
        name = str(path.relative_to(root))
        seen.add(name)
        if name not in allowed:
            findings.append(f"{name}: its unit test {mirror.relative_to(root)} is missing")
    findings += [
        f"{path.relative_to(root)}: tests no module of that name"
        for path in modules_below(root, "tests/unit")
        if path.name.startswith("test_") and path not in expected
    ]
    return findings + stale_exceptions(allowed, seen)


def has_nothing_to_test(tree: ast.Module) -> bool:
    """No code that runs: imports, constants, values and protocols, that is no function with a body of its own."""
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.ClassDef):
            return False
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return all(
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        for function in functions
        for statement in function.body
    )


def stale_exceptions(allowed: Mapping[str, str], seen: set[str]) -> list[str]:
    """Exceptions that are needed no more: the lists may only shrink."""
    return [f"{name}: listed as an exception but needs none, remove it" for name in sorted(set(allowed) - seen)]


def find_unfinished_work(root: Path) -> list[str]:
    """Markers of unfinished work, and tests that do not run."""
    marker = re.compile(r"\b(?:" + "|".join(UNFINISHED_WORDS) + r")\b")
    dodged = re.compile(r"pytest\.(?:mark\.)?(?:ski" + r"p(?:if)?|xfa" + r"il)\b|unittest\.ski" + "p|Not" + "ImplementedError")
    findings = []
    for path in tracked_files(root):
        if path.suffix not in {".py", ".toml", ".yaml", ".yml", ".md", ".sh", ".sql", ".js", ".html", ".css", ".service"}:
            continue
        findings += [
            f"{path.relative_to(root)}:{number}: {found.group()}: finish it or leave it out"
            for number, line in enumerate(text_of(path).splitlines(), start=1)
            for found in (marker.search(line), dodged.search(line) if path.suffix == ".py" else None)
            if found
        ]
    return findings


def find_banned_calls(root: Path, allowed: Mapping[str, frozenset[str]]) -> list[str]:
    """Reads of the system's clock, fire-and-forget tasks and hidden randomness, by syntax tree.

    ``allowed`` maps the path of a clock to what it may use. Names are resolved through the module's imports, so that
    ``from time import time as t`` is found as well. A reference counts like a call: a default argument reads the clock too.
    """
    findings = []
    for path in modules_below(root, "router"):
        name = str(path.relative_to(root))
        tree = parse(path)
        imported = imported_names(tree)
        for node in ast.walk(tree):
            dotted = resolve(node, imported)
            if dotted is None or dotted in allowed.get(name, frozenset()):
                continue
            instead = BANNED_CALLS.get(dotted)
            if instead is None and dotted.startswith("random.") and dotted.split(".")[1] not in RANDOM_SOURCES:
                instead = "an injected random.Random"
            if instead:
                findings.append(f"{name}:{getattr(node, 'lineno', 0)}: {dotted} is banned, use {instead}")
    return findings


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each name that an import binds stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def resolve(node: ast.AST, imported: Mapping[str, str]) -> str | None:
    """The dotted name a reference stands for, if it goes through an import; only whole chains, not their parts."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load) or node.id not in imported:
        return None
    return ".".join([imported[node.id], *reversed(parts)])


def declared_metrics(root: Path) -> set[str]:
    """Names of the metrics in router/telemetry, as a scrape shows them: counters end in ``_total``.

    Found are calls of a metric's class (or of a helper named after it) with a literal name, and the keys of ``GAUGES``.
    """
    names: set[str] = set()
    for path in modules_below(root, "router/telemetry"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call) and node.args:
                function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                kind = function.strip("_").capitalize()
                if kind in METRIC_KINDS:
                    ending = {"Counter": "_total", "Info": "_info"}.get(kind, "")
                    names.update(full_metric_name(name, ending) for name in literals(node.args[:1]))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(getattr(target, "id", "") == "GAUGES" for target in targets):
                    names.update(full_metric_name(name, "") for name in literals(node.value.keys))
    return names


def literals(nodes: Sequence[ast.expr | None]) -> list[str]:
    """Those of the nodes that are literal text."""
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def full_metric_name(name: str, ending: str) -> str:
    """With our prefix and the ending its kind has."""
    full = name if name.startswith(METRIC_PREFIX) else METRIC_PREFIX + name
    return full if full.endswith(ending) else full + ending


def documented_metrics(root: Path) -> set[str]:
    """Names with a line of their own in the table of docs/reference/metrics.md."""
    page = root / "docs/reference/metrics.md"
    if not page.exists():
        return set()
    return set(re.findall(r"^\| `(alert_router_[a-z0-9_]+)`", page.read_text(encoding="utf-8"), flags=re.MULTILINE))


def find_undocumented_metrics(root: Path) -> list[str]:
    """Metrics without a line in docs/reference/metrics.md, and lines without a metric."""
    declared, documented = declared_metrics(root), documented_metrics(root)
    if not declared:
        return []
    return [f"{name}: declared, but has no line in docs/reference/metrics.md" for name in sorted(declared - documented)] + [
        f"{name}: in docs/reference/metrics.md, but declared nowhere" for name in sorted(documented - declared)
    ]


def metrics_used(text: str) -> set[str]:
    """Metrics that a dashboard or an alert rule reads, without the endings a histogram's series have."""
    return {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in _METRIC.findall(text)}


def find_unknown_metrics(root: Path) -> list[str]:
    """Metrics used below deploy/ or in the docs that docs/reference/metrics.md does not know."""
    known = documented_metrics(root)
    files = [*sorted((root / "deploy").rglob("*")), *sorted((root / "docs").rglob("*.md"))]
    return [
        f"{path.relative_to(root)}: uses {name}, which docs/reference/metrics.md does not know"
        for path in files
        if path.is_file()
        for name in sorted(metrics_used(text_of(path)) - known)
        if not name.endswith("_") and name not in {"alert_router_checkout", "alert_router_info"}
    ]


def find_undocumented_commands(root: Path) -> list[str]:
    """Commands of the command line without a section in docs/reference/cli.md, and sections without a command."""
    path = root / "router/cli/__init__.py"
    if not path.exists():
        return []
    commands: set[str] = set()
    for node in ast.walk(parse(path)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == "COMMANDS" for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.Dict):
                commands = set(literals(value.keys))
    page = root / "docs/reference/cli.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    sections = set(re.findall(r"^## `alert-router ([a-z-]+)", text, flags=re.MULTILINE))
    return [f"alert-router {name}: no section in docs/reference/cli.md" for name in sorted(commands - sections)] + [
        f"alert-router {name}: has a section in docs/reference/cli.md, but is no command"
        for name in sorted(sections - commands)
    ]


def find_undocumented_reasons(root: Path) -> list[str]:
    """Members of ``Reason`` without a line in docs/reference/reasons.md."""
    path = root / "router/model/decision.py"
    if not path.exists():
        return []
    reasons = {
        node.value.value
        for parent in ast.walk(parse(path))
        if isinstance(parent, ast.ClassDef) and parent.name == "Reason"
        for node in parent.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    page = root / "docs/reference/reasons.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return [f"{reason}: no line in docs/reference/reasons.md" for reason in sorted(reasons) if f"`{reason}`" not in text]


def find_unproved_promises(root: Path) -> list[str]:
    """Promises of docs/explanation/guarantees.md without their test, and tests of promises that the page does not name."""
    page, module = root / "docs/explanation/guarantees.md", root / "tests/e2e/test_promises.py"
    if not module.exists():
        return []
    tests = {
        node.name
        for node in ast.walk(parse(module))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_promise_")
    }
    named = set(re.findall(r"`(test_promise_\w+)`", page.read_text(encoding="utf-8"))) if page.exists() else set()
    return [f"docs/explanation/guarantees.md: names {name}, which is no test" for name in sorted(named - tests)] + [
        f"{name}: not named in docs/explanation/guarantees.md" for name in sorted(tests - named)
    ]


def find_hosts_and_machine_paths(root: Path) -> list[str]:
    """Tracked files that name a package registry's host or a path of somebody's machine."""
    return [
        f"{path.relative_to(root)}:{number}: {found.group()}: names a registry host or a path of one machine"
        for path in tracked_files(root)
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        for found in (_HOST.search(line), _MACHINE_PATH.search(line))
        if found
    ]


def find_broken_links(root: Path) -> list[str]:
    """Relative links in Markdown that lead nowhere."""
    findings = []
    for path in [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]:
        targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text_of(path))
        findings += [
            f"{path.relative_to(root)}: links to {target}, which does not exist"
            for target in targets
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
        ]
    return findings


def find_pages_outside_navigation(root: Path) -> list[str]:
    """Pages below docs/ that mkdocs.yml does not list, and entries that have no page."""
    settings = root / "mkdocs.yml"
    if not settings.exists():
        return []
    listed = set(re.findall(r"([\w./-]+\.md)\s*$", settings.read_text(encoding="utf-8"), flags=re.MULTILINE))
    pages = {str(path.relative_to(root / "docs")) for path in (root / "docs").rglob("*.md")}
    return [f"docs/{name}: not in the navigation of mkdocs.yml" for name in sorted(pages - listed)] + [
        f"mkdocs.yml: lists {name}, which does not exist" for name in sorted(listed - pages)
    ]
