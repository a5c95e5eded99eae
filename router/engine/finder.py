"""Which of many matches concern an alert, found by index: for silences, maintenance and inhibitions.

The rules have an index of their own in ``policy``, which also remembers answers; these lists are shorter and change more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.engine.index import NameIndex
from router.engine.match import concerns
from router.model.alert import Alert
from router.model.pattern import Pattern
from router.model.ruleset import Match


class Finder:
    """Positions of the matches that concern an alert. Immutable."""

    __slots__ = ("_always", "_matches", "_names", "_services")

    def __init__(self, matches: Sequence[Match]) -> None:
        """File each by service, else by name, else it is tried for every alert."""
        self._matches = matches
        by_service: list[tuple[Pattern, int]] = []
        by_name: list[tuple[Pattern, int]] = []
        self._always: list[int] = []
        for position, match in enumerate(matches):
            services = [pattern for pattern in match.services if not pattern.negated]
            names = [pattern for pattern in match.names if not pattern.negated]
            if services:
                by_service.extend((pattern, position) for pattern in services)
            elif names:
                by_name.extend((pattern, position) for pattern in names)
            else:
                self._always.append(position)
        self._services = NameIndex(by_service)
        self._names = NameIndex(by_name)

    def __bool__(self) -> bool:
        """Whether there is anything to find."""
        return bool(self._matches)

    def find(self, alert: Alert) -> list[int]:
        """In order of position."""
        candidates: Iterable[int] = self._always
        if self._services or self._names:
            candidates = {*self._services.find(alert.service), *self._names.find(alert.name), *self._always}
        return [position for position in sorted(candidates) if concerns(self._matches[position], alert)]
