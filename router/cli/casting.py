"""From paths to rule tests with the rules they are about: finds the files, reads them, compiles the rules, once each.

The one place of the command line that knows which rules and teams a test is played with:

- an explicit configuration (``--config`` or the environment) gives teams and rules;
- without one, a test file that names its ``teams`` is tried with the rule files beside it;
- a file that names none is tried with ``config.yaml`` of the working directory, if there is one;
- ``rules:`` in the test file always says which rule files are meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from router.cli.reading import load
from router.config.places import is_directory, may_be_file, unreadable
from router.config.rule_files import read_rule_files, shown_name
from router.config.settings import Settings
from router.config.severities import DEFAULT_SCALE
from router.errors import Diagnostic, Span
from router.model.ruleset import NO_CHANNELS, Channels, RuleSet, Team
from router.rehearsal.reading import STATEFUL_SOURCES, Surroundings, read_tests
from router.rehearsal.running import Load
from router.rehearsal.script import ScriptFile
from router.rehearsal.stage import RETRY_FOR_MS
from router.rules.compiling import compile_ruleset
from router.yamldoc import Document, read

TEST_SUFFIX = ".test.yaml"
MOST_TEST_FILES = 2_000
IMPLICIT_CONFIG = Path("config.yaml")


class Production(msgspec.Struct, kw_only=True):
    """One test file with what it is played with. ``ruleset`` is None when something is wrong."""

    file: ScriptFile
    ruleset: RuleSet | None
    load: Load
    retry_for_ms: int = RETRY_FOR_MS


class Cast(msgspec.Struct, kw_only=True):
    """All test files; mistakes in them and in the rules; every text read, by name; every file looked at, for watching."""

    productions: list[Production] = []
    diagnostics: list[Diagnostic] = []
    texts: dict[str, bytes] = {}
    watched: set[Path] = set()

    def document(self, name: str) -> Document:
        """A file that was read, for the places of its keys."""
        return read(self.texts.get(name, b""), name)


class NoTests(Exception):
    """There is nothing to play; the message says where was looked and what to do."""


def find_test_files(paths: Iterable[Path]) -> list[Path]:
    """Test files as they are, the ones beside rule files, and all below directories, sorted. NoTests if there is none."""
    found: dict[Path, Path] = {}
    looked = []
    for path in paths:
        looked.append(str(path))
        if is_directory(path):
            files = sorted(path.rglob(f"*{TEST_SUFFIX}"))
            for file in files:
                if not any(part.startswith(".") for part in file.relative_to(path).parts):
                    found.setdefault(file.resolve(), file)
        elif path.name.endswith(TEST_SUFFIX):
            found.setdefault(path.resolve(), path)
        else:
            beside = path.with_name(path.name.removesuffix(path.suffix) + TEST_SUFFIX)
            if not may_be_file(beside):
                raise NoTests(f"{path} has no tests: there is no {beside}")
            found.setdefault(beside.resolve(), beside)
    if not found:
        raise NoTests(f"no *{TEST_SUFFIX} in {', '.join(looked)}")
    if len(found) > MOST_TEST_FILES:
        raise NoTests(f"found {len(found)} test files, at most {MOST_TEST_FILES} are played at once")
    return list(found.values())


class Caster:
    """Reads everything once; mistakes are collected, never raised."""

    def __init__(self, config_path: Path | None, *, is_explicit: bool) -> None:
        """``config_path`` is None when there is no configuration."""
        self._settings: Settings | None = load(config_path) if config_path is not None else None
        self._is_explicit = is_explicit
        self._compiled: dict[tuple[object, ...], RuleSet | None] = {}
        self._reported: set[Diagnostic] = set()
        self.cast = Cast()
        if config_path is not None:
            self.cast.watched.add(config_path)

    def add(self, path: Path) -> None:
        """One test file."""
        cast = self.cast
        name = shown_name(path)
        cast.watched.add(path)
        try:
            cast.texts[name] = path.read_bytes()
        except OSError as error:
            self._report([unreadable(name, error)])
            return
        settings = self._settings
        stateful = [source.name for source in settings.sources.values() if source.kind == "alertmanager"] if settings else ()
        around = Surroundings(
            scale=settings.scale if settings else DEFAULT_SCALE,
            teams=settings.teams if settings else None,
            channels=settings.notify.policies if settings else None,
            stateful=(*STATEFUL_SOURCES, *stateful),
        )
        file = read_tests(name, cast.texts[name], around)
        self._report(file.diagnostics)
        ruleset: RuleSet | None = None
        load_rules: Load = _nothing
        if not any(found.level == "error" for found in file.diagnostics):
            ruleset, load_rules = self._cast(file, path)
        retry_for_ms = settings.pagerduty.retry_for_ms if settings else RETRY_FOR_MS
        cast.productions.append(Production(file=file, ruleset=ruleset, load=load_rules, retry_for_ms=retry_for_ms))

    def _report(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Mistakes alone, each once: warnings are the business of ``check``."""
        for found in diagnostics:
            if found.level == "error" and found not in self._reported:
                self._reported.add(found)
                self.cast.diagnostics.append(found)

    def _cast(self, file: ScriptFile, path: Path) -> tuple[RuleSet | None, Load]:
        settings = self._settings
        place = Span(file=file.name, line=1, column=1, end_line=1, end_column=1)
        own = file.teams is not None and not (settings is not None and self._is_explicit)
        if own:
            assert file.teams is not None
            teams: Mapping[str, Team] = file.teams
            default_team = file.default_team
            channels = file.channels or (settings.notify if settings is not None else NO_CHANNELS)
        elif settings is not None:
            teams, default_team = settings.teams, settings.default_team
            channels = settings.notify if file.channels is None or self._is_explicit else file.channels
        else:
            message = "there is no configuration and the file names no teams, so nobody can be paged"
            hint = "write for example teams: {payments: [payment-*], platform: ['*']} at the top, or name a --config"
            self._report([Diagnostic(code="no-teams", span=place, path="", message=message, hint=hint)])
            return None, _nothing
        if file.rules:
            paths = [path.parent / written for written in file.rules]
        elif settings is not None and not own:
            paths = list(settings.rules)
        else:
            paths = [path.parent]
        ruleset = self._compile(paths, teams, default_team, channels, place)
        if ruleset is None:
            return None, _nothing
        # What tests reload is compiled now, so that its mistakes are told with all others.
        reloads: dict[tuple[str, ...], RuleSet] = {}
        for script in file.scripts:
            for step in script.steps:
                if step.reload and step.reload not in reloads:
                    others = [path.parent / name for name in step.reload]
                    other = self._compile(others, teams, default_team, channels, step.span)
                    if other is None:
                        return None, _nothing
                    reloads[step.reload] = other
        return ruleset, reloads.__getitem__

    def _compile(
        self, paths: list[Path], teams: Mapping[str, Team], default_team: str, channels: Channels, place: Span
    ) -> RuleSet | None:
        told = (tuple(channels.policies.values()), tuple(channels.by_severity.items()))
        key = (tuple(paths), default_team, tuple(teams.values()), told)
        if key not in self._compiled:
            self._compiled[key] = self._compile_anew(paths, teams, default_team, channels, place)
        return self._compiled[key]

    def _compile_anew(
        self, paths: list[Path], teams: Mapping[str, Team], default_team: str, channels: Channels, place: Span
    ) -> RuleSet | None:
        read_files = read_rule_files(paths, named_at=place)
        self._report(read_files.diagnostics)
        self.cast.texts |= dict(read_files.files)
        self.cast.watched.update(Path(name) for name, _ in read_files.files)
        if not read_files.files:
            message = f"there are no rule files to test in {', '.join(map(str, paths))}"
            hint = "put the test beside its rules, or name them: rules: [../rules]"
            self._report([Diagnostic(code="no-rules", span=place, path="", message=message, hint=hint)])
            return None
        settings = self._settings
        ruleset, diagnostics = compile_ruleset(
            read_files.files,
            teams=teams,
            default_team=default_team,
            scale=settings.scale if settings else DEFAULT_SCALE,
            channels=channels,
            sources=None,
        )
        self._report(diagnostics)
        has_errors = any(found.level == "error" for found in read_files.diagnostics)
        return None if has_errors else ruleset


def _nothing(paths: tuple[str, ...]) -> RuleSet:
    raise KeyError(paths)


def default_paths(settings_rules: Callable[[], Iterable[Path]]) -> list[Path]:
    """Where tests are looked for when no path is given: beside the configured rules, else below the working directory."""
    paths = [path for path in settings_rules() if path.exists()]
    return paths or [Path()]
