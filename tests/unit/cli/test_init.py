from __future__ import annotations

import importlib
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import router
from router.cli import COMMANDS, main


def help_of(*words: str) -> str:
    result = CliRunner().invoke(main, [*words, "--help"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_helps_with_an_example(name: str) -> None:
    module, attribute = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    shown = [help_of(name)]
    if isinstance(command, click.Group) and "Example" not in shown[0]:
        shown = [help_of(name, inner) for inner in command.commands]
    for text in shown:
        assert "\\b" not in text, "lines to leave alone are left alone"
        assert "Example" in text
        assert f"alert-router {name}" in text


def test_the_list_and_the_version() -> None:
    result = CliRunner().invoke(main, ["-h"])
    assert all(f"  {name} " in result.output for name in COMMANDS)
    assert router.__version__ in CliRunner().invoke(main, ["--version"]).output


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["rnu"])
    assert result.exit_code == 2
    assert "rnu" in result.output


def test_help_loads_no_server_and_no_command() -> None:
    """So that it is quick, and works where something is broken."""
    code = (
        "import sys; from click.testing import CliRunner; from router.cli import main; CliRunner().invoke(main, ['--help']);"
        "print([name for name in sys.modules if name.startswith(('router.daemon', 'router.cli.run', 'httpx', 'uvloop'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
