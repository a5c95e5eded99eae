"""``config.yaml`` to ``Settings``, or every mistake at once.

Three steps: the schema (``schema``), checks that look at more than one key, the secrets. A part that broke the schema is left
out of the later steps, so that one mistake neither hides the others nor begets false ones. Never connects or listens; reads
nothing but the files of secrets and certificates.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from router.config.callbacks import build_callbacks
from router.config.channel_building import TemplateCheck, build_channels, build_redaction
from router.config.channels import build_policies, build_severity_channels
from router.config.drills import build_drills
from router.config.findings import Findings
from router.config.history import build_history
from router.config.listening import build_addresses
from router.config.outages import MayBeOut, bear_nothing, take_secrets
from router.config.places import may_be_file
from router.config.schema import Configuration, StoreSection
from router.config.secrets import Purpose, Secrets
from router.config.settings import (
    LimitSettings,
    LogSettings,
    PagerDutySettings,
    Settings,
    StoreSettings,
    TlsFiles,
    TokenSettings,
)
from router.config.severities import build_scale
from router.config.sources import build_sources
from router.config.teams import build_teams
from router.errors import ConfigError, Diagnostic
from router.model.ruleset import NOBODY, Channels, FileRights
from router.model.webhook import WebhookCheck
from router.yamldoc import Document, read, suggest, validate

_SQLITE = "sqlite:"
_STAND_IN_TEAM = {"pagerduty": {"routing_key": "env:STAND_IN"}}
_STAND_INS: dict[str, dict[str, Any]] = {"teams": _STAND_IN_TEAM, "channels": {"kind": "webhook", "url": "env:STAND_IN"}}
"""What is taken instead of a team or channel that the schema has refused."""
_SECTIONS = ("pagerduty", "limits")
"""Sections whose keys stand by themselves: what is wrong with one hides nothing that is wrong with the others."""


def load_settings(
    text: str | bytes,
    file: str,
    *,
    base: Path,
    environ: Mapping[str, str] | None = None,
    read_secrets: bool = True,
    previous: Secrets | None = None,
    check_webhook: WebhookCheck | None = None,
    check_template: TemplateCheck | None = None,
    may_be_out: MayBeOut = bear_nothing,
) -> Settings:
    """The settings in this text; ConfigError with every diagnostic (warnings too) if one is an error.

    ``base``: directory of the file. ``previous``: the secrets of the configuration this one replaces. Without
    ``read_secrets`` references are checked for their form only, for machines that do not hold them. ``check_webhook`` knows
    the expressions of mappings, ``check_template`` the templates of channels; without them they are taken as they stand.
    ``may_be_out``: the loss of what is borne instead of being a mistake, when its secret cannot be used; see ``outages``.
    """
    examined = examine(
        text,
        file,
        base=base,
        environ=environ,
        read_secrets=read_secrets,
        previous=previous,
        check_webhook=check_webhook,
        check_template=check_template,
        may_be_out=may_be_out,
    )
    if examined.settings is None or any(found.level == "error" for found in examined.diagnostics):
        raise ConfigError(examined.diagnostics)
    return examined.settings


class Examined(msgspec.Struct, kw_only=True):
    """What a configuration says as far as it can be understood, for checking it and the rules beside it; not for running."""

    settings: Settings | None
    diagnostics: list[Diagnostic]
    knows_teams: bool  # False: the teams are stand-ins
    knows_channels: bool = True  # False: some are missing


def examine(
    text: str | bytes,
    file: str,
    *,
    base: Path,
    environ: Mapping[str, str] | None = None,
    read_secrets: bool = True,
    previous: Secrets | None = None,
    check_webhook: WebhookCheck | None = None,
    check_template: TemplateCheck | None = None,
    may_be_out: MayBeOut = bear_nothing,
) -> Examined:
    """As ``load_settings``, but with mistakes it answers what could be understood in spite of them."""
    document = read(text, file)
    value, diagnostics = validate(document, Configuration)
    findings = Findings(document, base)
    if value is None:
        value = _salvage(document, findings)
    settings = None
    if value is not None:
        settings = _build(
            value,
            findings,
            os.environ if environ is None else environ,
            previous,
            check_webhook=check_webhook,
            check_template=check_template,
        )
        if read_secrets:
            settings = take_secrets(settings, findings, may_be_out)
            _check_files(settings, findings)
    diagnostics = diagnostics + findings.diagnostics
    diagnostics.sort(key=lambda found: (found.span.line, found.span.column))
    if settings is not None:
        settings = msgspec.structs.replace(settings, warnings=tuple(diagnostics))
    return Examined(
        settings=settings,
        diagnostics=diagnostics,
        knows_teams=("teams",) not in findings.broken,
        knows_channels=("channels",) not in findings.broken,
    )


def _salvage(document: Document, findings: Findings) -> Configuration | None:
    """What of a refused document can still be checked: every part that is valid by itself; None if it has no parts."""
    if not document.is_readable or not isinstance(document.data, dict):
        return None
    data: dict[str, Any] = {}
    for key, part in document.data.items():
        if key in _STAND_INS and isinstance(part, dict) and part:
            data[key] = {name: _part_or_stand_in(document, (key, name), one, findings) for name, one in part.items()}
        elif key in Configuration.model_fields and _is_valid(document, key, part):
            data[key] = part
        elif key in _SECTIONS and isinstance(part, dict):
            data[key] = {name: one for name, one in part.items() if _is_valid(document, key, {name: one})}
            findings.broken |= {(key, name) for name in part if name not in data[key]}
        else:
            findings.broken.add((key,))
    if "teams" not in data:
        # Without teams nearly every other check would complain about that alone.
        findings.broken |= {("teams",), ("default_team",)}
        data["teams"] = {"stand-in": _STAND_IN_TEAM}
    if "default_team" not in data:
        findings.broken.add(("default_team",))
        data["default_team"] = next(iter(data["teams"]))
    return _try(document, data)


def _is_valid(document: Document, key: str, part: Any) -> bool:
    data = {"default_team": "stand-in", "teams": {"stand-in": _STAND_IN_TEAM}} | {key: part}
    return _try(document, data) is not None


def _part_or_stand_in(document: Document, place: tuple[str, str], part: Any, findings: Findings) -> Any:
    """A team or channel by itself: one that is broken hides no mistake of the others, and its name is known all the same."""
    key, name = place
    if _is_valid(document, key, {name: part}):
        return part
    stand_in: dict[str, Any] = _STAND_INS[key]
    if key == "teams" and isinstance(part, dict):
        # What is right in it is looked at all the same: a mistyped key must not hide a secret that is missing.
        right = {each: one for each, one in part.items() if _is_valid(document, key, {name: stand_in | {each: one}})}
        if _is_valid(document, key, {name: stand_in | right}):
            findings.broken |= {(*place, each) for each in {*part, *stand_in} if each not in right}
            return stand_in | right
    findings.broken.add(place)
    return stand_in


def _try(document: Document, data: dict[str, Any]) -> Configuration | None:
    clean = dataclasses.replace(document, data=data, diagnostics=[], broken=frozenset())
    return validate(clean, Configuration)[0]


def _build(
    value: Configuration,
    findings: Findings,
    environ: Mapping[str, str],
    previous: Secrets | None,
    *,
    check_webhook: WebhookCheck | None,
    check_template: TemplateCheck | None,
) -> Settings:
    policies = build_policies(value.channels, findings)
    teams = build_teams(value.teams, value.default_team, findings, policies)
    sources = build_sources(value.sources, findings, check_webhook)
    tokens = _build_tokens(value, findings)
    listen = build_addresses(value.listen, findings, has_tokens=bool(tokens) or findings.is_broken(("tokens",)))
    store = _build_store(value.store, findings)
    scale = build_scale(value, findings)
    rules = [value.rules] if isinstance(value.rules, str) else value.rules
    document = findings.document
    return Settings(
        file=document.file,
        listen=listen,
        tls=_build_tls(value, findings),
        store=store,
        rules=tuple(findings.resolve_path(path) for path in rules),
        teams=teams,
        default_team=value.default_team,
        scale=scale,
        sources=sources,
        pagerduty=_build_pagerduty(value, findings),
        history=build_history(value.history, store.path, findings),
        tokens=tokens,
        limits=LimitSettings(
            body_bytes=value.limits.body,
            bodies_bytes=value.limits.bodies,
            batch_alerts=value.limits.batch,
            connections=value.limits.connections,
            header_timeout_ms=value.limits.header_timeout,
            body_timeout_ms=value.limits.body_timeout,
            max_pending=value.limits.pending,
        ),
        log=LogSettings(format=value.log.format, level=value.log.level),
        channels=build_channels(value.channels, findings, check_template),
        redaction=build_redaction(value.redact),
        notify=Channels(
            policies=policies,
            by_severity=build_severity_channels(value.severity_channels, policies, findings),
            callbacks=build_callbacks(value, policies, findings),
        ),
        drills=build_drills(value, teams, findings),
        shutdown_timeout_ms=value.shutdown_timeout,
        rights=_build_rights(value, findings),
        watch=value.reload.watch,
        secrets=Secrets(base=findings.base, environ=environ, literals=findings.literals, previous=previous),
        spans={
            "rules": document.span(("rules",)),
            **{f"teams.{name}": document.span(("teams", name), key=True) for name in teams},
            **{f"channels.{name}": document.span(("channels", name), key=True) for name in policies},
        },
    )


def _build_rights(value: Configuration, findings: Findings) -> FileRights:
    for pattern, team in value.rule_owners.items():
        if team != NOBODY and team not in value.teams and not findings.is_broken(("teams",)):
            hint = suggest(team, value.teams) or f'teams are {", ".join(value.teams)}; "{NOBODY}" is for a common file'
            findings.complain(("rule_owners", pattern), "unknown-team", f"there is no team {team[:60]!r}", hint)
    guards = [value.guard_files] if isinstance(value.guard_files, str) else value.guard_files
    return FileRights(guards=tuple(guards), owners=tuple(value.rule_owners.items()))


def _build_pagerduty(value: Configuration, findings: Findings) -> PagerDutySettings:
    section = value.pagerduty
    path = ("pagerduty", "api_token")
    token = "" if section.api_token is None else findings.refer(path, section.api_token, Purpose.API_TOKEN)
    for name, team in value.teams.items():
        if team.pagerduty.via == "incidents" and not (token and section.from_):
            message = "via: incidents takes pagerduty.api_token (one that may write) and pagerduty.from"
            findings.complain(
                ("teams", name, "pagerduty", "via"), "no-token", message, "or leave via out, and give a routing_key"
            )
    if section.webhook_secrets and not token:
        message = "webhooks do not say which page they are about: without pagerduty.api_token nearly all are left unused"
        hint = "a token that may only read is enough"
        findings.warn(("pagerduty", "webhook_secrets"), "webhooks-without-token", message, hint, key=True)
    return PagerDutySettings(
        events_url=section.events_url.rstrip("/"),
        api_url=section.api_url.rstrip("/"),
        rate=section.rate,
        timeout_ms=section.timeout,
        retry_for_ms=section.retry_for,
        use_environment_proxy=section.use_environment_proxy,
        api_token=token,
        sender=section.from_ or "",
        mends=section.reconcile == "mend",
        webhook_secrets=tuple(
            findings.refer(("pagerduty", "webhook_secrets", index), secret, Purpose.WEBHOOK_SECRET)
            for index, secret in enumerate(section.webhook_secrets)
        ),
        redaction=build_redaction(section.redact),
        confirm_within_ms={name: team.pagerduty.confirm_within for name, team in value.teams.items()},
    )


def _build_store(written: str | StoreSection, findings: Findings) -> StoreSettings:
    is_short = isinstance(written, str)
    section = StoreSection(url=written) if isinstance(written, str) else written
    path = ("store",) if is_short else ("store", "url")
    place = section.url.removeprefix(_SQLITE)
    if section.url.startswith(("postgresql:", "postgres:")):
        message = "PostgreSQL is not supported yet by this version"
        findings.complain(path, "not-supported-yet", message, "use sqlite:data/alert-router.db")
    elif not section.url.startswith(_SQLITE) or not place or place.startswith(":memory:"):
        hint = "the file is made when it is not there: sqlite:data/alert-router.db"
        findings.complain(path, "bad-store", f"found {section.url[:80]!r}; expected sqlite:PATH", hint)
    return StoreSettings(
        url=section.url,
        path=findings.resolve_path(place),
        retention_age_ms=section.retention.age,
        retention_size_bytes=section.retention.size,
        min_free_bytes=section.min_free,
    )


def _build_tokens(value: Configuration, findings: Findings) -> tuple[TokenSettings, ...]:
    names: set[str] = set()
    tokens = []
    for index, section in enumerate(value.tokens):
        if section.name in names:
            findings.complain(
                ("tokens", index, "name"),
                "token-twice",
                f"there are two tokens named {section.name!r}",
                hint="the name is who did it in the audit record: give each its own",
            )
        names.add(section.name)
        reference = findings.refer(("tokens", index, "token"), section.token, Purpose.TOKEN)
        tokens.append(TokenSettings(name=section.name, token=reference, scopes=frozenset(section.scopes)))
    return tuple(tokens)


def _build_tls(value: Configuration, findings: Findings) -> TlsFiles | None:
    if value.tls is None:
        return None
    return TlsFiles(
        certificate=findings.resolve_path(value.tls.cert),
        key=findings.resolve_path(value.tls.key),
        client_ca=findings.resolve_path(value.tls.client_ca) if value.tls.client_ca else None,
    )


def _check_files(settings: Settings, findings: Findings) -> None:
    if settings.tls is None:
        return
    files = {"cert": settings.tls.certificate, "key": settings.tls.key, "client_ca": settings.tls.client_ca}
    for key, file in files.items():
        if file is not None and not may_be_file(file):
            findings.complain(
                ("tls", key),
                "missing-file",
                f"there is no file {file}",
                hint="a relative path starts where the configuration stands",
            )
        elif file is not None and not os.access(file, os.R_OK):
            findings.complain(
                ("tls", key),
                "unreadable-file",
                f"{file} cannot be read by the daemon's user",
                hint=f"chown or chmod it for uid {os.geteuid()}, or hand it over with LoadCredential=",
            )
