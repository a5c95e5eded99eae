"""``alert-router schema``: what may stand in a configuration and a rule file, for editors and for people."""

from __future__ import annotations

import click

from router.cli.options import print_json
from router.cli.schema_pages import PAGES, render_page
from router.cli.schema_tables import json_schema


@click.command()
@click.argument("which", type=click.Choice(PAGES), required=False)
@click.option("--markdown", is_flag=True, help="The reference page instead; needs one of them.")
def schema(which: str | None, *, markdown: bool) -> None:
    r"""Print the JSON Schema of the configuration, a rule file, a file of tests, or (without an argument) of the first two.

    \b
    Examples:
      alert-router schema rules > .rules.schema.json
      then in a rule file:  # yaml-language-server: $schema=../.rules.schema.json

    Editors with a YAML language server then complete keys, show their documentation and underline mistakes.
    """
    if not markdown:
        print_json(json_schema(which))
        return
    if which is None:
        raise click.UsageError(f"--markdown needs one of {', '.join(PAGES)}")
    click.echo(render_page(which), nl=False)
