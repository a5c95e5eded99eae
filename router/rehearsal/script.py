"""A rule test as plain values: what happens when, and what is expected. Made by ``reading``, played by ``running``."""

from __future__ import annotations

from typing import Literal

import msgspec

from router.errors import Diagnostic, Span
from router.model.alert import Alert
from router.model.decision import Reason
from router.model.ruleset import Channels, Team
from router.model.severity import Severity

START = 1_767_603_600_000
"""Monday, 2026-01-05 09:00 UTC: tests begin here unless they say otherwise."""


class Refuses(msgspec.Struct, frozen=True):
    """PagerDuty refuses all that is told to this team (400)."""

    team: str


class Stalls(msgspec.Struct, frozen=True):
    """PagerDuty gives no answer: everything waits, and is given up in the end."""


class Answers(msgspec.Struct, frozen=True):
    """PagerDuty takes everything, also what waited."""


class Handled(msgspec.Struct, frozen=True):
    """A person does this to every open incident of this team."""

    status: Literal["acknowledged", "unacknowledged", "resolved", "reopened"]
    team: str


Behaviour = Refuses | Stalls | Answers | Handled


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What has to have happened; None is not asked. ``spans`` has the place of every key that was written."""

    page: tuple[str, ...] | None = None
    no_page: bool = False
    pages: int | None = None
    severity: Severity | None = None
    summary: str | None = None
    details: dict[str, str] = {}
    notify: tuple[str, ...] | None = None
    no_notify: bool = False
    notify_resolve: tuple[str, ...] | None = None
    digest: tuple[str, ...] | None = None
    update: tuple[str, ...] | None = None
    resolve: tuple[str, ...] | None = None
    no_resolve: bool = False
    storm: tuple[str, ...] | None = None
    holds: int | None = None
    held: str | None = None
    dropped: str | None = None
    suppressed: str | None = None
    acted: str | None = None
    reason: tuple[Reason, ...] = ()
    rule: str | None = None
    open: int | None = None
    spans: dict[str, Span] = {}


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """Every alert given before with this service and name, these labels and this key is over."""

    pattern: Alert
    key: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One moment; its parts happen in the order of these fields. ``after_ms`` is since the beginning of the test."""

    after_ms: int
    span: Span
    restart_ms: int | None = None  # how long the router is away
    reload: tuple[str, ...] = ()
    pagerduty: Behaviour | None = None
    alerts: tuple[Alert, ...] = ()
    endings: tuple[Ending, ...] = ()
    expect: Expectation | None = None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    span: Span
    steps: tuple[Step, ...]
    start_at: int = START


class ScriptFile(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of one file. ``teams`` and ``channels`` are None when the file names none; ``rules`` are paths as written."""

    name: str
    scripts: tuple[Script, ...]
    teams: dict[str, Team] | None
    channels: Channels | None = None
    default_team: str
    rules: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
