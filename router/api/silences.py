"""``/v1/silences``: silences in the words of the rule files, with a look at what one would hide before it is added.

Added and ended through the same fact in the journal as at Alertmanager's door, so each shows at both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.reading import Query, ReadingRoom
from router.api.silencing import Change, find_silence, keep, list_silences
from router.clock import Clock
from router.model.journal import SilenceChanged
from router.model.ruleset import RuleSet
from router.model.severity import SeverityScale
from router.model.silence import MAX_SILENCES, Silence
from router.rehearsal.hiding import Hidden, find_hidden
from router.rules.silencing import read_silence

MAX_REPLAYED = 10_000
"""Newest journal entries that a preview of the daemon replays; ``alert-router silences add`` looks at the whole week."""

ANYBODY = "this machine"
"""Who asks where there are no tokens to tell people apart."""


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """What a dry run answers."""

    silence: Silence
    hides: Hidden


class Silences:
    """The handlers. ``ruleset`` and ``scale`` are asked at each question: a reload exchanges them."""

    def __init__(
        self,
        *,
        room: ReadingRoom,
        clock: Clock,
        change: Change,
        who: Callable[[bytes | None], str],
        ruleset: Callable[[], RuleSet],
        scale: Callable[[], SeverityScale],
    ) -> None:
        """``who``: the name behind an ``Authorization`` header."""
        self._room = room
        self._clock = clock
        self._change = change
        self._who = who
        self._ruleset = ruleset
        self._scale = scale

    async def listed(self, request: Request) -> Answer:
        """``GET /v1/silences``: those in force or to come, oldest first."""
        Query(request)
        return answer_json({"items": await self._room.ask(list_silences), "next": None})

    async def shown(self, request: Request, silence_id: str) -> Answer:
        """``GET /v1/silences/ID``: it, and what it hides."""
        Query(request)
        silence = await find_silence(self._room, silence_id)
        return answer_json(Previewed(silence=silence, hides=await self._look(silence)))

    async def added(self, request: Request) -> Answer:
        """``POST /v1/silences``: 200 with the silence; with ``dry_run=true`` what it would hide, and nothing is added."""
        is_dry = Query(request, "dry_run").flag("dry_run")
        silence, diagnostics = read_silence(request.body, scale=self._scale(), now=self._clock.now())
        if silence is None:
            raise Refused(400, "; ".join(_word(found) for found in diagnostics if found.level == "error"))
        who = self._who(request.headers.get(b"authorization"))
        silence = msgspec.structs.replace(silence, by=signed(silence.by, who))
        if is_dry:
            return answer_json(Previewed(silence=silence, hides=await self._look(silence)))
        in_force = await self._room.ask(list_silences)
        if len(in_force) >= MAX_SILENCES and all(each.id != silence.id for each in in_force):
            raise Refused(409, f"{MAX_SILENCES} silences are in force; end one before adding another")
        await keep(self._change, SilenceChanged(id=silence.id, silence=silence, by=silence.by), who)
        return answer_json({"silence": silence})

    async def expired(self, request: Request, silence_id: str) -> Answer:
        """``DELETE /v1/silences/ID``: it ends now, and what it mutes and still fires is paged; ``by``: who asks."""
        by = Query(request, "by").text("by")[:256]
        silence = await find_silence(self._room, silence_id)
        who = self._who(request.headers.get(b"authorization"))
        await keep(self._change, SilenceChanged(id=silence.id, by=signed(by, who)), who)
        return answer_json({"silence": silence})

    async def _look(self, silence: Silence) -> Hidden:
        ruleset, now = self._ruleset(), self._clock.now()
        return await self._room.ask(lambda reader: find_hidden(reader, ruleset, silence, now=now, most_entries=MAX_REPLAYED))


def signed(claimed: str, who: str) -> str:
    """The name that is kept: who somebody says they are, with the token they used; a token is known, a name only said."""
    if who.endswith(ANYBODY):
        return claimed or who.removesuffix(ANYBODY).removesuffix(", on ")
    return f"{claimed} ({who})" if claimed and claimed != who else who


def _word(found: Any) -> str:
    where = f"{found.path}: " if found.path else ""
    hint = f" ({found.hint})" if found.hint else ""
    return f"{where}{found.message}{hint}"
