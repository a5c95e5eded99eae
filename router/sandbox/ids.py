"""Ids in the shapes of the real service, all from one seed, so that a run can be repeated exactly."""

from __future__ import annotations

import random
import string

_ALPHABET = string.ascii_uppercase + string.digits


class IdFactory:
    """Every id of one sandbox; construction with the same seed gives the same sequence."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids-{seed}")  # noqa: S311 - repeatable on purpose, guards nothing

    def resource(self, prefix: str) -> str:
        """An id of a resource: 14 upper-case letters and digits beginning with ``P``, ``Q`` or ``R``."""
        return f"{prefix}{self._random.getrandbits(52):013X}"

    def sortable(self) -> str:
        """26 upper-case characters beginning ``01``, as webhook envelopes carry them."""
        return "01" + "".join(self._random.choices(_ALPHABET, k=24))

    def hexadecimal(self, length: int = 32) -> str:
        """Lower-case hex, the shape of a dedup key that the service makes itself."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def uuid(self) -> str:
        """Hex in the groups of a UUID, as webhook ids have it."""
        text = self.hexadecimal()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def secret(self) -> str:
        """64 characters that look like base64, as webhook secrets do, and must not be decoded."""
        return "".join(self._random.choices(string.ascii_letters + string.digits + "+/", k=62)) + "=="
