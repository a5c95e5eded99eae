"""What may stand in ``config.yaml``: every key with its type, default and one line of documentation.

The single source of validation, of the JSON Schema for editors and of docs/reference/config.md. Internal: the rest of the
program sees ``router.config.settings``. Checks that need more than one key are in ``router.config.loading``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from router.config.channel_kinds import AnyChannel, RedactSection
from router.config.fields import DAY_MS, SECOND_MS, CallRate, Duration, FilePath, Name, Reference, SeverityWord, Size, between
from router.config.history import HistorySection
from router.config.settings import is_loopback_host
from router.config.webhook_schema import CALLBACK_DOC, CallbackSection, PresetSource, SnsSource, WebhookSource
from router.yamldoc import Mistake
from router.yamldoc.sections import Maybe, Section, setting


class TlsSection(Section):
    """Certificates, for the TCP addresses of `listen`."""

    cert: FilePath = Field(description="File with the certificate and its chain, PEM. Read again on reload.")
    key: FilePath = Field(description="File with its private key, PEM.")
    client_ca: Maybe[FilePath] = setting(None, "Clients have to show a certificate signed by one in this file.")


class RetentionSection(Section):
    """How long what was decided can be looked at and replayed. What is open or undecided is always kept."""

    age: Annotated[Duration, between(3_600_000, 3650 * DAY_MS, "1h to 3650d")] = setting("30d", "Older history is deleted.")
    size: Size = setting("2GiB", "Above it the oldest history is deleted first.")


class StoreSection(Section):
    """Where facts are kept."""

    url: str = setting("sqlite:data/alert-router.db", "`sqlite:PATH`. A relative path starts from the directory of this file.")
    retention: RetentionSection = setting({}, "How long history is kept.")
    min_free: Size = setting(
        "64MiB", "With less room than this on the disk, new alerts are refused (503) so that pages can go out."
    )


class LimitSection(Section):
    """Above it, incidents fold into one storm incident that names what it holds."""

    incidents: int = Field(description="Incidents opened within any `per`.", ge=1, le=100_000)
    per: Annotated[Duration, between(SECOND_MS, 7 * DAY_MS, "1s to 7d")] = Field(description="Length of the sliding window.")


PagerDutyId: TypeAlias = Annotated[
    str, Field(pattern=r"^[PQR][A-Z0-9]{5,15}$", json_schema_extra={"expected": "an id of PagerDuty's, as PABC123"})
]


class TeamPagerDutySection(Section):
    """How the team is reached through PagerDuty."""

    via: Literal["events", "incidents"] = setting(
        "events",
        "`events`: by the Events API and `routing_key`. `incidents`: each page is an incident made by REST in `service`; "
        "slower and meant for few, for accounts that want it so. Needs `pagerduty.api_token` (one that may write) and `from`.",
    )
    routing_key: Maybe[Reference] = setting(
        None, "Integration key (Events API v2) of the team's service: 32 letters and digits. Needed unless `via: incidents`."
    )
    service: Maybe[PagerDutyId] = setting(None, "With `via: incidents`: the id of the team's service in PagerDuty.")
    escalation_policy: Maybe[PagerDutyId] = setting(
        None, "With `via: incidents`: the id of another escalation policy than the service's."
    )
    urgency: Literal["severity", "high", "low"] = setting(
        "severity", "With `via: incidents`: `severity` makes critical and error high, warning and info low."
    )
    confirm_within: Annotated[Duration, between(0, DAY_MS, "0s to 1d")] = setting(
        "5m",
        "A page of which PagerDuty shows no incident for this long reached nobody: the router says so and pages the team's "
        "`fallback`. `0s`: not looked at. Needs `pagerduty.api_token`.",
    )


class DrillSection(Section):
    """A marked test page by schedule, through the real rules and key, followed to PagerDuty and back. Somebody is paged."""

    at: str = Field(description="The time of day, 24 hours.", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["10:00"])
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = setting(
        ["mon", "tue", "wed", "thu", "fri"], "On which days.", min_length=1
    )
    zone: str = setting("UTC", "The zone whose clock is meant, as the IANA calls it.", examples=["Europe/Berlin"])
    service: Maybe[str] = setting(None, "The alert's service; by default the first that the team owns and is no pattern.")
    severity: SeverityWord = setting("info", "The alert's severity.")
    within: Annotated[Duration, between(10_000, 3_600_000, "10s to 1h")] = setting("5m", "How long each step may take.")

    @field_validator("zone")
    @classmethod
    def check_zone(cls, value: str) -> str:
        """One that this machine knows."""
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Mistake("unknown-zone", f"no zone is called {value[:60]!r}", "such as Europe/Berlin or UTC") from error
        return value


class TeamSection(Section):
    """Who is paged."""

    services: list[str] | str = setting(
        [],
        "What the team owns: names or globs. The most specific pattern of all teams wins: an exact name, else the one that "
        "spells out most characters.",
        examples=[["payment-*", "checkout-*"]],
    )
    pagerduty: TeamPagerDutySection = Field(description="How the team is reached.")
    limit: Maybe[LimitSection] = setting(None, "At most so many incidents; above it one storm incident.")
    fallback: Maybe[str] = setting(None, "The team paged instead when PagerDuty refuses this team's key.")
    drill: Maybe[DrillSection] = setting(None, "Prove the team's page by schedule.")
    channels: list[str] | str = setting(
        [], "Told too of whatever this team is paged for, unless the rule has a `notify` of its own."
    )


class AlertmanagerSource(Section):
    """Prometheus, vmalert, Thanos, Loki, Grafana, or an Alertmanager: whatever posts to `/api/v2/alerts`."""

    kind: Literal["alertmanager"]
    service_label: list[str] | str = setting(
        ["service", "job"], "Label that names the service; the first that is present.", min_length=1
    )
    name_label: str = setting("alertname", "Label that names the alert.", min_length=1)
    severity_label: str = setting("severity", "Label that holds the severity.", min_length=1)
    resolve_timeout: Annotated[Duration, between(SECOND_MS, 7 * DAY_MS, "1s to 7d")] = setting(
        "5m", "An alert sent without an end counts as resolved when it was not sent again for this long."
    )
    resend_grace: Annotated[Duration, between(0, DAY_MS, "0s to 1d")] = setting(
        "2m", "After a restart, nothing counts as resolved by silence before the sender had this long to send it again."
    )
    callback: Maybe[CallbackSection] = setting(None, CALLBACK_DOC)


class JsonSource(Section):
    """Whatever posts our own JSON to `/v1/alerts`."""

    kind: Literal["json"]
    resolve_timeout: Annotated[Duration, between(0, 30 * DAY_MS, "0s to 30d")] = setting(
        "0s", "A stateful alert counts as resolved when it was not sent again for this long. `0s`: it waits for its resolve."
    )
    resend_grace: Annotated[Duration, between(0, DAY_MS, "0s to 1d")] = setting("2m", "As for `alertmanager`.")
    callback: Maybe[CallbackSection] = setting(None, CALLBACK_DOC)


class ShadowedKey(Section):
    """An inbound key in shadow: what comes under it goes on to PagerDuty as it came, and the rules are only tried beside it."""

    key: Reference = Field(description="The key its senders use. May be the real one, so that only their address changes.")
    shadow: Reference = Field(description="Routing key of PagerDuty's that the events go on to.")


class PagerDutySource(Section):
    """PagerDuty clients that are pointed at us: `/v2/enqueue`."""

    kind: Literal["pagerduty"]
    keys: list[Reference | ShadowedKey] = Field(
        description="Routing keys its senders use. Our own invention, not PagerDuty's. With `shadow`, events go on to that "
        "routing key as they came, and `alert-router shadow report` tells what the rules would have changed.",
        min_length=1,
        json_schema_extra={"secret": True},
    )
    service_label: list[str] | str = setting(
        ["service", "component", "source"],
        "What names the service: a key of `custom_details`, or a field of the payload; the first that is present.",
        min_length=1,
    )
    name_label: str = setting("class", "What names the alert, likewise.", min_length=1)
    callback: Maybe[CallbackSection] = setting(None, CALLBACK_DOC)


Source: TypeAlias = Annotated[
    AlertmanagerSource | PagerDutySource | JsonSource | WebhookSource | PresetSource | SnsSource, Field(discriminator="kind")
]


class PagerDutySection(Section):
    """How PagerDuty is called."""

    events_url: str = setting(
        "https://events.pagerduty.com", "Events API; for accounts in Europe `https://events.eu.pagerduty.com`."
    )
    api_url: str = setting("https://api.pagerduty.com", "REST API; for accounts in Europe `https://api.eu.pagerduty.com`.")
    rate: CallRate = setting("100/1m", "Calls per routing key; PagerDuty takes about 120 a minute. `unlimited`: no pacing.")
    timeout: Annotated[Duration, between(100, 120_000, "100ms to 2m")] = setting("10s", "For one call, with its answer.")
    retry_for: Annotated[Duration, between(60_000, 7 * DAY_MS, "1m to 7d")] = setting(
        "24h", "An event that PagerDuty did not take for this long is given up, as a dead letter that a person can retry."
    )
    allow_http: bool = setting(False, "Allow `http://` to hosts other than this machine: keys travel unencrypted.")  # noqa: FBT003
    use_environment_proxy: bool = setting(False, "Call through the proxy named by HTTPS_PROXY and its like.")  # noqa: FBT003
    api_token: Maybe[Reference] = setting(
        None,
        "REST API token, to follow each page until somebody has it; one that may only read is enough for that, "
        "acknowledging and the like from here takes one that may write. An OAuth token begins with `Bearer `.",
    )
    from_: Maybe[str] = Field(
        None,
        alias="from",
        validate_default=False,
        description="Email address of the PagerDuty user in whose name the router acknowledges, resolves and notes.",
        pattern=r"^[^@\s]+@[^@\s]+$",
        examples=["alert-router@example.com"],
    )
    reconcile: Literal["mend", "list"] = setting(
        "mend",
        "What is done hourly about differences between PagerDuty and us: `mend` what is safe, or `list` it in the log.",
    )
    webhook_secrets: list[Reference] = setting(
        [],
        "Secrets of the webhook subscriptions that tell us what happens, as PagerDuty shows them; several while one is "
        "exchanged. Without any, PagerDuty is asked instead.",
        json_schema_extra={"secret": True},
    )

    redact: RedactSection = setting({}, "What must not go to PagerDuty, besides `redact` above.")

    @model_validator(mode="after")
    def check_urls(self) -> PagerDutySection:
        """Https only, but for this machine."""
        for field in ("events_url", "api_url"):
            _check_url(getattr(self, field), field, allow_http=self.allow_http)
        return self


def _check_url(url: str, field: str, *, allow_http: bool) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Mistake(
            "bad-url", f"expected a URL: {error}", at=(field,), hint="for example: https://events.pagerduty.com"
        ) from error
    if parts.scheme not in {"https", "http"} or not host:
        raise Mistake(
            "bad-url", "expected a URL that begins with https://", at=(field,), hint="for example: https://events.pagerduty.com"
        )
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise Mistake(
            "bad-url",
            "expected scheme, host and port only: paths are added by us",
            at=(field,),
            hint=f"write {parts.scheme}://{parts.hostname} and no more",
        )
    if parts.scheme == "http" and not (allow_http or is_loopback_host(host)):
        message = f"expected https: routing keys would travel to {host} unencrypted"
        raise Mistake("insecure-url", message, "set pagerduty.allow_http: true if that is meant", at=(field,))


class TokenSection(Section):
    """Who may ask. Once one token is configured, every request needs one."""

    name: Name = Field(description="Shown in the log and the audit record instead of the token.")
    token: Reference = Field(description="The bearer token, at least 16 characters.")
    scopes: list[Literal["read", "write", "ingest", "admin"]] = Field(
        description="`ingest`: send alerts. `read`: look. `write`: retry, drop, silence. `admin`: reload.", min_length=1
    )


class LimitsSection(Section):
    """Bounds of the doors."""

    body: Size = setting("4MiB", "Largest request body; more is refused (413).")
    bodies: Size = setting(
        "64MiB",
        "All bodies above 64 KiB that are not answered yet, together; what does not fit is told to come back (503). Smaller "
        "bodies are always read.",
    )
    batch: int = setting(10_000, "Most alerts in one request; more are refused (413).", ge=1, le=100_000)
    connections: int = setting(1_000, "Most connections at once; more are refused (503).", ge=1, le=100_000)
    header_timeout: Annotated[Duration, between(100, 120_000, "100ms to 2m")] = setting("5s", "For the head of a request.")
    body_timeout: Annotated[Duration, between(100, 600_000, "100ms to 10m")] = setting("20s", "For its body.")
    pending: int = setting(
        50_000, "Alerts accepted and not yet decided; above it senders are told to come back (429).", ge=1, le=10_000_000
    )

    @model_validator(mode="after")
    def check_bodies(self) -> LimitsSection:
        """One body of the largest size has to fit."""
        if self.bodies < self.body:
            raise Mistake(
                "bad-limit",
                f"expected at least limits.body ({self.body} bytes)",
                at=("bodies",),
                hint="make bodies larger, or body smaller",
            )
        return self


class LogSection(Section):
    """How the log looks."""

    format: Literal["auto", "json", "console"] = setting("auto", "`auto`: readable on a terminal, else JSON.")
    level: Literal["debug", "info", "warning", "error"] = setting("info", "What is logged.")


class ReloadSection(Section):
    """When configuration and rules are read again, besides on SIGHUP and `POST /-/reload`."""

    watch: bool = setting(True, "Reload when this file or a rule file changes.")  # noqa: FBT003


class Configuration(Section):
    """The daemon's settings: where it listens, who is paged, what is sent where."""

    listen: list[str] | str = setting(
        "127.0.0.1:9095",
        "One address or several: `HOST:PORT`, `unix:PATH`, or `systemd` for sockets it hands over. Read at start only.",
        examples=["0.0.0.0:9095", ["127.0.0.1:9095", "unix:/run/alert-router/http.sock"]],
        min_length=1,
    )
    tls: Maybe[TlsSection] = setting(None, "Certificates; without, plain HTTP.")
    store: str | StoreSection = setting(
        "sqlite:data/alert-router.db", "Where facts are kept; short for `store: {url: …}`. Read at start only."
    )
    rules: list[str] | str = setting(
        ["rules/"],
        "Rule files, and directories whose `*.yaml` are read in sorted order (`*.test.yaml` are tests). Relative to this file.",
        min_length=1,
    )
    guard_files: list[str] | str = setting(
        [],
        "Patterns for the names of rule files that are guards, as seen from this file: they have to say `guard: true`, and no "
        "other may. Empty: any file may be a guard.",
        examples=[["rules/00-guards.yaml"]],
    )
    rule_owners: dict[str, str] = setting(
        {},
        "Whose the rule files are, by patterns for their names, the first that fits: each has to name that team as its "
        "`owner`. `*` as the team: a common file, which names none. A file that no pattern fits is refused. Empty: any file "
        "may name any owner, or none.",
        examples=[{"rules/50-payments*.yaml": "payments", "rules/90-common.yaml": "*"}],
    )
    default_team: str = Field(description="Who gets what no rule matched, and the router's own problems.")
    teams: dict[Name, TeamSection] = Field(description="Who is paged, by name.", min_length=1)
    severities: dict[SeverityWord, list[str] | str] = setting(
        {},
        "Further spellings for each severity, in any case. Known already: critical: panic, fatal, page, p1; error: err, high, "
        "p2; warning: warn, medium, p3; info: low, debug, notice, p4. A spelling given here means what it means here.",
        examples=[{"critical": ["sev1"], "warning": ["high"]}],
    )
    score_severities: dict[str, SeverityWord] = setting(
        {"0.4": "warning", "0.6": "error", "0.8": "critical"},
        "For sources that report a score from 0 to 1: from each bound up the severity; below the first `info`.",
    )
    default_severity: SeverityWord = setting("error", "For an alert that states none, or one that is not known.")
    sources: dict[Name, Source] = setting(
        {},
        "Where alerts come from, by the name that rules use. `alertmanager` and `json` are there without being named here.",
    )
    channels: dict[Name, AnyChannel] = setting({}, "Where `notify` leads, by the name that rules use.")
    severity_channels: dict[SeverityWord, list[str] | str] = setting(
        {},
        "Who is told of what has this severity: channels, and `page` for the team. A rule's own `notify` takes its place; a "
        "rule's own `page` pages whatever stands here. A severity that is not here pages.",
        examples=[{"critical": ["page", "ops-chat"], "error": ["ops-chat", "ops-mail"], "warning": "ops-digest"}],
    )
    redact: RedactSection = setting({}, "What must not leave this machine, whatever way out: PagerDuty and every channel.")
    pagerduty: PagerDutySection = setting({}, "How PagerDuty is called. Read at start only.")
    history: HistorySection = setting({}, "PagerDuty's past, kept here. Read at start only.")
    tokens: list[TokenSection] = setting([], "Who may ask. Without any, only this machine is answered.")
    limits: LimitsSection = setting({}, "Bounds of the doors. Read at start only.")
    log: LogSection = setting({}, "How the log looks. Read at start only.")
    shutdown_timeout: Annotated[Duration, between(SECOND_MS, 600_000, "1s to 10m")] = setting(
        "20s", "After SIGTERM: how long deliveries in flight may finish. Nothing is lost when it is over."
    )
    reload: ReloadSection = setting({}, "When files are read again.")
