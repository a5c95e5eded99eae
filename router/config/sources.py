"""Where alerts come from, by the names rules know them under."""

from __future__ import annotations

from router.config.findings import Findings
from router.config.schema import AlertmanagerSource, JsonSource, PagerDutySource
from router.config.secrets import Purpose
from router.config.settings import SourceKind, SourceSettings
from router.yamldoc import Path

ALWAYS_THERE: tuple[AlertmanagerSource | JsonSource, ...] = (
    AlertmanagerSource(kind="alertmanager"),
    JsonSource(kind="json"),
)
"""Kinds whose door needs nothing configured: there under their kind's name unless one is configured."""


def build_sources(
    sections: dict[str, AlertmanagerSource | PagerDutySource | JsonSource], findings: Findings
) -> dict[str, SourceSettings]:
    """The sources by name; complaints for two that share one door or one key."""
    sources: dict[str, SourceSettings] = {}
    by_kind: dict[SourceKind, str] = {}
    keys: dict[str, Path] = {}
    for name, section in sections.items():
        path = ("sources", name)
        if section.kind != "pagerduty" and section.kind in by_kind:
            message = f"{by_kind[section.kind]!r} is of kind {section.kind} already, and they share one door"
            hint = "tell its senders apart by a label: match: {labels: {…}}"
            findings.complain(path, "source-kind-twice", message, hint, key=True)
        if name in {kept.kind for kept in ALWAYS_THERE} and section.kind != name:
            message = f"the name {name!r} is kept for the source of that kind"
            findings.complain(path, "reserved-name", message, key=True)
        by_kind.setdefault(section.kind, name)
        sources[name] = _build(name, section, keys, findings)
    for section in ALWAYS_THERE:
        if section.kind not in by_kind:
            sources[section.kind] = _build(section.kind, section, keys, findings)
    return sources


def _build(
    name: str, section: AlertmanagerSource | PagerDutySource | JsonSource, keys: dict[str, Path], findings: Findings
) -> SourceSettings:
    match section:
        case AlertmanagerSource():
            return SourceSettings(
                name=name,
                kind="alertmanager",
                service_labels=_listed(section.service_label),
                name_label=section.name_label,
                severity_label=section.severity_label,
                resolve_timeout_ms=section.resolve_timeout,
                resend_grace_ms=section.resend_grace,
            )
        case JsonSource():
            return SourceSettings(
                name=name,
                kind="json",
                service_labels=(),
                name_label="",
                severity_label="",
                resolve_timeout_ms=section.resolve_timeout,
                resend_grace_ms=section.resend_grace,
            )
        case PagerDutySource():
            return SourceSettings(
                name=name,
                kind="pagerduty",
                service_labels=_listed(section.service_label),
                name_label=section.name_label,
                severity_label="severity",
                resolve_timeout_ms=0,
                resend_grace_ms=0,
                keys=tuple(_refer(name, index, key, keys, findings) for index, key in enumerate(section.keys)),
            )


def _refer(name: str, index: int, written: str, keys: dict[str, Path], findings: Findings) -> str:
    path: Path = ("sources", name, "keys", index)
    reference = findings.refer(path, written, Purpose.INBOUND_KEY)
    if reference in keys:
        message = f"this key is named already, at {findings.document.span(keys[reference])}"
        findings.complain(path, "inbound-key-twice", message, "each key belongs to one source")
    keys.setdefault(reference, path)
    return reference


def _listed(written: list[str] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)
