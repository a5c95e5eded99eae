"""An alert: an incoming report about a service, normalised, whatever door it came through."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from router.model.severity import Severity

AlertStatus = Literal["firing", "resolved"]
AlertKind = Literal["stateful", "event"]


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A link shown on the page. PagerDuty: ``href`` required, ``text`` optional."""

    href: str
    text: str = ""


class Image(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An image shown on the page. PagerDuty: ``src`` required and https, ``href`` and ``alt`` optional."""

    src: str
    href: str = ""
    alt: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One report, normalised. Two alerts are the same alert when ``source`` and ``fingerprint`` are equal.

    ``kind``: a *stateful* source says firing, resends while it fires, and says resolved, so a resend is no new occurrence;
    an *event* source reports each occurrence once. The journal never holds a resend that changes nothing.
    """

    source: str  # the configured source's name
    fingerprint: str  # 16 hex digits for Alertmanager's label fingerprint, otherwise a digest of the sender's key
    service: str
    name: str = ""  # alert name, error type, class
    severity: Severity = Severity.ERROR
    status: AlertStatus = "firing"
    kind: AlertKind = "stateful"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    details: dict[str, Any] = {}  # free JSON of the sender (Events API: custom_details)
    summary: str = ""
    generator_url: str = ""
    links: tuple[Link, ...] = ()
    images: tuple[Image, ...] = ()
    starts_at: int = 0  # when the source saw it begin; 0: it did not say
    resolved_by: Literal["", "source", "expiry"] = ""  # for status resolved: said so, or went silent past its endsAt

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two reports the same alert."""
        return (self.source, self.fingerprint)
