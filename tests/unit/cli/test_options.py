from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from router.cli.options import (
    OptionsAnywhere,
    config_option,
    confirm,
    fail,
    limit_option,
    output_option,
    print_json,
    print_table,
    user_name,
)
from router.model.severity import Severity


@click.command()
@config_option
@output_option
@limit_option
def command(config_path, output, limit) -> None:
    click.echo(f"{config_path} {output} {limit}")


def test_shared_options_and_where_the_configuration_comes_from() -> None:
    runner = CliRunner(env={"ALERT_ROUTER_CONFIG": None})
    assert runner.invoke(command, []).output == "config.yaml text 50\n"
    assert runner.invoke(command, [], env={"ALERT_ROUTER_CONFIG": "/etc/a.yaml"}).output == "/etc/a.yaml text 50\n"
    named = runner.invoke(command, ["--config", "b.yaml", "--output", "json", "--limit", "3"], env={"ALERT_ROUTER_CONFIG": "a"})
    assert named.output == "b.yaml json 3\n"


@pytest.mark.parametrize(
    "arguments", [["--limit", "0"], ["--limit", "10001"], ["--limit", "x"], ["--output", "yaml"], ["more"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_fail_says_what_and_what_to_do_on_standard_error(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        fail("it is broken", hint="mend it", code=3)
    assert ended.value.code == 3
    assert capsys.readouterr() == ("", "alert-router: it is broken\n  hint: mend it\n")


def test_json_is_one_document_whatever_stands_in_it(capsys) -> None:
    print_json({"severity": Severity.ERROR, "text": "\x1b ☃", "odd": {1, 2} - {1}, "unknown": object})
    assert json.loads(capsys.readouterr().out)["text"] == "\x1b ☃"


def test_a_table_is_aligned_and_explains_itself(capsys) -> None:
    print_table(["A", "LONG"], [["xxxx", "1"], ["y", ""]], nothing="None.")
    print_table(["A"], [], nothing="None.")
    assert capsys.readouterr().out == "A     LONG\nxxxx  1\ny\nNone.\n"


@click.group(cls=OptionsAnywhere, invoke_without_command=True)
@config_option
@output_option
@click.option("--open", "is_open", is_flag=True)
@click.pass_context
def group(ctx, config_path, output, is_open) -> None:
    ctx.obj = (str(config_path), output, is_open)
    if not ctx.invoked_subcommand:
        click.echo(ctx.obj)


@group.command()
@click.argument("words", nargs=-1)
@click.option("--output", default="own")
@click.pass_obj
def show(obj, words, output) -> None:
    click.echo(f"{obj} {words} {output}")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["--config", "a", "show", "1"], "('a', 'text', False) ('1',) own"),
        (["show", "1", "--config", "a"], "('a', 'text', False) ('1',) own"),
        (["show", "--config=a", "1", "--open", "2"], "('a', 'text', True) ('1', '2') own"),
        (["--config", "a", "show", "--config", "b"], "('b', 'text', False) () own"),
        (["show", "--output", "json"], "('config.yaml', 'text', False) () json"),  # the command's own comes first
        (["show", "--", "--config", "a"], "('config.yaml', 'text', False) ('--config', 'a') own"),
        (["--open"], "('config.yaml', 'text', True)"),
    ],
)
def test_options_of_a_group_may_stand_behind_its_command(written, said) -> None:
    result = CliRunner(env={"ALERT_ROUTER_CONFIG": None}).invoke(group, written)
    assert result.output == said + "\n", result.output


def test_an_option_without_its_value_is_wrong_usage() -> None:
    result = CliRunner().invoke(group, ["show", "--config"])
    assert result.exit_code == 2


def test_a_yes_is_asked_for_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        confirm("Sure?")
    monkeypatch.setattr("router.cli.options._has_terminal", lambda: True)

    @click.command()
    def ask() -> None:
        confirm("Sure?")
        click.echo("done")

    assert CliRunner().invoke(ask, input="y\n").output.endswith("done\n")
    assert CliRunner().invoke(ask, input="n\n").exit_code == 1


def test_somebody_without_a_name_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert user_name() == ""
