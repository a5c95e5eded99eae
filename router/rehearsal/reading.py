"""One ``*.test.yaml``: its text to scripts, and every mistake with its place. Never raises for what stands in the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from router.config.channels import build_digest
from router.errors import Diagnostic
from router.model.alert import Alert
from router.model.decision import Reason
from router.model.pattern import Pattern, PatternError
from router.model.ruleset import PAGE, ChannelPolicy, Channels, Limit, Team
from router.model.severity import BY_WORD, Severity, SeverityScale
from router.rehearsal.schema import (
    PAGERDUTY_FORM,
    SHOWN,
    Alerts,
    AlertSection,
    CastChannelSection,
    CastSection,
    ExpectSection,
    Names,
    StepSection,
    StoryFile,
    StorySection,
)
from router.rehearsal.script import (
    START,
    Answers,
    Behaviour,
    Ending,
    Expectation,
    Handled,
    Refuses,
    Script,
    ScriptFile,
    Stalls,
    Step,
)
from router.yamldoc import Document, Limits, Path, read, suggest, to_diagnostic, validate

LIMITS = Limits(size=4 * 1024 * 1024, nodes=200_000)
"""Of one test file: room for some 5,000 steps."""

MOST_ALERTS = 100_000
"""Alerts one file may play, all tests together."""

STATEFUL_SOURCES = ("alertmanager", "prometheus")
"""Sources whose alerts fire until they resolve, when no configuration says which they are."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What test files may refer to. ``teams`` and ``channels``: of the configuration, None when there is none."""

    scale: SeverityScale
    teams: Mapping[str, Team] | None = None
    channels: Collection[str] | None = None
    stateful: Collection[str] = STATEFUL_SOURCES


def read_tests(name: str, text: str | bytes, around: Surroundings) -> ScriptFile:
    """The tests of this file as far as they can be understood, and its mistakes; to be played only if there is none."""
    document = read(text, name, limits=LIMITS)
    value, diagnostics = validate(document, StoryFile)
    if value is None:
        return ScriptFile(name=name, scripts=(), teams=None, default_team="", rules=(), diagnostics=tuple(diagnostics))
    return _Reader(document, value, around, diagnostics).read()


