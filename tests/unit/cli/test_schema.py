from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from router.cli.schema import schema
from router.cli.schema_pages import render_page
from router.cli.schema_tables import json_schema


def run(*arguments: str) -> Result:
    return CliRunner().invoke(schema, list(arguments), catch_exceptions=False)


@pytest.mark.parametrize("which", ["config", "rules"])
def test_one_schema(which: str) -> None:
    result = run(which)
    assert result.exit_code == 0
    assert json.loads(result.output) == json_schema(which)


def test_either() -> None:
    assert json.loads(run().output) == json_schema()


def test_markdown() -> None:
    assert run("rules", "--markdown").output == render_page("rules")


def test_usage_errors_are_2() -> None:
    assert run("--markdown").exit_code == 2
    assert run("teams").exit_code == 2
