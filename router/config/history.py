"""The ``history`` section: what may stand there and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from router.config.fields import DAY_MS, Duration, FilePath, Maybe, Section, between, setting
from router.config.findings import Findings


class HistorySection(Section):
    """PagerDuty's past, kept here to be searched, counted and told."""

    path: Maybe[FilePath] = setting(None, "Its SQLite file; default: beside the store, `NAME-history.db`.")
    sync: Annotated[Duration, between(0, DAY_MS, "0s to 1d")] = setting(
        "15m",
        "How often the daemon fetches what is new. `0s`: never. Needs `pagerduty.api_token`, which may be one that only reads.",
    )
    since: Annotated[Duration, between(DAY_MS, 3650 * DAY_MS, "1d to 3650d")] = setting(
        "90d", "How far back the daemon goes; `alert-router history sync --since` goes further."
    )
    services: list[str] = setting([], "Only these services of PagerDuty's, by name or id. Without any: all.")


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """As the daemon and the commands need it."""

    path: Path
    sync_ms: int  # 0: the daemon does not
    since_ms: int
    services: tuple[str, ...]


def build_history(section: HistorySection, store: Path, findings: Findings) -> HistorySettings:
    """``store``: the store's file, which names ours."""
    path = store.with_name(f"{store.stem}-history.db") if section.path is None else findings.resolve_path(section.path)
    if path == store:
        findings.complain(("history", "path"), "same-file", "the history is a file of its own, not the store's", "leave it out")
    return HistorySettings(path=path, sync_ms=section.sync, since_ms=section.since, services=tuple(section.services))
