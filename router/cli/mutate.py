"""``alert-router test --mutate``: the rules with one small change at a time, and which changes no test notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from router.cli.casting import Cast, Production
from router.cli.excerpt import Excerpts
from router.cli.journals import Progress
from router.clock import SystemClock
from router.errors import Span
from router.rehearsal.mutating import Mutant, mutants_of
from router.rehearsal.running import play
from router.rules.reading import LIMITS
from router.yamldoc import Document, read


class Survivor(msgspec.Struct, frozen=True, kw_only=True):
    """A change that every test passes with."""

    span: Span
    rule: str
    what: str

    def __str__(self) -> str:
        """``file:line:column: rule ID: what``."""
        return f"{self.span}: rule {self.rule}: {self.what}"


class Outcome(msgspec.Struct, kw_only=True):
    """How many changes were tried, and those nobody noticed, in the order of the rules."""

    tried: int
    survivors: list[Survivor]


def mutate(cast: Cast) -> Outcome:
    """Try every change of every rule that is tested; test files with the same rules stand up for them together."""
    groups: dict[tuple[str, ...], list[Production]] = {}
    for production in cast.productions:
        assert production.ruleset is not None
        rules = tuple(str(rule.span) + rule.id for rule in production.ruleset.rules)
        groups.setdefault(rules, []).append(production)
    places = _Places(cast)
    work = [(group, mutant) for group in groups.values() for mutant in _mutants(group)]
    done = 0
    progress = Progress(SystemClock(), lambda: done / len(work), unit="changes")
    outcome = Outcome(tried=len(work), survivors=[])
    for group, mutant in work:
        if not _is_noticed(mutant, group):
            outcome.survivors.append(Survivor(span=places.find(group[0], mutant), rule=mutant.rule, what=mutant.what))
        done += 1
        progress.advance(1)
    progress.finish()
    return outcome


def _mutants(group: Sequence[Production]) -> Iterable[Mutant]:
    ruleset = group[0].ruleset
    assert ruleset is not None
    return mutants_of(ruleset)


def _is_noticed(mutant: Mutant, group: Sequence[Production]) -> bool:
    for production in group:
        assert production.ruleset is not None
        ruleset = mutant.apply(production.ruleset)
        for script in production.file.scripts:
            if not play(script, ruleset, load=production.load, retry_for_ms=production.retry_for_ms).passed:
                return True
    return False


class _Places:
    """Where in the rule files the keys of rules stand."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._documents: dict[str, Document] = {}

    def find(self, production: Production, mutant: Mutant) -> Span:
        """The place of the changed key; of the rule when the key is not written."""
        assert production.ruleset is not None
        span = next(rule.span for rule in production.ruleset.rules if rule.id == mutant.rule)
        assert span is not None
        document = self._documents.get(span.file)
        if document is None:
            document = self._documents[span.file] = read(self._cast.texts[span.file], span.file, limits=LIMITS)
        data: Any = document.data
        for index, rule in enumerate(data["rules"]):
            if rule.get("id") == mutant.rule:
                path = ("rules", index, *mutant.key)
                found = document.span(path, key=bool(mutant.key))
                # Of a key that is not written, the nearest parent would be the whole rule: its id says it in one line.
                return found if _is_written(rule, mutant.key) else document.span(("rules", index, "id"))
        return span


def _is_written(rule: Any, key: tuple[str | int, ...]) -> bool:
    for part in key:
        if not isinstance(rule, dict) or part not in rule:
            return False
        rule = rule[part]
    return bool(key)


def print_outcome(outcome: Outcome, cast: Cast) -> None:
    """The survivors with their lines, then the count."""
    excerpts = Excerpts(cast.texts)
    for survivor in outcome.survivors:
        click.echo(f"{click.style(str(survivor.span), bold=True)}: rule {survivor.rule}")
        click.echo(f"  no test notices: {survivor.what}")
        for line in excerpts.show(survivor.span):
            click.echo(line)
    noticed = outcome.tried - len(outcome.survivors)
    click.echo(f"{outcome.tried:,} changes of the rules, {noticed:,} noticed, {len(outcome.survivors):,} not")
