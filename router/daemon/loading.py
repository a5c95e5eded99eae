"""From files to what the daemon runs by: settings, compiled rules, and the texts to keep; or every mistake at once.

The one place that reads the configuration; rules are read as ``alert-router check`` reads them. Nothing is put in force here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from router.config.loading import load_settings
from router.config.outages import MayBeOut, bear_nothing
from router.config.rule_files import read_rule_files
from router.config.secrets import Secrets
from router.config.settings import Settings
from router.daemon.templates import check_body
from router.errors import ConfigError, Diagnostic, RouterError, Span
from router.ingest.checking import check_webhook
from router.model.ruleset import RuleSet
from router.rules.acting import check_hands
from router.rules.compiling import compile_ruleset, ruleset_texts

MAX_FILE_BYTES = 16 * 1024 * 1024


class RulesBroken(RouterError):
    """The configuration is good and the rules are not: ``settings`` can be used with the rules of last time."""

    def __init__(self, settings: Settings, diagnostics: list[Diagnostic]) -> None:
        """Keep both; the message lists the mistakes."""
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.settings = settings
        self.diagnostics = diagnostics


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a start or a reload needs. ``texts`` is the bundle from which ``ruleset`` compiles again."""

    settings: Settings
    ruleset: RuleSet
    texts: bytes
    warnings: tuple[Diagnostic, ...]


def read_file(path: Path) -> bytes:
    """The bytes of the configuration; ConfigError if it cannot be read or is larger than 16 MiB."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError([_unreadable(path, f"it is larger than {MAX_FILE_BYTES} bytes")])
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([_unreadable(path, error.strerror or str(error))]) from error


def load(
    config_path: Path,
    *,
    environ: Mapping[str, str],
    previous: Secrets | None = None,
    read_secrets: bool = True,
    may_be_out: MayBeOut = bear_nothing,
) -> Loaded:
    """Settings and rules; ConfigError for the configuration, RulesBroken for the rules, each with every mistake.

    ``may_be_out``: what a secret that cannot be used may cost, instead of being a mistake.
    """
    base = config_path.resolve().parent
    settings = load_settings(
        read_file(config_path),
        str(config_path),
        base=base,
        environ=environ,
        previous=previous,
        read_secrets=read_secrets,
        check_webhook=check_webhook,
        check_template=check_body,
        may_be_out=may_be_out,
    )
    found = read_rule_files(settings.rules, named_at=settings.spans["rules"], seen_from=base)
    if any(diagnostic.level == "error" for diagnostic in found.diagnostics):
        raise RulesBroken(settings, found.diagnostics)
    files = found.files
    ruleset, diagnostics = compile_ruleset(
        files,
        teams=settings.teams,
        default_team=settings.default_team,
        scale=settings.scale,
        channels=settings.notify,
        rights=settings.rights,
    )
    if ruleset is None:
        raise RulesBroken(settings, diagnostics)
    diagnostics += check_hands(ruleset, can_act=settings.pagerduty.can_act)
    texts = ruleset_texts(
        files, teams=settings.teams, default_team=settings.default_team, scale=settings.scale, channels=settings.notify
    )
    return Loaded(
        settings=settings, ruleset=ruleset, texts=texts, warnings=(*settings.warnings, *found.diagnostics, *diagnostics)
    )


def _unreadable(path: Path, why: str) -> Diagnostic:
    span = Span(file=str(path), line=1, column=1, end_line=1, end_column=1)
    return Diagnostic(
        code="unreadable-file",
        span=span,
        path="",
        message=f"cannot be read: {why}",
        hint="name another with --config, or make it readable for this user",
    )