class _Reader:
    """Builds the scripts of one valid file, collecting what only more than one key can tell."""

    def __init__(self, document: Document, value: StoryFile, around: Surroundings, diagnostics: list[Diagnostic]) -> None:
        self._document = document
        self._value = value
        self._around = around
        self._diagnostics = list(diagnostics)
        self._left = MOST_ALERTS
        self._own_channels = self._build_channels()
        self._channels = around.channels if self._own_channels is None else self._own_channels.policies
        self._own_teams = self._build_teams()
        self._teams = self._own_teams if self._own_teams is not None else around.teams
        self._named = {key: self._build_alerts(section, ("alerts", key)) for key, section in value.alerts.items()}

    def read(self) -> ScriptFile:
        value = self._value
        names = list(self._own_teams or ())
        default_team = value.default_team or (names[-1] if names else "")
        if value.default_team is not None:
            self._check_team(("default_team",), value.default_team)
        scripts = []
        seen: dict[str, int] = {}
        for index, section in enumerate(value.tests):
            if section.name in seen:
                message = f"the name {section.name[:SHOWN]!r} stands twice"
                self._complain(("tests", index, "name"), "duplicate-test", message, "each test has a name of its own")
            seen[section.name] = index
            scripts.append(self._build_script(section, ("tests", index)))
        return ScriptFile(
            name=self._document.file,
            scripts=tuple(scripts),
            teams=self._own_teams,
            channels=self._own_channels,
            default_team=default_team,
            rules=_listed(value.rules),
            diagnostics=tuple(sorted(self._diagnostics, key=lambda each: (each.span.line, each.span.column))),
        )

    def _complain(self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False) -> None:
        self._diagnostics.append(to_diagnostic(self._document, path, code, message, hint, key=key))

    # Teams.

    def _build_teams(self) -> dict[str, Team] | None:
        written = self._value.teams
        if written is None:
            return None
        teams: dict[str, Team] = {}
        for name in written:
            section = written[name] if isinstance(written, dict) else CastSection()
            if not isinstance(section, CastSection):
                section = CastSection(services=section)
            services = [section.services] if isinstance(section.services, str) else section.services
            limit = section.limit
            teams[name] = Team(
                name=name,
                services=tuple(self._pattern(name, text) for text in services),
                routing_key=f"test:{name}",
                limit=Limit(incidents=limit.incidents, per_ms=limit.per) if limit else None,
                fallback=section.fallback,
                channels=self._channel_names(section.channels, ("teams", name, "channels")) or (),
            )
        if not teams:
            self._complain(
                ("teams",),
                "no-teams",
                "expected at least one team, found none",
                key=True,
                hint="teams: {payments: [payment-*]}, or leave teams out to take those of the configuration",
            )
            return None
        for name, team in teams.items():
            if team.fallback is not None and team.fallback not in teams:
                self._complain_team(("teams", name, "fallback"), team.fallback, teams)
        return teams

    def _build_channels(self) -> Channels | None:
        written = self._value.channels
        if written is None:
            return None
        policies: dict[str, ChannelPolicy] = {}
        for name in written:
            section = written[name] if isinstance(written, dict) else CastChannelSection()
            limit, path = section.limit, ("channels", name, "digest")
            policies[name] = ChannelPolicy(
                name=name,
                digest=None if section.digest is None else build_digest(section.digest, path, self._complain),
                limit=Limit(incidents=limit.incidents, per_ms=limit.per) if limit else None,
            )
        table: dict[Severity, tuple[str, ...]] = {}
        for word, names in self._value.severity_channels.items():
            for name in _listed(names):
                if name != PAGE and name not in policies:
                    self._complain_channel(("severity_channels", word), name, policies)
            table[BY_WORD[word]] = _listed(names)
        return Channels(policies=policies, by_severity=table)

    def _complain_channel(self, path: Path, name: str, channels: Collection[str]) -> None:
        known = f"channels are {', '.join(list(channels)[:20])}" if channels else "name it at the top: channels: [NAME]"
        self._complain(path, "unknown-channel", f"there is no channel {name[:SHOWN]!r}", suggest(name, channels) or known)

    def _channel_names(self, written: Names | None, path: Path) -> tuple[str, ...] | None:
        if written is None:
            return None
        names = _listed(written)
        for index, name in enumerate(names):
            if self._channels is not None and name not in self._channels:
                self._complain_channel(path if isinstance(written, str) else (*path, index), name, self._channels)
        return names

    def _pattern(self, team: str, text: str) -> Pattern:
        if text.startswith("!") or (len(text) > 1 and text.startswith("/") and text.endswith("/")):
            self._complain(
                ("teams", team),
                "bad-ownership",
                f"found {text[:SHOWN]!r}; a team owns services by name or glob",
                hint="leave out the ! or the slashes",
            )
        try:
            return Pattern(text)
        except PatternError as error:  # pragma: no cover - a name or glob always compiles
            raise AssertionError(text) from error

    def _check_team(self, path: Path, name: str) -> None:
        if self._teams is not None and name not in self._teams:
            self._complain_team(path, name, self._teams)

    def _complain_team(self, path: Path, name: str, teams: Collection[str]) -> None:
        hint = suggest(name, teams) or f"teams are {', '.join(list(teams)[:20])}"
        self._complain(path, "unknown-team", f"there is no team {name[:SHOWN]!r}", hint)

    def _names(self, written: Names | None, path: Path) -> tuple[str, ...] | None:
        if written is None:
            return None
        names = _listed(written)
        for index, name in enumerate(names):
            self._check_team(path if isinstance(written, str) else (*path, index), name)
        if not names:
            self._complain(path, "empty-list", "expected at least one team, found none", "for nobody write no_page: true")
        return names

    # Tests.

    def _build_script(self, section: StorySection, path: Path) -> Script:
        steps: list[Step] = []
        now = 0
        for index, step in enumerate(section.steps):
            built = self._build_step(step, now, (*path, "steps", index))
            steps.append(built)
            now = built.after_ms + (built.restart_ms or 0)
        if not any(step.expect for step in steps):
            self._complain((*path, "steps"), "no-expectation", "the test expects nothing", "add a step with expect", key=True)
        start = section.start if section.start is not None else self._value.start
        return Script(
            name=section.name,
            span=self._document.span((*path, "name")),
            steps=tuple(steps),
            start_at=START if start is None else start,
        )

    def _build_step(self, section: StepSection, now: int, path: Path) -> Step:
        after_ms = now
        if section.at is not None and section.wait is not None:
            self._complain(
                (*path, "wait"),
                "at-and-wait",
                "at and wait stand side by side; a step has one of them",
                key=True,
                hint="leave one of them out",
            )
        elif section.at is not None:
            after_ms = section.at
            if after_ms < now:
                message = "this step is earlier than the one before it"
                self._complain((*path, "at"), "time-goes-back", message, "steps stand in order of time")
                after_ms = now
        elif section.wait is not None:
            after_ms = now + section.wait
        given = section.model_fields_set - {"at"}
        if not given:
            message = "this step does nothing and expects nothing"
            self._complain(path, "empty-step", message, "add alert, resolve, expect, restart, reload, pagerduty or wait")
        return Step(
            after_ms=after_ms,
            span=self._document.span(path),
            restart_ms=section.restart,
            reload=_listed(section.reload),
            pagerduty=self._build_behaviour(section.pagerduty, (*path, "pagerduty")),
            alerts=() if section.alert is None else self._build_alerts(section.alert, (*path, "alert")),
            endings=() if section.resolve is None else self._build_endings(section.resolve, (*path, "resolve")),
            expect=None if section.expect is None else self._build_expectation(section.expect, (*path, "expect")),
        )

    def _build_behaviour(self, written: str | None, path: Path) -> Behaviour | None:
        if written is None:
            return None
        verb, _, team = written.strip().partition(" ")
        team = team.strip()
        match verb:
            case "refuses" if team:
                self._check_team(path, team)
                return Refuses(team)
            case "stalls" if not team:
                return Stalls()
            case "answers" if not team:
                return Answers()
            case "acknowledged" | "unacknowledged" | "resolved" | "reopened" if team:
                self._check_team(path, team)
                return Handled(verb, team)
            case _:
                words = ["refuses", "stalls", "answers", "acknowledged", "unacknowledged", "resolved", "reopened"]
                hint = suggest(verb, words) if verb not in words else "name the team it is about"
                self._complain(path, "bad-behaviour", f"found {written[:SHOWN]!r}; expected {PAGERDUTY_FORM}", hint)
                return None

    # Alerts.

    def _each(self, written: Alerts, path: Path) -> list[tuple[AlertSection, Path]]:
        entries = written if isinstance(written, list) else [written]
        found: list[tuple[AlertSection, Path]] = []
        for index, entry in enumerate(entries):
            place = (*path, index) if isinstance(written, list) else path
            if isinstance(entry, AlertSection):
                found.append((entry, place))
            elif entry in self._value.alerts:
                found.append((self._value.alerts[entry], place))
            else:
                known = self._value.alerts
                hint = suggest(entry, known) or "describe it here: {service: …, name: …}, or by name under alerts:"
                self._complain(place, "unknown-alert", f"there is no alert {entry[:SHOWN]!r} among `alerts`", hint)
        return found

    def _build_alerts(self, written: Alerts, path: Path) -> tuple[Alert, ...]:
        alerts: list[Alert] = []
        for section, place in self._each(written, path):
            self._left -= section.times
            if self._left < 0:
                message = f"the tests of this file play more than {MOST_ALERTS:,} alerts"
                self._complain(place, "too-many-alerts", message, "spread them over several files")
                return ()
            alerts += [self._build_alert(section, number, place) for number in range(1, section.times + 1)]
        return tuple(alerts)

    def _build_alert(self, section: AlertSection, number: int, path: Path) -> Alert:
        severity = self._severity(section.severity, (*path, "severity"))
        return build_alert(section, number, severity or Severity.ERROR, self._around)

    def _build_endings(self, written: Alerts, path: Path) -> tuple[Ending, ...]:
        endings: list[Ending] = []
        for section, place in self._each(written, path):
            endings += [
                Ending(pattern=self._build_alert(section, number, place), key=section.key.replace("{n}", str(number)))
                for number in range(1, section.times + 1)
            ]
        return tuple(endings)

    def _severity(self, word: str, path: Path) -> Severity | None:
        found = self._around.scale.of_word(word)
        if found is None:
            hint = suggest(word, self._around.scale.spellings)
            message = f"found {word[:SHOWN]!r}; expected critical, error, warning, info or a spelling of theirs"
            self._complain(path, "unknown-severity", message, hint)
        return found

    # Expectations.

    def _build_expectation(self, section: ExpectSection, path: Path) -> Expectation:
        given = section.model_fields_set
        for key in ("no_page", "no_resolve", "no_notify"):
            if key in given and not getattr(section, key):
                self._complain((*path, key), "no-effect", f"{key}: false expects nothing", "leave it out, or write true")
        self._check_together(section, path)
        severity = None if section.severity is None else self._severity(section.severity, (*path, "severity"))
        return Expectation(
            page=self._names(section.page, (*path, "page")),
            no_page=section.no_page,
            pages=section.pages,
            severity=severity,
            summary=section.summary,
            details=section.details,
            notify=self._channel_names(section.notify, (*path, "notify")),
            no_notify=section.no_notify,
            notify_resolve=self._channel_names(section.notify_resolve, (*path, "notify_resolve")),
            digest=self._channel_names(section.digest, (*path, "digest")),
            update=self._names(section.update, (*path, "update")),
            resolve=self._names(section.resolve, (*path, "resolve")),
            no_resolve=section.no_resolve,
            storm=self._names(section.storm, (*path, "storm")),
            holds=section.holds,
            held=section.held,
            dropped=section.dropped,
            suppressed=section.suppressed,
            acted=section.acted,
            reason=self._reasons(section.reason, (*path, "reason")),
            rule=section.rule,
            open=section.open,
            spans={"": self._document.span(path)} | {key: self._document.span((*path, key)) for key in given},
        )

    def _check_together(self, section: ExpectSection, path: Path) -> None:
        given = section.model_fields_set
        if not given - {"rule"}:
            message = "expected something that has to have happened, found nothing"
            self._complain(path, "empty-expectation", message, "for example page: TEAM, or no_page: true")
        if section.no_page and given & {"page", "pages"}:
            self._complain(
                (*path, "no_page"),
                "contradiction",
                "no_page contradicts the page expected beside it",
                key=True,
                hint="leave one of them out",
            )
        if section.no_notify and given & {"notify", "digest"}:
            self._complain(
                (*path, "no_notify"),
                "contradiction",
                "no_notify contradicts what is told beside it",
                key=True,
                hint="leave one of them out",
            )
        if section.no_resolve and "resolve" in given:
            self._complain(
                (*path, "no_resolve"),
                "contradiction",
                "no_resolve contradicts resolve beside it",
                key=True,
                hint="leave one of them out",
            )
        for key in ("severity", "summary", "details"):
            if key in given and not given & {"page", "pages", "update", "storm", "notify", "digest"}:
                message = f"{key} says nothing by itself: it is about a page, an update, a storm, a notification or a digest"
                self._complain((*path, key), "nothing-to-check", message, "add page: TEAM", key=True)

    def _reasons(self, written: Names | None, path: Path) -> tuple[Reason, ...]:
        reasons = []
        known = [reason.value for reason in Reason]
        for index, word in enumerate(_listed(written)):
            if word in known:
                reasons.append(Reason(word))
            else:
                place = path if isinstance(written, str) else (*path, index)
                hint = suggest(word, known) or "docs/reference/reasons.md lists them all"
                self._complain(place, "unknown-reason", f"there is no reason {word[:SHOWN]!r}", hint)
        return tuple(reasons)


