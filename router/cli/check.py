"""``alert-router check``: every mistake in the configuration and the rules, with its line, before the daemon sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from router.cli.excerpt import Excerpts
from router.cli.lint import find_doubts
from router.cli.options import output_option, print_json
from router.config.loading import Examined, examine
from router.config.places import may_be_file, unreadable
from router.config.rule_files import read_rule_files, shown_name
from router.config.settings import Settings
from router.config.severities import DEFAULT_SCALE
from router.daemon.templates import check_body
from router.errors import Diagnostic, Span, StoreError
from router.ingest.checking import check_webhook
from router.model.incident import Incident
from router.model.ruleset import DEFAULT_RULE_ID, OWNER, RuleSet
from router.rules.acting import check_hands
from router.rules.compiling import check_files, compile_ruleset
from router.rules.findings import Names
from router.store.sqlite.reader import open_reader
from router.yamldoc import read

MAX_OPEN = 10_000
"""Open incidents of the store that are looked at."""

_LEVEL_COLOURS = {"error": "red", "warning": "yellow"}
_PLACE = Span(file="", line=1, column=1, end_line=1, end_column=1)

RuleTexts = list[tuple[str, bytes]]


class Report(msgspec.Struct, kw_only=True):
    """What a check found, and how much it looked at."""

    diagnostics: list[Diagnostic]
    files: int
    rules: int
    teams: int | None  # None: there was no configuration to name them
    texts: dict[str, bytes]

    @property
    def errors(self) -> int:
        """Mistakes that keep the daemon from using the files."""
        return sum(found.level == "error" for found in self.diagnostics)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("config.yaml"),
    envvar="ALERT_ROUTER_CONFIG",
    show_default=True,
    help="The configuration file (also ALERT_ROUTER_CONFIG).",
)
@click.option("--skip-secrets", is_flag=True, help="Do not read secrets: for a machine that does not hold them.")
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings, too.")
@click.option(
    "--services",
    "services_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names of services, one a line: known besides those of the record.",
)
@output_option
@click.pass_context
def check(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    config_path: Path,
    output: str,
    skip_secrets: bool,
    strict: bool,
    services_path: Path | None,
) -> None:
    r"""Find every mistake in the configuration and the rules.

    Without PATH: the configuration and the rule files it names. With PATH: these rule files or directories, against the teams
    and severities of the configuration.

    \b
    Examples:
      alert-router check
      alert-router check rules/payments.yaml --skip-secrets
      alert-router check --config /etc/alert-router/config.yaml --output json
      alert-router check --strict --services services.txt

    Besides mistakes, warnings: what is doubtful about the rules, each with a code (docs/reference/diagnostics.md). The whole
    configuration is also held against the record and the rule tests, where there are any.

    Exit code 1 if there is a mistake, with --strict also for a warning.
    """
    configurations = [path for path in paths if may_be_file(path) and is_configuration(path)]
    if len(configurations) > 1:
        raise click.UsageError(f"{configurations[0]} and {configurations[1]} are both configurations; check them one by one")
    is_named = context.get_parameter_source("config_path") is not click.core.ParameterSource.DEFAULT
    if configurations:
        config_path, is_named = configurations[0], True
    rule_paths = [path for path in paths if path not in configurations]
    if not may_be_file(config_path) and (is_named or not rule_paths):
        raise click.UsageError(f"there is no configuration {config_path}; name one with --config FILE, or rule files to check")
    report = examine_files(
        config_path if may_be_file(config_path) else None,
        rule_paths,
        read_secrets=not skip_secrets,
        services_path=services_path,
    )
    if output == "json":
        print_json([as_json(found) for found in report.diagnostics])
    else:
        _print_text(report)
    context.exit(1 if report.errors or (strict and report.diagnostics) else 0)


def is_configuration(path: Path) -> bool:
    """Whether a file is a configuration and not a file of rules, by its keys."""
    try:
        data = read(path.read_bytes(), str(path)).data
    except OSError:  # taken for rules, and reported as what cannot be read
        return False
    return isinstance(data, dict) and ("teams" in data or "default_team" in data)


def examine_files(
    config_path: Path | None, rule_paths: Sequence[Path], *, read_secrets: bool, services_path: Path | None = None
) -> Report:
    """Check a configuration and its rule files, or these rule files; without a configuration any team and severity will do."""
    examined: Examined | None = None
    texts: dict[str, bytes] = {}
    if config_path is not None:
        name = shown_name(config_path)
        try:
            texts[name] = config_path.read_bytes()
        except OSError as error:
            return Report(diagnostics=[unreadable(name, error)], files=1, rules=0, teams=None, texts={})
        examined = examine(
            texts[name],
            name,
            base=config_path.resolve().parent,
            read_secrets=read_secrets,
            check_webhook=check_webhook,
            check_template=check_body,
        )
    settings = examined.settings if examined else None
    diagnostics = list(examined.diagnostics) if examined else []
    found = read_rule_files(
        rule_paths or (settings.rules if settings else ()), named_at=settings.spans["rules"] if settings else _PLACE
    )
    # Without settings there may well be rules: it is not known where.
    diagnostics += found.diagnostics if settings or rule_paths else []
    diagnostics.sort(key=lambda each: (each.span.line, each.span.column))
    rules, more, ruleset = _check_rules(found.files, examined, is_whole=not rule_paths)
    # What looks idle, or doubtful, may do so because of a mistake that is reported.
    if settings and ruleset and config_path and not rule_paths and not _has_errors([*diagnostics, *more]):
        more += _find_idle(settings, ruleset)
        doubts, tests = find_doubts(settings, ruleset, found.files, config_path=config_path, services_path=services_path)
        more += doubts
        texts |= tests
    return Report(
        diagnostics=diagnostics + more,
        files=len(found.files) + len(texts),
        rules=rules,
        teams=len(settings.teams) if settings and examined and examined.knows_teams else None,
        texts=texts | dict(found.files),
    )


def _has_errors(diagnostics: Sequence[Diagnostic]) -> bool:
    return any(found.level == "error" for found in diagnostics)


def _check_rules(
    files: RuleTexts, examined: Examined | None, *, is_whole: bool
) -> tuple[int, list[Diagnostic], RuleSet | None]:
    """How many rules there are, what is wrong with them, and the rule set if nothing is and its teams are known."""
    settings = examined.settings if examined else None
    if settings is None or examined is None or not examined.knows_teams:
        scale = settings.scale if settings else DEFAULT_SCALE
        return (*check_files(files, Names(teams=None, scale=scale)), None)
    if not examined.knows_channels:
        return (*check_files(files, Names(teams=settings.teams, scale=settings.scale, sources=settings.sources)), None)
    ruleset, diagnostics = compile_ruleset(
        files,
        teams=settings.teams,
        default_team=settings.default_team,
        scale=settings.scale,
        channels=settings.notify,
        sources=settings.sources,
        rights=settings.rights,
    )
    if ruleset is None:
        names = Names(teams=settings.teams, channels=settings.notify.policies, scale=settings.scale)
        return check_files(files, names)[0], diagnostics, None
    diagnostics = diagnostics + check_hands(ruleset, can_act=settings.pagerduty.can_act)
    return len(ruleset.rules), diagnostics + (_find_orphans(settings, ruleset) if is_whole else []), ruleset


def _find_orphans(settings: Settings, ruleset: RuleSet) -> list[Diagnostic]:
    """Incidents that are open in the store, if there is one, of rules that are not there (any more)."""
    known = {DEFAULT_RULE_ID, *(rule.id for rule in ruleset.rules)}
    known.update(old for rule in ruleset.rules for old in rule.renamed_from)
    left: dict[str, list[Incident]] = {}
    with contextlib.suppress(StoreError), contextlib.closing(open_reader(settings.store.path)) as reader:
        for incident in reader.incidents(status="open", limit=MAX_OPEN):
            if incident.rule and incident.rule not in known and not incident.holds:
                left.setdefault(incident.rule, []).append(incident)
    return [
        Diagnostic(
            code="leaves-open",
            span=settings.spans["rules"],
            path="rules",
            message=f"rule {rule!r} is gone and leaves {_count(len(found), 'incident')} open: "
            f"{', '.join(str(incident.number) for incident in found[:5])}{' …' if len(found) > 5 else ''}"  # noqa: PLR2004
            f" ({', '.join(sorted({team for incident in found for team in incident.teams}))})",
            hint=f"say renamed_from: {rule} in the rule that goes on with it, or close it: "
            f"alert-router incidents close --rule {rule}",
            level="warning",
        )
        for rule, found in sorted(left.items())
    ]


def _find_idle(settings: Settings, ruleset: RuleSet) -> list[Diagnostic]:
    """Teams that nothing can ever page: no services, no rule names them, they step in for nobody. Channels alike."""
    paged, told = {settings.default_team}, {name for names in settings.notify.by_severity.values() for name in names}
    for rule in ruleset.rules:
        for each in (rule, rule.otherwise, *rule.escalate):
            paged.update(each.page if each else ())
            told.update((each.notify if each else None) or ())
    paged |= {team.fallback for team in settings.teams.values() if team.fallback}
    told |= {name for team in settings.teams.values() for name in team.channels}
    return [
        Diagnostic(
            code="idle-channel",
            span=settings.spans[f"channels.{name}"],
            path=f"channels.{name}",
            message=f"channel {name!r} is never told of anything: no rule, team or severity names it",
            hint="name it in a rule's notify, or leave it out",
            level="warning",
        )
        for name in settings.notify.policies
        if name not in told
    ] + [
        Diagnostic(
            code="idle-team",
            span=settings.spans[f"teams.{name}"],
            path=f"teams.{name}",
            message=f"team {name!r} is never paged: "
            + ("no rule pages the owner of its services" if team.services else "it owns no services")
            + ", and no rule or fallback names it",
            hint="page: owner in a rule for its services, or name it in a rule's page"
            if team.services
            else "give it services, name it in a rule's page, or leave it out",
            level="warning",
        )
        for name, team in settings.teams.items()
        if name not in paged and not (team.services and (OWNER in paged or not ruleset.rules))
    ]


def as_json(found: Diagnostic) -> dict[str, Any]:
    """A diagnostic as programs read it."""
    span = found.span
    return {
        "level": found.level,
        "code": found.code,
        "file": span.file,
        "range": {
            "start": {"line": span.line, "column": span.column},
            "end": {"line": span.end_line, "column": span.end_column},
        },
        "path": found.path,
        "message": found.message,
        "hint": found.hint,
    }


def print_diagnostics(diagnostics: Sequence[Diagnostic], texts: Mapping[str, bytes]) -> None:
    """Each with its place, the line it speaks of and its hint; ``texts`` by the names of files."""
    excerpts = Excerpts(texts)
    for found in diagnostics:
        level = click.style(found.level, fg=_LEVEL_COLOURS[found.level], bold=True)
        where = f" {found.path}:" if found.path else ""
        click.echo(f"{click.style(str(found.span), bold=True)}: {level} [{found.code}]{where} {found.message}")
        for line in excerpts.show(found.span):
            click.echo(line)
        if found.hint:
            click.echo(f"      {click.style('hint:', bold=True)} {found.hint}")
        click.echo()


def _print_text(report: Report) -> None:
    print_diagnostics(report.diagnostics, report.texts)
    click.echo(summarise(report))
    if report.teams is None:
        click.echo("The names of teams were not checked: that takes a configuration without mistakes in its teams.", err=True)


def summarise(report: Report) -> str:
    """``2 files, 14 rules, 3 teams: no mistakes``."""
    warnings = len(report.diagnostics) - report.errors
    parts = [_count(report.files, "file"), _count(report.rules, "rule")]
    parts += [_count(report.teams, "team")] if report.teams is not None else []
    verdict = _count(report.errors, "mistake") if report.errors else "no mistakes"
    return f"{', '.join(parts)}: {verdict}" + (f", {_count(warnings, 'warning')}" if warnings else "")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
