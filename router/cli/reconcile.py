"""``alert-router reconcile``: what PagerDuty has open against what we hold open; mended, or only listed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from router.cli.asking import ask_daemon
from router.cli.formats import clip
from router.cli.options import config_option, output_option, print_json, print_table

SECONDS = 600.0
"""One call for each open page."""


@click.command(epilog="Example: alert-router reconcile --dry-run")
@config_option
@output_option
@click.option("--dry-run", is_flag=True, help="Mend nothing, only list.")
def reconcile(*, config_path: Path, output: str, dry_run: bool) -> None:
    """Compare open incidents with PagerDuty; the running daemon does this by itself every hour.

    News that was missed is taken in, a resolve that PagerDuty lost is sent again; what a person decided is only listed.
    """
    path = "/v1/reconcile?dry_run=true" if dry_run else "/v1/reconcile"
    found = json.loads(ask_daemon(config_path, "POST", path, seconds=SECONDS))["items"]
    if output == "json":
        print_json({"items": found})
        return
    mended = "WOULD MEND" if dry_run else "MENDED"
    print_table(
        ["INCIDENT", "TEAM", "PAGERDUTY", "FOUND", mended, "REASON"],
        [
            [
                str(row["incident"]),
                row["team"],
                row["pagerduty_id"] or "-",
                row["kind"],
                "yes" if row["mended"] else "-",
                clip(row["reason"], 110),
            ]
            for row in found
        ],
        nothing="PagerDuty and the router agree.",
    )
