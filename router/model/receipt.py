"""What a door answers its sender: how many alerts were taken, and which were refused, where and why.

Made by ``ingest``, put into each protocol's shape by ``api``.
"""

from __future__ import annotations

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert that was not taken: its place in the batch, the field, what was found and what is expected."""

    index: int
    field: str
    reason: str

    def __str__(self) -> str:
        """``alert 3, labels.env: expected text, found a number``."""
        where = f", {self.field}" if self.field else ""
        return f"alert {self.index}{where}: {self.reason}"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``taken`` alerts are durable or known already; ``journalled`` of them were new facts; the rest was refused."""

    taken: int = 0
    journalled: int = 0
    refusals: tuple[Refusal, ...] = ()
    dedup_key: str = ""  # Events API only: the sender's, or the one made for it


class Unreadable(Exception):
    """The body as a whole cannot be read, so nothing of it was taken; the message says what and where."""


class TooLarge(Unreadable):
    """More alerts in one body than are taken at once."""


class Unauthorised(Exception):
    """The sender did not prove who it is, or its key is no source's; the message never repeats what it showed."""


class UnknownSource(Exception):
    """No source of this name takes webhooks."""


class Invalid(Exception):
    """The event (Events API) fails these checks; ``errors`` has one text for each."""

    def __init__(self, errors: list[str]) -> None:
        """Keep each failed check's text."""
        super().__init__("; ".join(errors))
        self.errors = errors
