"""Anchors written out, for documents of other programs: the events of an alias are those of what it names, once more.

Nothing is copied: what was given out is kept once, and an alias is a stretch of that. What an alias gives out counts like what
is written there, so a text that would grow beyond the reader's limits is refused where it does. Must never do: hold more than
the reader has taken, or end a document that names itself other than by those limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class WrittenOut:
    """Gives events as a parser does, without anchors, and without aliases of what is known and complete."""

    def __init__(self, get_event: Callable[[], Any]) -> None:
        """``get_event``: the parser's."""
        self._get_event = get_event
        self._given: list[Any] = []
        self._known: dict[str, tuple[int, int]] = {}  # name -> from where to where in what was given
        self._open: list[tuple[str, int, int]] = []  # name, from where, depth
        self._again: list[list[int]] = []  # stretches that are being given again: next, end
        self._depth = 0

    def __call__(self) -> Any:
        """The next event."""
        event = self._following()
        while type(event) is yaml.AliasEvent and event.anchor in self._known:
            self._again.append(list(self._known[event.anchor]))
            event = self._following()
        self._note(event)
        return event

    def _following(self) -> Any:
        while self._again:
            stretch = self._again[-1]
            if stretch[0] < stretch[1]:
                stretch[0] += 1
                return self._given[stretch[0] - 1]
            self._again.pop()
        return self._get_event()

    def _note(self, event: Any) -> None:
        place = len(self._given)
        self._given.append(event)
        if isinstance(event, _CLOSES):
            self._depth -= 1
            if self._open and self._open[-1][2] == self._depth:
                name, begin, _ = self._open.pop()
                self._known[name] = (begin, place + 1)
            return
        opens = isinstance(event, _OPENS)
        if (opens or type(event) is yaml.ScalarEvent) and event.anchor is not None:
            if opens:
                self._open.append((event.anchor, place, self._depth))
            else:
                self._known[event.anchor] = (place, place + 1)
            event.anchor = None
        self._depth += opens
