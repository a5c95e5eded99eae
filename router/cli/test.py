"""``alert-router test``: the tests of the rules, in virtual time, with what happened instead when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from router.cli.casting import IMPLICIT_CONFIG, Cast, Caster, NoTests, default_paths, find_test_files
from router.cli.check import as_json, print_diagnostics
from router.cli.excerpt import Excerpts
from router.cli.junit import Case, write_junit
from router.cli.mutate import Outcome, mutate, print_outcome
from router.cli.options import fail, output_option, print_json
from router.cli.reading import load
from router.clock import SystemClock
from router.config.places import may_be_file
from router.rehearsal.running import Result, play
from router.rehearsal.timeline import render, tell

WATCH_SECONDS = 0.5


class Played(msgspec.Struct, kw_only=True):
    """A test that was played, and how long that took in real time."""

    file: str
    result: Result
    took_seconds: float


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=IMPLICIT_CONFIG,
    envvar="ALERT_ROUTER_CONFIG",
    show_default=True,
    help="The configuration file (also ALERT_ROUTER_CONFIG); if there is none, the test files name their teams.",
)
@click.option("--only", metavar="TEXT", help="Only tests whose name contains this.")
@click.option("--verbose", "-v", is_flag=True, help="The timeline of every test, also of those that pass.")
@click.option("--junit", "junit_path", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML to this file.")
@click.option("--mutate", "mutates", is_flag=True, help="Change the rules a little, and name the changes that no test notices.")
@click.option("--strict", is_flag=True, help="With --mutate: exit code 1 if a change is not noticed.")
@click.option("--watch", is_flag=True, help="Play again whenever a file changes, until Ctrl-C.")
@output_option
@click.pass_context
def test(
    context: click.Context,
    paths: tuple[Path, ...],
    *,
    config_path: Path,
    only: str | None,
    verbose: bool,
    junit_path: Path | None,
    mutates: bool,
    strict: bool,
    watch: bool,
    output: str,
) -> None:
    r"""Play the rule tests (*.test.yaml) in virtual time.

    PATH is a test file, a rule file (its test beside it), or a directory (all tests below it). Without PATH: beside the
    configured rules, else below the working directory.

    \b
    Examples:
      alert-router test rules/
      alert-router test rules/payments.test.yaml --watch
      alert-router test --junit rule-tests.xml
      alert-router test rules/ --mutate --strict

    Exit code 1 if a test fails or a file has mistakes.
    """
    is_explicit = context.get_parameter_source("config_path") is not click.core.ParameterSource.DEFAULT
    if is_explicit and not may_be_file(config_path):
        raise click.UsageError(f"there is no configuration {config_path}")
    session = _Session(
        paths=paths,
        config_path=config_path if may_be_file(config_path) else None,
        is_explicit=is_explicit,
        only=only,
        verbose=verbose,
        junit_path=junit_path,
        output=output,
        mutates=mutates,
        strict=strict,
    )
    if mutates and watch:
        raise click.UsageError("--mutate and --watch do not go together")
    if strict and not mutates:
        raise click.UsageError("--strict says what --mutate does; give both")
    if not watch:
        context.exit(session.run())
    asyncio.run(_watch(session))


class _Session(msgspec.Struct, kw_only=True):
    """One call of the command; ``run`` may be called again when a file has changed."""

    paths: tuple[Path, ...]
    config_path: Path | None
    is_explicit: bool
    only: str | None
    verbose: bool
    junit_path: Path | None
    output: str
    mutates: bool = False
    strict: bool = False
    watched: set[Path] = set()

    def cast(self) -> Cast:
        caster = Caster(self.config_path, is_explicit=self.is_explicit)
        config_path = self.config_path
        paths = self.paths or tuple(default_paths(lambda: load(config_path).rules if config_path else ()))
        for path in find_test_files(paths):
            caster.add(path)
        self.watched = caster.cast.watched | set(paths)
        return caster.cast

    def run(self) -> int:
        try:
            cast = self.cast()
        except NoTests as error:
            fail(str(error), hint="docs/howto/test-rules.md shows how to write one", code=2)
        played = [] if cast.diagnostics else self.play(cast)
        if self.only is not None and not cast.diagnostics and not played:
            fail(f"no test has {self.only!r} in its name", code=2)
        if self.junit_path is not None:
            self.junit_path.write_text(write_junit([_case(each, cast) for each in played]), encoding="utf-8")
        passed = not cast.diagnostics and all(each.result.passed for each in played)
        # What is broken already notices nothing: only tests that pass can.
        outcome = mutate(cast) if self.mutates and passed else None
        if self.output == "json":
            print_json(_as_json(played, cast, outcome))
        else:
            self.print_text(played, cast)
            if outcome is not None:
                click.echo()
                print_outcome(outcome, cast)
        survived = outcome is not None and bool(outcome.survivors)
        return 0 if passed and not (self.strict and survived) else 1

    def play(self, cast: Cast) -> list[Played]:
        clock = SystemClock()
        played = []
        for production in cast.productions:
            assert production.ruleset is not None
            for script in production.file.scripts:
                if self.only is not None and self.only not in script.name:
                    continue
                before = clock.monotonic()
                result = play(script, production.ruleset, load=production.load, retry_for_ms=production.retry_for_ms)
                took = clock.monotonic() - before
                played.append(Played(file=production.file.name, result=result, took_seconds=took))
        return played

    def print_text(self, played: Sequence[Played], cast: Cast) -> None:
        print_diagnostics(cast.diagnostics, cast.texts)
        if cast.diagnostics:
            count = len(cast.diagnostics)
            click.echo(f"{count} mistake{'' if count == 1 else 's'}: no test was played")
            return
        file = ""
        for each in played:
            if each.file != file:
                click.secho(each.file, bold=True)
                file = each.file
            click.echo(f"  {_mark(each.result)} {_flat(each.result.script.name)}  {click.style(_took(each), dim=True)}")
            if not each.result.passed:
                for line in explain_failure(each.result, cast):
                    click.echo(f"    {line}")
            elif self.verbose:
                for line in render(tell(each.result.happenings, each.result.script.start_at), "      "):
                    click.echo(line)
        failed = sum(not each.result.passed for each in played)
        took = sum(each.took_seconds for each in played)
        verdict = click.style(f"{failed} failed", fg="red") if failed else click.style("all passed", fg="green")
        click.echo(f"{len(played):,} test{'' if len(played) == 1 else 's'}, {verdict}, in {took:.2f} s")


async def _watch(session: _Session) -> None:
    clock = SystemClock()
    seen: dict[Path, tuple[int, int]] = {}
    session.watched = set(session.paths) or {Path()}
    while True:
        now = _look(session.watched)
        if not seen or now != seen:
            if seen:
                click.echo()
            try:
                session.run()
            except SystemExit:
                # Said already: a file is being written, or the last test was taken away. The next change may mend it.
                session.watched |= set(session.paths)
            click.echo("watching; Ctrl-C ends it", err=True)
            # What changed while it ran counts as a change: the older look wins.
            after = _look(session.watched)
            now = {path: now.get(path, status) for path, status in after.items()}
        seen = now
        await clock.sleep(WATCH_SECONDS)


def _look(watched: set[Path]) -> dict[Path, tuple[int, int]]:
    """Time and size of every file, and of all YAML files beside one or in a directory that is watched."""
    folders = {path if path.is_dir() else path.parent for path in watched}
    found = {}
    for path in watched | {file for folder in folders if folder.is_dir() for file in folder.glob("*.yaml")}:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def explain_failure(result: Result, cast: Cast) -> list[str]:
    """The expectations that failed, each with its line, then what happened instead."""
    excerpts = Excerpts(cast.texts)
    lines: list[str] = []
    for miss in result.misses:
        lines.append(f"{miss.span}:")
        lines.append(f"  expected {miss.expected}")
        lines.append(f"  found    {miss.found}")
        lines += excerpts.show(miss.span)
    lines.append("what happened:")
    lines += render(tell(result.happenings, result.script.start_at), "  ")
    return lines


def _mark(result: Result) -> str:
    return click.style("✓", fg="green") if result.passed else click.style("✗", fg="red")


def _took(each: Played) -> str:
    return f"{each.took_seconds * 1000:.0f} ms"


def _flat(text: str) -> str:
    return "".join(character if character.isprintable() else "·" for character in text)


def _case(each: Played, cast: Cast) -> Case:
    result = each.result
    return Case(
        file=each.file,
        name=result.script.name,
        line=result.script.span.line,
        took_seconds=each.took_seconds,
        failure="; ".join(f"expected {miss.expected}, found {miss.found}" for miss in result.misses),
        details="" if result.passed else "\n".join(explain_failure(result, cast)),
    )


def _as_json(played: Sequence[Played], cast: Cast, outcome: Outcome | None) -> dict[str, Any]:
    mutation = None
    if outcome is not None:
        survivors = [
            {"file": each.span.file, "line": each.span.line, "column": each.span.column, "rule": each.rule, "what": each.what}
            for each in outcome.survivors
        ]
        mutation = {"tried": outcome.tried, "survivors": survivors}
    return {
        "mutation": mutation,
        "passed": not cast.diagnostics and all(each.result.passed for each in played),
        "mistakes": [as_json(found) for found in cast.diagnostics],
        "tests": [
            {
                "file": each.file,
                "line": each.result.script.span.line,
                "name": each.result.script.name,
                "passed": each.result.passed,
                "took_ms": round(each.took_seconds * 1000, 3),
                "failures": [
                    {
                        "file": miss.span.file,
                        "line": miss.span.line,
                        "column": miss.span.column,
                        "key": miss.key,
                        "expected": miss.expected,
                        "found": miss.found,
                    }
                    for miss in each.result.misses
                ],
                "timeline": []
                if each.result.passed
                else [
                    {"after_ms": line.after_ms, "depth": line.depth, "text": line.text}
                    for line in tell(each.result.happenings, each.result.script.start_at)
                ],
            }
            for each in played
        ],
    }
