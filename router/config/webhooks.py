"""Sources of webhooks as plain values, and what is wrong with them: expressions, samples, spellings, who may send."""

from __future__ import annotations

from pathlib import Path as FilePath

from router.config.findings import Findings
from router.config.secrets import Purpose
from router.config.settings import SourceSettings
from router.config.webhook_schema import AuthSection, MappingSection, PresetSource, SnsSource, WebhookSource
from router.model.severity import BY_WORD, Severity
from router.model.webhook import (
    LISTED_FIELDS,
    Credentials,
    Expressions,
    MappingMistake,
    Signature,
    StatusWord,
    Webhook,
    WebhookCheck,
)
from router.yamldoc import Path, suggest

RESEND_GRACE_MS = 120_000
MAX_SAMPLE = 1_048_576
"""Bytes of a sample."""

AnyWebhook = WebhookSource | PresetSource | SnsSource


def build_webhook(name: str, section: AnyWebhook, findings: Findings, check: WebhookCheck | None) -> SourceSettings:
    """One source; complaints at each expression that is none, or that does not work on the sample."""
    path: Path = ("sources", name)
    webhook = Webhook(
        preset=section.kind,
        mapping=_build_mapping(section.mapping, path, findings),
        statuses=_build_statuses(section, path, findings),
        severities=_build_severities(section, path, findings),
        credentials=_build_credentials(section, path, findings),
        confirm_subscriptions=isinstance(section, SnsSource) and section.confirm_subscriptions,
        verify_signature=not isinstance(section, SnsSource) or section.verify_signature,
        topics=_listed(section.topics) if isinstance(section, SnsSource) else (),
    )
    if not webhook.verify_signature and webhook.credentials is None:
        message = "without Amazon's signature and without `auth` anybody who reaches the door could send alarms"
        findings.complain((*path, "verify_signature"), "unguarded-source", message, "add auth: env:NAME, or leave it out")
    if isinstance(section, SnsSource) and webhook.verify_signature and not webhook.topics and webhook.credentials is None:
        message = "Amazon signs for all its customers: without `topics` and `auth` any of them could send alarms"
        findings.complain(path, "unguarded-source", message, "name the topic: topics: [arn:aws:sns:…]", key=True)
    if check is not None:
        for mistake in check(webhook, _read_sample(section, path, findings)):
            _complain(mistake, path, findings)
    return SourceSettings(
        name=name,
        kind="webhook",
        service_labels=(),
        name_label="",
        severity_label="",
        resolve_timeout_ms=section.resolve_timeout,
        resend_grace_ms=RESEND_GRACE_MS,
        webhook=webhook,
    )


def _complain(mistake: MappingMistake, source: Path, findings: Findings) -> None:
    path = (*source, *mistake.path)
    if mistake.position is None:
        findings.complain(path, mistake.code, mistake.message, mistake.hint)
    else:
        findings.complain_inside(path, mistake.code, mistake.message, mistake.hint, mistake.text, mistake.position)


def _build_mapping(section: MappingSection, path: Path, findings: Findings) -> dict[str, Expressions]:
    mapping: dict[str, Expressions] = {}
    for field in MappingSection.model_fields:
        written = getattr(section, field)
        if isinstance(written, list):
            for index, entry in enumerate(written):
                _check_members(field, entry, (*path, "mapping", field, index), findings)
            mapping[field] = tuple(dict(entry) for entry in written)
        elif written is not None:
            mapping[field] = written
    return mapping


def _check_members(field: str, entry: dict[str, str], path: Path, findings: Findings) -> None:
    known = LISTED_FIELDS[field]
    for name in entry:
        if name not in known:
            message = f"unknown key {name[:40]!r}; expected {', '.join(known)}"
            findings.complain((*path, name), "unknown-key", message, suggest(name, known) or "leave it out", key=True)
    if known[0] not in entry:
        findings.complain(
            path,
            "missing-key",
            f"expected the key {known[0]!r}",
            hint=f"for example: {known[0]}: an expression, or a text in quotes inside it",
        )


def _build_statuses(section: AnyWebhook, path: Path, findings: Findings) -> dict[str, StatusWord]:
    statuses: dict[str, StatusWord] = {}
    for word, written in section.statuses.items():
        for spelling in _listed(written):
            other = statuses.setdefault(spelling.strip().lower(), word)
            if other != word:
                message = f"{spelling!r} means {other} already"
                findings.complain((*path, "statuses", word), "status-conflict", message, hint="leave it with one of the two")
    return statuses


def _build_severities(section: AnyWebhook, path: Path, findings: Findings) -> dict[str, Severity]:
    severities: dict[str, Severity] = {}
    for word, written in section.severities.items():
        for spelling in _listed(written):
            other = severities.setdefault(spelling.strip().lower(), BY_WORD[word])
            if other is not BY_WORD[word]:
                message = f"{spelling!r} means {other.word} already"
                findings.complain(
                    (*path, "severities", word), "severity-conflict", message, hint="leave it with one of the two"
                )
    return severities


def _build_credentials(section: AnyWebhook, path: Path, findings: Findings) -> Credentials | None:
    written = section.auth
    if written is None:
        return None
    is_short = isinstance(written, str)
    place: Path = (*path, "auth") if is_short else (*path, "auth", "secret")
    auth = AuthSection(secret=written) if isinstance(written, str) else written
    signature = auth.signature
    return Credentials(
        secret=findings.refer(place, auth.secret, Purpose.WEBHOOK_SECRET),
        user=auth.user,
        header=auth.header,
        query=auth.query,
        signature=Signature(
            header=signature.header, algorithm=signature.algorithm, encoding=signature.encoding, prefix=signature.prefix
        )
        if signature
        else None,
    )


def _read_sample(section: AnyWebhook, path: Path, findings: Findings) -> bytes | None:
    if section.sample is None:
        return None
    file: FilePath = findings.resolve_path(section.sample)
    try:
        if file.stat().st_size > MAX_SAMPLE:
            findings.complain(
                (*path, "sample"),
                "unreadable-file",
                f"{file} is larger than {MAX_SAMPLE} bytes",
                hint="cut it down to one body as the sender sends it",
            )
            return None
        return file.read_bytes()
    except FileNotFoundError:
        findings.complain(
            (*path, "sample"),
            "missing-file",
            f"there is no file {file}",
            hint="a relative path starts where the configuration stands",
        )
    except OSError as error:
        findings.complain(
            (*path, "sample"),
            "unreadable-file",
            f"{file} cannot be read: {error.strerror or error}",
            hint="it has to be readable for whoever checks, and for the daemon's user",
        )
    return None


def _listed(written: list[str] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)
