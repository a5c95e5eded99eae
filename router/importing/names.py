"""Names that ours may bear, made of names that others gave: lower case, short, each once."""

from __future__ import annotations

import re

_UNFIT = re.compile(r"[^a-z0-9._-]+")
_LONGEST = 56
_RESERVED = frozenset({"default", "owner"})


class Names:
    """Hands out names of one kind."""

    def __init__(self) -> None:
        """None is taken."""
        self._taken: set[str] = set()

    def take(self, wanted: str) -> str:
        """The name nearest to this that nobody has yet."""
        fit = _UNFIT.sub("-", wanted.lower()).strip("-._")[:_LONGEST].rstrip("-._") or "unnamed"
        if fit in _RESERVED:
            fit = f"{fit}-one"
        name, number = fit, 1
        while name in self._taken:
            number += 1
            name = f"{fit}-{number}"
        self._taken.add(name)
        return name
