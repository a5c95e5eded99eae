"""A source: where alerts come from, and what is read from its payloads. Values only; the daemon builds them."""

from __future__ import annotations

from typing import Literal

import msgspec

from router.model.webhook import Webhook

SourceKind = Literal["alertmanager", "pagerduty", "json", "webhook"]

RESOLVE_TIMEOUT_MS = 5 * 60_000
"""How long a stateful alert without ``endsAt`` counts as firing after its last resend; Alertmanager's default."""

RESEND_GRACE_MS = 2 * 60_000
"""One resend cycle: nothing expires sooner than this after a restart."""


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One configured source. ``keys`` are the inbound keys themselves, so this never goes into a log or an answer.

    ``service_labels``: the first that an alert carries names its service; empty means the kind's default. For the Events API
    they, and ``name_label``, are keys of ``custom_details`` or fields of the payload. ``resolve_timeout_ms`` 0: an alert
    without an end waits for its resolve. ``shadows``: of the keys, those in shadow, with the *reference* of the routing
    key that their events go on to.
    """

    name: str
    kind: SourceKind
    service_labels: tuple[str, ...] = ()
    name_label: str = ""
    severity_label: str = "severity"
    resolve_timeout_ms: int = RESOLVE_TIMEOUT_MS
    resend_grace_ms: int = RESEND_GRACE_MS
    keys: tuple[str, ...] = ()
    shadows: dict[str, str] = {}
    webhook: Webhook | None = None  # kind webhook; the secret in its credentials is the text itself

    def __repr__(self) -> str:
        """Without the keys."""
        return f"SourceSettings(name={self.name!r}, kind={self.kind!r}, keys={len(self.keys)})"
