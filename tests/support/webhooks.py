"""Bodies of webhooks read by a preset or a mapping, with the spellings of a configuration that adds none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from router.config.severities import DEFAULT_SCALE
from router.ingest.mapped import MappedReader, Read
from router.ingest.presets.table import complete
from router.ingest.sources import SourceSettings
from router.ingest.webhooks import show_body
from router.model.alert import Alert
from router.model.webhook import Webhook

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
NOW = 1_790_000_000_000


def sample(name: str) -> bytes:
    """A genuine body."""
    return (SAMPLES / f"{name}.json").read_bytes()


def reader_of(webhook: Webhook, **source: Any) -> MappedReader:
    settings = SourceSettings(name="hook", kind="webhook", resolve_timeout_ms=source.pop("resolve_timeout_ms", 0), **source)
    return MappedReader(settings, complete(webhook), DEFAULT_SCALE)


def read(webhook: Webhook, body: Any, headers: dict[bytes, bytes] | None = None) -> list[Read]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return show_body(complete(webhook), reader_of(webhook), raw, headers or {}, NOW)


def alerts(preset: str, body: Any, headers: dict[bytes, bytes] | None = None) -> list[Alert]:
    """What a preset makes of a body; no expression may fail on it."""
    reads = read(Webhook(preset=preset), body, headers)
    failed = {finding.field: finding.problem for one in reads for finding in one.fields.findings if finding.failed}
    assert not failed
    return [one.alert for one in reads if one.alert is not None]


def alert(preset: str, body: Any, headers: dict[bytes, bytes] | None = None) -> Alert:
    (found,) = alerts(preset, body, headers)
    return found


def told(found: Alert) -> tuple[str, str, str, str]:
    """What a person would look at first."""
    return found.service, found.name, found.severity.word, found.status
