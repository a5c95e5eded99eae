"""What a sandbox is provisioned with: services and their keys, people, tokens, and where it listens.

Everything has a default a newcomer can live with; ``from_keys`` needs only names and routing keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from router.sandbox.switches import Switches

RoutingKey = Annotated[str, Meta(pattern="^[A-Za-z0-9]{32}$")]
Seconds = Annotated[int, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]

DEFAULT_TOKEN = "sandboxtoken00000001"  # noqa: S105 - a made-up one, known to everybody
READ_ONLY_TOKEN = "sandboxreadonly00001"  # noqa: S105 - a made-up one, known to everybody


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of the provision; unknown members are refused so that a slip is seen."""


class UserSpec(Part, frozen=True, kw_only=True):
    """Somebody who can be on call."""

    name: Name
    email: Name


class PolicySpec(Part, frozen=True, kw_only=True):
    """Who is told first, who next, after how long; levels name users by email."""

    name: Name
    levels: tuple[tuple[str, ...], ...]
    escalation_delay_minutes: Annotated[int, Meta(ge=1)] = 30
    loops: Annotated[int, Meta(ge=0, le=9)] = 0


class ServiceSpec(Part, frozen=True, kw_only=True):
    """A service with its Events API v2 integrations, one for each key."""

    name: Name
    keys: tuple[RoutingKey, ...] = ()
    urgency: Literal["severity", "high", "low"] = "severity"
    escalation_policy: str = ""  # empty: a policy of its own over all users, one level each
    on_call: bool = True
    disabled: bool = False
    suppressed: bool = False
    alert_grouping: bool = False
    auto_resolve_seconds: Seconds = 0  # 0: off
    acknowledgement_timeout_seconds: Seconds = 0  # 0: off


class OrchestrationSpec(Part, frozen=True, kw_only=True):
    """A global orchestration: the payload member named by ``field`` chooses the service; no match, no page."""

    name: Name
    key: Annotated[str, Meta(pattern="^R0[A-Za-z0-9]{30}$")]
    field: Name = "source"
    routes: dict[str, str] = {}


class TokenSpec(Part, frozen=True, kw_only=True):
    """A REST API token; one with a user's email acts as that user."""

    token: Name
    scope: Literal["full", "read_only"] = "full"
    user_email: str = ""


_USERS = (
    UserSpec(name="Ada Example", email="ada@example.test"),
    UserSpec(name="Grace Example", email="grace@example.test"),
)
_TOKENS = (TokenSpec(token=DEFAULT_TOKEN), TokenSpec(token=READ_ONLY_TOKEN, scope="read_only"))


class Settings(Part, frozen=True, kw_only=True):
    """A whole sandbox, inert: nothing runs until a ``SandboxServer`` or a ``Sandbox`` is made of it."""

    services: tuple[ServiceSpec, ...] = ()
    orchestrations: tuple[OrchestrationSpec, ...] = ()
    users: tuple[UserSpec, ...] = _USERS
    escalation_policies: tuple[PolicySpec, ...] = ()
    tokens: tuple[TokenSpec, ...] = _TOKENS
    abilities: tuple[str, ...] = ("teams", "coordinated_responding")
    switches: Switches = Switches()
    seed: int = 0
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8_080
    tls_certificate: str = ""
    tls_key: str = ""
    webhook_ca: str = ""  # a file of authorities to trust when webhooks go to https addresses


def from_keys(keys: Mapping[str, str], *, port: int = 8_080, seed: int = 0, switches: Switches | None = None) -> Settings:
    """Settings for one service per name, each with that routing key."""
    services = [{"name": name, "keys": [key]} for name, key in keys.items()]
    plain = {"services": services, "port": port, "seed": seed}
    return msgspec.structs.replace(msgspec.convert(plain, Settings), switches=switches or Switches())


def load_settings(path: Path) -> Settings:
    """Settings from a JSON file."""
    return msgspec.json.decode(path.read_bytes(), type=Settings)