def build_alert(section: AlertSection, number: int, severity: Severity, around: Surroundings) -> Alert:
    """The alert that is described; ``number`` says which of several it is."""

    def fill(text: str) -> str:
        return text.replace("{n}", str(number)) if section.times > 1 else text

    labels = {label: fill(value) for label, value in section.labels.items()}
    service, name = fill(section.service), fill(section.name)
    return Alert(
        source=section.source,
        fingerprint=_fingerprint(service, name, labels, fill(section.key)),
        service=service,
        name=name,
        severity=severity,
        status=section.status,
        kind=section.kind or ("stateful" if section.source in around.stateful else "event"),
        labels=labels,
        annotations=section.annotations,
        details=_plain(section.details),
        summary=section.summary,
        generator_url=section.generator_url,
        resolved_by="source" if section.status == "resolved" else "",
    )


def read_alert(name: str, text: str | bytes, around: Surroundings) -> tuple[Alert | None, list[Diagnostic]]:
    """One alert as a mapping with the keys it has in a test (JSON is such a mapping too), or every mistake."""
    document = read(text, name, limits=LIMITS)
    section, diagnostics = validate(document, AlertSection)
    if section is None:
        return None, list(diagnostics)
    severity = around.scale.of_word(section.severity)
    if severity is None:
        message = f"found {section.severity[:SHOWN]!r}; expected critical, error, warning, info or a spelling of theirs"
        hint = suggest(section.severity, around.scale.spellings)
        return None, [to_diagnostic(document, ("severity",), "unknown-severity", message, hint)]
    return build_alert(section, 1, severity, around), []


def _listed(written: Names | None) -> tuple[str, ...]:
    if written is None:
        return ()
    return (written,) if isinstance(written, str) else tuple(written)


def _plain(value: Any) -> Any:
    """Free data with whole texts and containers only: what JSON would hold."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _fingerprint(service: str, name: str, labels: Mapping[str, str], key: str) -> str:
    """As a door makes it: of the sender's key, or of service, name and labels."""
    parts = ["key", key] if key else [service, name, *[part for label in sorted(labels) for part in (label, labels[label])]]
    return blake2b(msgspec.json.encode(parts), digest_size=8).hexdigest()
