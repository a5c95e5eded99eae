"""``alert-router shadow``: what the rules would have changed for inbound keys whose events go on to PagerDuty as they came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from router.cli.backtest import compare, compile_rules, print_effect, replay_options
from router.cli.options import fail
from router.cli.reading import load
from router.config.settings import Settings
from router.model.journal import Entry, EventForwarded
from router.model.ownership import Ownership
from router.rehearsal.replaying import Change, Forwarded, Replay, Source


@click.group(epilog="Example: alert-router shadow report --since 7d")
def shadow() -> None:
    """Inbound keys in shadow: their events go on as they came, the rules are only tried beside it."""


@shadow.command()
@click.option("--source", metavar="NAME", help="Only what came through this source; default: all that is in shadow.")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Rule files or directories to try; default: those of the configuration.",
)  # fmt: skip
@replay_options
def report(
    *,
    source: str | None,
    rules: tuple[Path, ...],
    since: str | None,
    from_: str | None,
    to: str | None,
    journal: str | None,
    zone: str,
    config_path: Path,
    output: str,
) -> None:
    r"""What went on to PagerDuty in shadow, against what the rules would have paged.

    An incident that went on is from the first trigger under a dedup key to its resolve; it counts for the team whose routing
    key it went to. The rules may page another team for it, once for many, later, or nobody: that is listed as lost.

    \b
    Examples:
      alert-router shadow report --since 7d
      alert-router shadow report --source legacy-tools --rules new-rules/ --output markdown
    """
    settings = load(config_path)
    if source is not None and (source not in settings.sources or not settings.sources[source].shadows):
        in_shadow = [name for name, each in settings.sources.items() if each.shadows]
        fail(f"the source {source!r} has no key in shadow", hint=f"these have: {', '.join(in_shadow) or 'none'}")
    ruleset = compile_rules(rules or settings.rules, settings)
    forwarded = Forwarded(_Woken(settings).team)
    beside = Replay(ruleset)
    decided = Replay(ruleset, decides_forwarded=True)

    def before(entries: Sequence[Entry], until: int) -> list[Change]:
        return beside.take(entries, until) + forwarded.take(entries, until)

    effect, hours = compare(
        settings, _only(source, decided.take), _only(source, before),
        since=since, from_=from_, to=to, journal=journal, zone=zone, by_team=False,
    )  # fmt: skip
    if not forwarded.events:
        fail(
            "nothing went on in shadow in this time",
            hint="give an inbound key a shadow: keys: [{key: env:INBOUND_KEY, shadow: env:PD_KEY}]",
        )
    print_effect(effect, names=("went on", "by the rules"), zone=hours, output=output)


class _Woken:
    """Whom an event that goes on wakes: the team with the same routing key, else who owns the service."""

    def __init__(self, settings: Settings) -> None:
        """References are compared, not keys: a report needs no secrets."""
        self._teams = {team.routing_key: name for name, team in settings.teams.items()}
        self._owner = Ownership(settings.teams).owner
        self._default = settings.default_team

    def team(self, fact: EventForwarded) -> str:
        """Its name."""
        service = "" if fact.alert is None else fact.alert.service
        return self._teams.get(fact.routing_key) or self._owner(service) or self._default


def _only(source: str | None, take: Source) -> Source:
    """Without what other sources sent on in shadow."""
    if source is None:
        return take

    def filtered(entries: Sequence[Entry], until: int) -> list[Change]:
        kept = [each for each in entries if not isinstance(each.fact, EventForwarded) or each.fact.source == source]
        return take(kept, until)

    return filtered
