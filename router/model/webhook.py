"""What a mapped webhook is: which expression gives which field, and how its sender proves who it is. Values only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from router.model.severity import Severity

StatusWord = Literal["firing", "resolved", "ignored"]
Expressions = str | dict[str, str] | tuple[dict[str, str], ...]
"""One expression; one for each name; or, for links and images, a list of entries with one for each of their members."""

EXPRESSION_FIELDS = (
    *("items", "ignore", "service", "name", "severity", "score", "status", "kind", "summary", "labels", "annotations"),
    *("details", "links", "images", "generator_url", "starts_at", "ends_at", "dedup_key"),
)
"""What a mapping may hold, in the order in which it is read."""
NAMED_FIELDS = frozenset({"labels", "annotations", "details"})
LISTED_FIELDS = {"links": ("href", "text"), "images": ("src", "href", "alt")}
KINDS = ("stateful", "event")


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The sender signs the body with the secret (HMAC) and puts the digest into this header, behind the prefix."""

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How a sender proves who it is. ``secret`` is a reference in settings and the text itself in ``ingest``.

    Without ``signature`` the secret is shown: as a bearer token, as the password of basic authentication (of ``user``, if
    given), or as the value of ``header`` or of the query's ``query``.
    """

    secret: str
    user: str = ""
    header: str = ""
    query: str = "token"
    signature: Signature | None = None

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credentials(header={self.header!r}, query={self.query!r}, signature={self.signature!r})"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A source behind ``POST /v1/sources/NAME``. ``preset`` is ``webhook`` where all of the mapping is the user's.

    ``mapping`` by field of ``EXPRESSION_FIELDS``; over a preset it takes the place of the preset's, field by field.
    ``statuses`` and ``severities`` have lower-case keys and go before the spellings known anyway.
    """

    preset: str = "webhook"
    mapping: dict[str, Expressions] = {}
    statuses: dict[str, StatusWord] = {}
    severities: dict[str, Severity] = {}
    credentials: Credentials | None = None
    confirm_subscriptions: bool = False  # Amazon SNS: follow the link of a signed subscription confirmation
    verify_signature: bool = True  # Amazon SNS
    topics: tuple[str, ...] = ()  # Amazon SNS: globs; empty: any


class MappingMistake(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one expression. ``path`` is below the source's section; ``position`` is a place inside the text."""

    path: tuple[str | int, ...]
    code: str
    message: str
    hint: str = ""
    text: str = ""
    position: int | None = None


WebhookCheck = Callable[[Webhook, bytes | None], list[MappingMistake]]
"""Checks a mapping, against a sample body if there is one; ``router.ingest.checking`` has the one there is."""
