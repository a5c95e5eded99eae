"""The command line: one file per command, each loaded only when it is called.

Belongs here: options, formatting for people and programs, exit codes. May import: everything. Must never do: decide, or
write the store beside a running daemon.

Exit codes: 0 done, 1 the answer is no (mistakes found, nothing there, refused), 2 usage.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

import router

COMMANDS: dict[str, tuple[str, str]] = {
    # command: (module.attribute, one line of help)
    "run": ("router.cli.run:run", "The daemon."),
    "check": ("router.cli.check:check", "Every mistake in config and rules, with file:line:col and a hint."),
    "test": ("router.cli.test:test", "The tests of the rules, in virtual time."),
    "backtest": ("router.cli.backtest:backtest", "What these rules would have paged, against what happened."),
    "diff": ("router.cli.diff:diff", "Two rule sets by effect, not by text."),
    "shadow": ("router.cli.shadow:shadow", "What the rules would have changed for events that only pass through."),
    "record": ("router.cli.record:record", "Slices of the journal as files, for a corpus beside the rules."),
    "schema": ("router.cli.schema:schema", "JSON Schema of config and rules, for editors."),
    "import": ("router.cli.importing:import_", "An Alertmanager configuration as ours, and what does not translate."),
    "send": ("router.cli.send:send", "A marked test page through a team's real key, or a message to a channel."),
    "alerts": ("router.cli.alerts:alerts", "Alerts that fire now, or as they were journalled."),
    "incidents": ("router.cli.incidents:incidents", "What was opened and closed."),
    "deliveries": ("router.cli.deliveries:deliveries", "What is told to PagerDuty and how far it got; retry, drop."),
    "silences": ("router.cli.silences:silences", "What pages nobody for a while: list, show, add, expire."),
    "explain": ("router.cli.explain:explain", "Why was I paged, why was I not: from the recorded decisions."),
    "alert": ("router.cli.alert:alert", "Fire or resolve an alert, from a script."),
    "exec": ("router.cli.exec:execute", "Run a command; an alert when it fails or runs late."),
    "sources": ("router.cli.sources:sources", "Where alerts come from; try what a body becomes."),
    "sandbox": ("router.cli.sandbox:sandbox", "A local PagerDuty stand-in, to try everything with no account."),
    "reconcile": ("router.cli.reconcile:reconcile", "What PagerDuty has open against what we hold open; mended or listed."),
    "drill": ("router.cli.drill:drill", "A marked test alert through a team's real rules and key, followed to PagerDuty."),
    "audit": ("router.cli.audit:audit", "Who did what: people, tokens, the router itself."),
    "search": ("router.cli.history_search:find", "What happened before, and how it was resolved."),
    "report": ("router.cli.history_report:report", "A month in figures, to be forwarded."),
    "history": ("router.cli.history:history", "PagerDuty's past: fetch, search, count, tell."),
    "demo": ("router.cli.demo:demo", "Sandbox and daemon together with the example rules."),
}


def _keep_lines(command: click.Command) -> None:
    """What tells click to leave lines alone is a backspace, which a raw docstring cannot hold: there it is two letters."""
    command.help = (command.help or "").replace("\\b\n", "\b\n")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _keep_lines(inner)


class LazyGroup(click.Group):
    """Imports a command's module when it is asked for, so that ``--help`` is quick and ``check`` loads no web server."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order a newcomer reads them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        _keep_lines(command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """With "did you mean" from click."""
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(router.__version__, prog_name="alert-router")
def main(**_: Any) -> None:
    """Route alerts by rules, page PagerDuty once per problem, lose nothing.

    \b
    Start here:
      alert-router demo                 a local PagerDuty stand-in and the daemon, nothing to configure
      alert-router check rules/         every mistake in the rule files
      alert-router explain 17           why alert 17 did or did not page
    """  # noqa: D301  # the backspace is click's sign for "leave these lines alone"


if __name__ == "__main__":
    main()
