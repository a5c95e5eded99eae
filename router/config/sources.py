"""Where alerts come from, by the names rules know them under."""

from __future__ import annotations

from router.config.findings import Findings
from router.config.schema import AlertmanagerSource, JsonSource, PagerDutySource, ShadowedKey
from router.config.secrets import Purpose
from router.config.settings import SourceSettings
from router.config.webhook_schema import PresetSource, SnsSource, WebhookSource
from router.config.webhooks import build_webhook
from router.model.webhook import WebhookCheck
from router.yamldoc import Path

AnySource = AlertmanagerSource | PagerDutySource | JsonSource | WebhookSource | PresetSource | SnsSource

ALWAYS_THERE: tuple[AlertmanagerSource | JsonSource, ...] = (
    AlertmanagerSource(kind="alertmanager"),
    JsonSource(kind="json"),
)
"""Kinds whose door needs nothing configured: there under their kind's name unless one is configured."""


def build_sources(
    sections: dict[str, AnySource], findings: Findings, check_webhook: WebhookCheck | None = None
) -> dict[str, SourceSettings]:
    """The sources by name; complaints for two that share one door or one key, and for mappings that do not work."""
    sources: dict[str, SourceSettings] = {}
    by_kind: dict[str, str] = {}
    keys: dict[str, Path] = {}
    for name, section in sections.items():
        path = ("sources", name)
        is_alone = isinstance(section, AlertmanagerSource | JsonSource)
        if is_alone and section.kind in by_kind:
            message = f"{by_kind[section.kind]!r} is of kind {section.kind} already, and they share one door"
            hint = "tell its senders apart by a label: match: {labels: {…}}"
            findings.complain(path, "source-kind-twice", message, hint, key=True)
        if name in {kept.kind for kept in ALWAYS_THERE} and section.kind != name:
            message = f"the name {name!r} is kept for the source of that kind"
            findings.complain(path, "reserved-name", message, key=True, hint=f"give it another name, or kind: {name}")
        if is_alone:
            by_kind.setdefault(section.kind, name)
        sources[name] = _build(name, section, keys, findings, check_webhook)
    for section in ALWAYS_THERE:
        if section.kind not in by_kind:
            sources[section.kind] = _build(section.kind, section, keys, findings, check_webhook)
    return sources


def _build(
    name: str, section: AnySource, keys: dict[str, Path], findings: Findings, check_webhook: WebhookCheck | None
) -> SourceSettings:
    match section:
        case WebhookSource():  # presets are such sources too
            return build_webhook(name, section, findings, check_webhook)
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
            inbound = [_refer(name, index, key, keys, findings) for index, key in enumerate(section.keys)]
            return SourceSettings(
                name=name,
                kind="pagerduty",
                service_labels=_listed(section.service_label),
                name_label=section.name_label,
                severity_label="severity",
                resolve_timeout_ms=0,
                resend_grace_ms=0,
                keys=tuple(inbound),
                shadows={
                    reference: findings.refer(("sources", name, "keys", index, "shadow"), key.shadow, Purpose.ROUTING_KEY)
                    for index, (reference, key) in enumerate(zip(inbound, section.keys, strict=True))
                    if isinstance(key, ShadowedKey)
                },
            )


def _refer(name: str, index: int, given: str | ShadowedKey, keys: dict[str, Path], findings: Findings) -> str:
    path: Path = ("sources", name, "keys", index)
    if isinstance(given, ShadowedKey):
        path, given = (*path, "key"), given.key
    reference = findings.refer(path, given, Purpose.INBOUND_KEY)
    if reference in keys:
        message = f"this key is named already, at {findings.document.span(keys[reference])}"
        findings.complain(path, "inbound-key-twice", message, "each key belongs to one source")
    keys.setdefault(reference, path)
    return reference


def _listed(written: list[str] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)
