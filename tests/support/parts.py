"""The daemon's parts, wired as the daemon wires them over a real store, in the test's own process and loop."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from router.clock import SystemClock
from router.daemon.loading import Loaded, load
from router.daemon.wiring import Parts, wire
from router.store.base import Recovered
from router.store.sqlite.driver import SqliteStore
from router.telemetry.metrics import Metrics
from tests.support.daemon import KEYS, config

ENVIRON = {f"KEY_{team.upper()}": key for team, key in KEYS.items()}
RULES = 'rules: [{id: everything, match: {service: "*"}, group_by: [service, name, instance]}]\n'


def write_files(folder: Path, events_url: str, rules: str = RULES, **changes: Any) -> Path:
    """A configuration and one rule file; the configuration's path."""
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "a.yaml").write_text(rules)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"reload": {"watch": False}} | config(events_url, **changes)))
    return path


class Wired:
    """What ``wired`` gives: the parts and what they were made of."""

    def __init__(self, *, loaded: Loaded, store: SqliteStore, recovered: Recovered, parts: Parts, metrics: Metrics) -> None:
        """Plain attributes."""
        self.loaded = loaded
        self.store = store
        self.recovered = recovered
        self.parts = parts
        self.metrics = metrics


@contextlib.asynccontextmanager
async def wired(config_path: Path, environ: Mapping[str, str] = ENVIRON) -> AsyncIterator[Wired]:
    """Nothing runs yet but the store; what the test starts it ends itself."""
    loaded = load(config_path, environ=environ)
    clock, metrics = SystemClock(), Metrics()
    store = SqliteStore(loaded.settings.store.path, clock=clock)
    recovered = await store.open()
    reader = store.reader()
    parts = wire(
        settings=loaded.settings,
        before=loaded.ruleset,
        in_force=loaded.ruleset,
        store=store,
        reader=reader,
        recovered=recovered,
        clock=clock,
        chance=random.Random(1),
        metrics=metrics,
    )
    try:
        yield Wired(loaded=loaded, store=store, recovered=recovered, parts=parts, metrics=metrics)
    finally:
        await parts.client.aclose()
        await parts.paging.aclose()
        reader.close()
        await store.close()
