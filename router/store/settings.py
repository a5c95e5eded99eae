"""The bounds of a store. Belongs here: figures with a default and their effect. Must never do: read a file or the disk."""

from __future__ import annotations

import msgspec

MIB = 1024 * 1024


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set; every figure has a documented effect.

    ``max_pending``: entries accepted and not yet decided; above it ``append`` raises Overloaded.
    ``min_free_bytes``: the reserve on the disk that is left to commits and records; under it ``append`` raises StoreFull.
    ``max_bytes``: size of the history above which ``append`` raises StoreFull; 0: as large as the disk allows.
    ``max_group``: entries that share one transaction; more wait for the next.
    ``check_bytes``: after an unclean stop a database up to this size is checked page by page (about 1 s a GiB from memory).
    ``check``: check it whatever its size and however it was stopped.
    """

    max_pending: int = 50_000
    min_free_bytes: int = 64 * MIB
    max_bytes: int = 0
    max_group: int = 2_000
    check_bytes: int = 64 * MIB
    check: bool = False


DEFAULT_SETTINGS = StoreSettings()
