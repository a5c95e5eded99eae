"""Which alerts mute which: the inhibitions of the rule set over what fires now.

As in Alertmanager: a source mutes the targets that have its values in the ``equal`` fields; missing equals empty; an alert that
is source and target of one inhibition is not muted by another that is both. Only stateful alerts are sources: an event has no
duration. Follows from the alerts and the rules alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from router.engine.finder import Finder
from router.engine.match import field_of
from router.model.alert import Alert
from router.model.ruleset import Inhibition

Values = tuple[str, ...]
Place = tuple[int, bool, Values]
"""Position of the inhibition, whether the source is a target too, its equal values."""


class Inhibiting:
    """The sources that fire, by inhibition and equal values."""

    def __init__(self, inhibitions: Sequence[Inhibition]) -> None:
        """None fires."""
        self._inhibitions = inhibitions
        self._as_source = Finder([each.source for each in inhibitions])
        self._as_target = Finder([each.target for each in inhibitions])
        self._firing: dict[Place, list[int]] = {}  # row ids, rising
        self._places: dict[int, list[Place]] = {}

    def __bool__(self) -> bool:
        """Whether there are inhibitions at all."""
        return bool(self._inhibitions)

    def put(self, row_id: int, alert: Alert) -> set[str]:
        """It fires, for the first time or changed; the inhibitions it is no source of any more."""
        before = self._places.pop(row_id, [])
        places: list[Place] = []
        if alert.kind == "stateful" and (found := self._as_source.find(alert)):
            targets = self._as_target.find(alert)
            places = [(position, position in targets, self._values(position, alert)) for position in found]
            self._places[row_id] = places
        for place in before:
            if place not in places:
                self._remove(place, row_id)
        for place in places:
            if place not in before:
                insort(self._firing.setdefault(place, []), row_id)
        return {self._inhibitions[place[0]].id for place in before if place not in places}

    def drop(self, row_id: int) -> set[str]:
        """It fires no more; the inhibitions it was a source of."""
        places = self._places.pop(row_id, [])
        for place in places:
            self._remove(place, row_id)
        return {self._inhibitions[place[0]].id for place in places}

    def _remove(self, place: Place, row_id: int) -> None:
        rows = self._firing[place]
        del rows[bisect_left(rows, row_id)]
        if not rows:
            del self._firing[place]

    def find(self, alert: Alert) -> Iterator[tuple[str, list[int]]]:
        """The inhibitions that mute this alert, each with the rows of its oldest sources: at least two, if it has two."""
        targets = self._as_target.find(alert)
        if not targets:
            return
        sources = self._as_source.find(alert)
        for position in targets:
            values = self._values(position, alert)
            rows = self._firing.get((position, False, values), [])[:2]
            if position not in sources:
                rows += self._firing.get((position, True, values), [])[:2]
            if rows:
                yield self._inhibitions[position].id, sorted(rows)

    def _values(self, position: int, alert: Alert) -> Values:
        return tuple([field_of(alert, field) for field in self._inhibitions[position].equal])
