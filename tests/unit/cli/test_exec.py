from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from router.cli import main


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ([sys.executable, "-c", "raise SystemExit(0)"], 0),
        ([sys.executable, "-c", "raise SystemExit(7)"], 7),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137),
        (["/nowhere/at/all"], 127),
        (["/"], 126),
    ],
)
def test_the_exit_status_is_passed_on_even_without_a_daemon(command: list[str], status: int) -> None:
    assert CliRunner().invoke(main, ["exec", "--config", "/nowhere.yaml", "--", *command]).exit_code == status


def test_a_timeout_that_is_none_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["exec", "--timeout", "soon", "--", "true"]).exit_code == 2
