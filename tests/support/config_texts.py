"""Configurations as text for tests: the smallest one, and short ways to load."""

from __future__ import annotations

from pathlib import Path

from router.config.loading import examine, load_settings
from router.config.settings import Settings
from router.errors import Diagnostic

KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
OTHER_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ENVIRON = {
    "KEY": KEY,
    "OTHER": OTHER_KEY,
    "TOKEN": "0123456789abcdef0123",
    "INBOUND": "inbound-key-of-ours",
    # what people put where a routing key belongs
    "SHORT": "abc",
    "EMPTY": "\n",
    "REST": "u+0123456789abcdefgh",
    "ODD": "a1b2c3d4-5f60718293a4b5c6d7e8f90",
    "EXAMPLE": "e93facc04764012d7bfb002500d5d1a6",
    "BLANKS": f" {KEY}\n",
}
MINIMAL = "default_team: a\nteams: {a: {pagerduty: {routing_key: env:KEY}}}\n"
"""Line 3 is free for what a test adds."""


def load(text: str, base: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """The settings in this text, without mistakes."""
    return load_settings(text, "config.yaml", base=base or Path("/etc/router"), environ=environ or ENVIRON)


def diagnose(text: str, base: Path | None = None, environ: dict[str, str] | None = None) -> list[Diagnostic]:
    """Everything that is said of this text."""
    return examine(text, "config.yaml", base=base or Path("/etc/router"), environ=environ or ENVIRON).diagnostics


def found_in(text: str) -> list[tuple[str, str]]:
    """(code, line:column) of everything that is said of this text."""
    return [(each.code, f"{each.span.line}:{each.span.column}") for each in diagnose(text)]
