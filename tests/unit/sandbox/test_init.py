"""The sandbox shares no code with the daemon, so that a mistake of one is not repeated by the other."""

import ast
from pathlib import Path

SANDBOX = Path(__file__).parents[3] / "router" / "sandbox"


def test_nothing_of_the_daemon_is_imported():
    found = set()
    for path in SANDBOX.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found.add(node.module)
            elif isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
    ours = {name for name in found if name.split(".")[0] == "router"}
    assert ours
    assert all(name.startswith("router.sandbox") for name in ours)
