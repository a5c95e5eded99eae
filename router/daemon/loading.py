"""From files to what the daemon runs by: settings, compiled rules, and the texts to keep; or every mistake at once.

The one place that reads configuration and rule files. Nothing is put in force here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from router.config.loading import load_settings
from router.config.secrets import Secrets
from router.config.settings import Settings
from router.errors import ConfigError, Diagnostic, RouterError, Span
from router.model.ruleset import RuleSet
from router.rules.compiling import compile_ruleset, ruleset_texts

MAX_FILE_BYTES = 16 * 1024 * 1024
_SUFFIXES = (".yaml", ".yml")
_TEST_SUFFIXES = (".test.yaml", ".test.yml")


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
    """The bytes of a configuration or rule file; ConfigError if it cannot be read or is larger than 16 MiB."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError([_unreadable(path, f"it is larger than {MAX_FILE_BYTES} bytes")])
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([_unreadable(path, error.strerror or str(error))]) from error


def rule_files(paths: Iterable[Path]) -> list[Path]:
    """The rule files these paths name: files as they are, of directories the ``*.yaml``, sorted; no tests."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(
                file
                for file in path.iterdir()
                if file.name.endswith(_SUFFIXES) and not file.name.endswith(_TEST_SUFFIXES) and not file.name.startswith(".")
            )
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def load(
    config_path: Path, *, environ: Mapping[str, str], previous: Secrets | None = None, read_secrets: bool = True
) -> Loaded:
    """Settings and rules; ConfigError for the configuration, RulesBroken for the rules, each with every mistake."""
    base = config_path.resolve().parent
    settings = load_settings(
        read_file(config_path), str(config_path), base=base, environ=environ, previous=previous, read_secrets=read_secrets
    )
    try:
        files = [(_shown(path, base), read_file(path)) for path in rule_files(settings.rules)]
    except ConfigError as error:
        raise RulesBroken(settings, error.diagnostics) from error
    ruleset, diagnostics = compile_ruleset(
        files, teams=settings.teams, default_team=settings.default_team, scale=settings.scale
    )
    if ruleset is None:
        raise RulesBroken(settings, diagnostics)
    texts = ruleset_texts(files, teams=settings.teams, default_team=settings.default_team, scale=settings.scale)
    return Loaded(settings=settings, ruleset=ruleset, texts=texts, warnings=(*settings.warnings, *diagnostics))


def _shown(path: Path, base: Path) -> str:
    """Relative to the configuration where that is shorter: diagnostics and the stored texts name no more than they must."""
    try:
        return str(path.resolve().relative_to(base))
    except ValueError:
        return str(path)


def _unreadable(path: Path, why: str) -> Diagnostic:
    span = Span(file=str(path), line=1, column=1, end_line=1, end_column=1)
    return Diagnostic(code="unreadable-file", span=span, path="", message=f"cannot be read: {why}")
