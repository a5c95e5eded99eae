"""A place to try rules in: a configuration, the rules in force, changed ones, and a journal in a file and in a store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from router.cli import main
from router.clock import SystemClock
from router.engine.core import Engine
from router.model.incident import Incident
from router.model.journal import Entry
from router.model.ruleset import RuleSet
from router.store.base import Commit
from router.store.factory import store_from_url
from tests.support.journals import write_slice

CONFIG = """\
default_team: platform
store: sqlite:data.db
rules: [rules]
teams:
  payments: {services: [pay-*], pagerduty: {routing_key: env:A}}
  platform: {services: ["*"], pagerduty: {routing_key: env:B}}
"""
RULES = """\
rules:
  - {id: noise, match: {service: dev-*}, drop: development}
  - {id: slow, match: {severity: warning}, when: {firing_for: 10m}}
  - {id: rest}
"""


def lay_out(place: Path, entries: list[Entry], *, rules: str = RULES, changed: str = RULES) -> None:
    """config.yaml, rules/, new/ and journal.jsonl below ``place``."""
    (place / "config.yaml").write_text(CONFIG)
    for folder, text in (("rules", rules), ("new", changed)):
        (place / folder).mkdir()
        (place / folder / "a.yaml").write_text(text)
    write_slice(place / "journal.jsonl", entries)


def keep(place: Path, entries: list[Entry], ruleset: RuleSet | None) -> None:
    """The store a daemon with these rules would have left; without rules only the journal."""
    asyncio.run(_keep(place, entries, ruleset))


async def _keep(place: Path, entries: list[Entry], ruleset: RuleSet | None) -> None:
    store = store_from_url(f"sqlite:{place / 'data.db'}", clock=SystemClock())
    await store.open()
    store.subscribe(lambda _: None)
    engine = None if ruleset is None else Engine(ruleset, now=entries[0].at)
    for entry in entries:
        (kept,) = await store.append(entry.at, [entry.fact])
        incidents: list[Incident] = []
        decisions, changes = [], []
        if engine is not None:
            transition = engine.handle([kept], until=entry.at, rulesets={})
            incidents, decisions, changes = transition.incidents, transition.decisions, transition.changes
        await store.commit(
            Commit(
                cursor=kept.seq, decided_at=entry.at, decisions=decisions, incidents=incidents, changes=changes, deliveries=[]
            )
        )
    await store.close()


def run(*arguments: str, given: str | None = None) -> Result:
    """The command line, in the working directory."""
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False, input=given)
