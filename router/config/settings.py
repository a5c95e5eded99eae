"""All that the daemon can be told, as plain typed values: durations in ms, sizes in bytes, paths absolute.

The public face of this room beside ``router.config.loading``. Immutable; a reload makes a new one. Secrets are references
here; ``secrets`` resolves them and prints as nothing. The schema with names, defaults and documentation is
``router.config.schema``; the two are held together by ``loading``.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import msgspec

from router.config.history import HistorySettings
from router.config.secrets import Secrets
from router.errors import Diagnostic, Span
from router.model.channel import ChannelSettings, Redaction
from router.model.drill import Drill
from router.model.quantity import Rate
from router.model.ruleset import NO_CHANNELS, Channels, FileRights, Team
from router.model.severity import SeverityScale
from router.model.webhook import Webhook

SourceKind = Literal["alertmanager", "pagerduty", "json", "webhook"]
Scope = Literal["read", "write", "ingest", "admin"]


class TcpAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A TCP port; ``host`` is a name or an address without brackets."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback_host(self.host)

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A unix socket."""

    path: Path

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return f"unix:{self.path}"


class HandedOverSockets(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever sockets systemd hands over."""

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return "systemd"


Address = TcpAddress | UnixAddress | HandedOverSockets


def is_loopback_host(host: str) -> bool:
    """Whether a host name or address means this machine, without asking the network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # another name, whatever it looks like
        return False


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM form for the TCP addresses; with ``client_ca`` every client has to show a certificate signed by it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where facts are kept, how long, and how much room is left to others."""

    url: str  # as written: sqlite:PATH
    path: Path  # the SQLite file
    retention_age_ms: int
    retention_size_bytes: int
    min_free_bytes: int  # below this much free disk new alerts are refused


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One sender (or kind of sender) of alerts, by the name rules know it under."""

    name: str
    kind: SourceKind
    service_labels: tuple[str, ...]  # the first that is present and not empty is the alert's service
    name_label: str
    severity_label: str
    resolve_timeout_ms: int  # a stateful alert without an end of its own: resolved when silent for this long
    resend_grace_ms: int  # after a restart nothing of this source expires before this long
    keys: tuple[str, ...] = ()  # references; kind pagerduty: routing keys its senders use
    shadows: dict[str, str] = {}  # references: of those keys, the ones in shadow, to the routing key that events go on to
    webhook: Webhook | None = None  # kind webhook, also by a preset; the secret of its credentials is a reference


class PagerDutySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How PagerDuty is called."""

    events_url: str  # no slash at the end
    api_url: str
    rate: Rate | None  # per routing key; None: not paced
    timeout_ms: int  # for one call, from connecting to the last byte of the answer
    retry_for_ms: int  # an event not accepted for this long is a dead letter
    use_environment_proxy: bool
    api_token: str = ""  # a reference; empty: PagerDuty is not read back
    sender: str = ""  # email address for ``From``
    webhook_secrets: tuple[str, ...] = ()  # references
    confirm_within_ms: dict[str, int] = {}  # by team; 0: not looked at
    mends: bool = True  # the hourly comparison does more than list
    redaction: Redaction = Redaction()

    @property
    def can_act(self) -> bool:
        """Whether something can be done in PagerDuty besides sending events."""
        return bool(self.api_token and self.sender)


class TokenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask: ``token`` is a reference."""

    name: str
    token: str
    scopes: frozenset[Scope]


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the doors."""

    body_bytes: int
    bodies_bytes: int  # of all large bodies that are not answered yet
    batch_alerts: int
    connections: int
    header_timeout_ms: int
    body_timeout_ms: int
    max_pending: int  # alerts accepted and not yet decided; above it senders are told to come back


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the log looks."""

    format: Literal["auto", "json", "console"]
    level: Literal["debug", "info", "warning", "error"]


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is out because its secret cannot be used; ``diagnostic`` says where and why."""

    kind: Literal["channel", "team", "token"]
    subject: str  # channel:NAME, the team, or pagerduty.api_token
    diagnostic: Diagnostic


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in ``config.yaml``. ``warnings`` are what was doubtful and did not stop us."""

    file: str
    listen: tuple[Address, ...]
    tls: TlsFiles | None
    store: StoreSettings
    rules: tuple[Path, ...]  # files and directories
    teams: dict[str, Team]
    default_team: str  # a key of teams
    scale: SeverityScale
    sources: dict[str, SourceSettings]
    pagerduty: PagerDutySettings
    history: HistorySettings
    tokens: tuple[TokenSettings, ...]
    limits: LimitSettings
    log: LogSettings
    shutdown_timeout_ms: int
    rights: FileRights  # which rule files may be what
    watch: bool  # reload when a configuration or rule file changes
    secrets: Secrets
    warnings: tuple[Diagnostic, ...] = ()
    outages: tuple[Outage, ...] = ()  # what is out
    channels: dict[str, ChannelSettings] = {}  # by name; how each is told
    redaction: Redaction = Redaction()  # for every way out
    notify: Channels = NO_CHANNELS  # the rules' side of the channels
    drills: dict[str, Drill] = {}  # by team
    spans: dict[str, Span] = {}  # where "rules" and each "teams.NAME" stand, for findings about them
