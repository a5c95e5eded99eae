"""What ``alert-router check`` looks at besides the files to say what is doubtful: record, rule tests, names of services."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from router.cli.casting import Cast, Caster, NoTests, find_test_files
from router.config.settings import Settings
from router.errors import Diagnostic, StoreError
from router.model.alert import Alert
from router.model.decision import Reason
from router.model.journal import AlertReceived
from router.model.ruleset import RuleSet
from router.rehearsal.linting import PlayedTest, Seen, lint
from router.rehearsal.running import play
from router.store.base import Reader
from router.store.sqlite.reader import open_reader

MAX_ENTRIES = 100_000
"""Journal entries that are looked at, the newest."""

MAX_TESTS = 2_000
"""Rule tests that are played; with more of them nothing is said of tests."""

UNSAID = "json"
"""The source of alerts in rule tests that do not say theirs: nothing follows from it."""

_CHUNK = 5_000


def find_doubts(
    settings: Settings, ruleset: RuleSet, files: Sequence[tuple[str, bytes]], *, config_path: Path, services_path: Path | None
) -> tuple[list[Diagnostic], dict[str, bytes]]:
    """Every doubt about a rule set that has no mistakes, and the texts of the rule tests by name."""
    alerts = list(_recorded(settings))
    services: set[str] | None = {alert.service for alert in alerts} or None
    if services_path is not None:
        services = (services or set()) | set(read_services(services_path))
    given, tests, texts = _tested(settings, config_path)
    seen = Seen(services=services, alerts=[*alerts, *given], tests=tests, retention_ms=settings.store.retention_age_ms)
    return lint(ruleset, dict(files), seen), texts


def read_services(path: Path) -> list[str]:
    """Names of services, one a line; ``#`` begins a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read: {error}", param_hint="--services") from None
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def _recorded(settings: Settings) -> Iterator[Alert]:
    """One alert of each source, kind, service and name that is in the store, if there is one."""
    known: set[tuple[str, str, str, str]] = set()
    with contextlib.suppress(StoreError), contextlib.closing(open_reader(settings.store.path)) as reader:
        for alert in _alerts(reader):
            key = (alert.source, alert.kind, alert.service, alert.name)
            if alert.status == "firing" and key not in known:
                known.add(key)
                yield alert


def _alerts(reader: Reader) -> Iterator[Alert]:
    newest = max((row.decision.alert_seq for row in reader.decisions(limit=100)), default=0)
    after = max(0, newest - MAX_ENTRIES)
    while entries := reader.entries(after_seq=after, limit=_CHUNK):
        after = entries[-1].seq
        yield from (entry.fact.alert for entry in entries if isinstance(entry.fact, AlertReceived))


def _tested(settings: Settings, config_path: Path) -> tuple[list[Alert], list[PlayedTest], dict[str, bytes]]:
    """The alerts that rule tests give, and the tests as they were played; nothing where there are none, or too many."""
    caster = Caster(config_path, is_explicit=False)
    try:
        for path in find_test_files(settings.rules):
            caster.add(path)
    except (NoTests, OSError):
        return [], [], {}
    cast: Cast = caster.cast
    scripts = [(production, script) for production in cast.productions for script in production.file.scripts]
    given = [alert for _, script in scripts for step in script.steps for alert in step.alerts]
    alerts = [alert for alert in given if alert.source != UNSAID and alert.source in settings.sources]
    if cast.diagnostics or len(scripts) > MAX_TESTS:
        return alerts, [], {}
    tests = []
    for production, script in scripts:
        if production.ruleset is not None:
            result = play(script, production.ruleset, load=production.load, retry_for_ms=production.retry_for_ms)
            expected = [reason for step in script.steps if step.expect for reason in step.expect.reason]
            tests.append(
                PlayedTest(
                    name=script.name,
                    span=script.span,
                    happenings=result.happenings,
                    wants_no_rule=Reason.NO_RULE_MATCHED in expected,
                )
            )
    return alerts, tests, cast.texts
