"""The shape of a preset."""

from __future__ import annotations

import msgspec

from router.model.webhook import Expressions, Signature, StatusWord


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """``title`` is the sender's name. ``signature``: how it signs its bodies; None: it shows the secret as it is told to."""

    title: str
    mapping: dict[str, Expressions]
    statuses: dict[StatusWord, tuple[str, ...]] = {}  # spellings in lower case
    severities: dict[str, tuple[str, ...]] = {}  # likewise, by severity
    signature: Signature | None = None
    header: str = ""
