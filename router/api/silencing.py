"""Silences as Alertmanager's API v2 speaks of them, for amtool and karma; what they do is the engine's business.

A silence is a fact in the journal like any other, so it is in force once the engine has come to it, a moment after the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from router.api.exchange import Answer, Refused, Request, answer_json
from router.api.matchers import Filter, Matcher, to_match, to_matchers
from router.api.reading import ReadingRoom
from router.clock import Clock
from router.errors import Overloaded, StoreError
from router.model.journal import SilenceChanged
from router.model.silence import MAX_SILENCE_MS, MAX_SILENCES, Silence
from router.store.base import Reader

MAX_MATCHERS = 64
MAX_TEXT = 4_096
"""Characters of a matcher's value, a comment, a name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SILENCE = msgspec.json.Decoder(Silence)


class Posted(msgspec.Struct, kw_only=True):
    """A silence as it is posted; ``id`` of one that is there replaces it."""

    matchers: list[Matcher]
    startsAt: datetime  # noqa: N815 -- the wire's spelling
    endsAt: datetime  # noqa: N815
    createdBy: str = ""  # noqa: N815
    comment: str = ""
    id: str | None = None


_POSTED = msgspec.json.Decoder(Posted)


Change = Callable[[SilenceChanged, str], Awaitable[None]]
"""Journals the fact, and who asked for it."""


async def keep(change: Change, fact: SilenceChanged, who: str) -> None:
    """Have it journalled; Refused with 429 or 503 when it cannot be."""
    try:
        await change(fact, who)
    except Overloaded as error:
        raise Refused(429, str(error), ((b"retry-after", b"%d" % error.retry_after_seconds),)) from error
    except StoreError as error:
        raise Refused(503, f"the store cannot take it now: {error}", ((b"retry-after", b"5"),)) from error


class Silencing:
    """The handlers. ``change`` journals a fact."""

    def __init__(
        self,
        *,
        room: ReadingRoom,
        clock: Clock,
        change: Change,
        who: Callable[[bytes | None], str],
    ) -> None:
        """``who``: the name behind an ``Authorization`` header."""
        self._who = who
        self._room = room
        self._clock = clock
        self._change = change

    async def listed(self, request: Request) -> Answer:
        """``GET /api/v2/silences``: those in force or to come; ``filter`` looks at what their matchers ask for."""
        wanted = Filter(request.query().get("filter", []))
        found = await self._room.ask(list_silences)
        shapes = [self._shape(silence) for silence in found]
        return answer_json([shape for shape in shapes if wanted.fits({one["name"]: one["value"] for one in shape["matchers"]})])

    async def shown(self, _request: Request, silence_id: str) -> Answer:
        """``GET /api/v2/silence/ID``."""
        return answer_json(self._shape(await find_silence(self._room, silence_id)))

    async def posted(self, request: Request) -> Answer:
        """``POST /api/v2/silences``: 200 with its id."""
        try:
            posted = _POSTED.decode(request.body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Refused(400, f"no silence: {error}") from error
        silence = self._read(posted)
        who = self._who(request.headers.get(b"authorization"))
        await keep(self._change, SilenceChanged(id=silence.id, silence=silence, by=silence.by), who)
        return answer_json({"silenceID": silence.id})

    async def expired(self, request: Request, silence_id: str) -> Answer:
        """``DELETE /api/v2/silence/ID``: it ends now."""
        silence = await find_silence(self._room, silence_id)
        who = self._who(request.headers.get(b"authorization"))
        await keep(self._change, SilenceChanged(id=silence.id), who)
        return Answer()

    def _read(self, posted: Posted) -> Silence:
        now = self._clock.now()
        starts_at, until = max(_read_time(posted.startsAt, "startsAt"), now), _read_time(posted.endsAt, "endsAt")
        texts = [posted.createdBy, posted.comment, posted.id or "", *(one.value for one in posted.matchers)]
        if len(posted.matchers) > MAX_MATCHERS or any(len(text) > MAX_TEXT for text in texts):
            raise Refused(400, f"expected at most {MAX_MATCHERS} matchers and {MAX_TEXT} characters of text")
        if any(not matcher.name for matcher in posted.matchers):
            raise Refused(400, "a matcher needs the name of a label")
        if until <= starts_at:
            raise Refused(400, "the end has to be in the future and after the start")
        if until - starts_at > MAX_SILENCE_MS:
            raise Refused(400, f"a silence lasts at most {MAX_SILENCE_MS // 86_400_000} days; use a maintenance window instead")
        return Silence(
            id=posted.id or _make_id(posted, now),
            match=to_match(posted.matchers),
            until=until,
            reason=posted.comment,
            starts_at=starts_at,
            by=posted.createdBy,
        )

    def _shape(self, silence: Silence) -> dict[str, Any]:
        now = self._clock.now()
        starts_at = silence.starts_at or now
        return {
            "id": silence.id,
            "status": {"state": "pending" if starts_at > now else "active"},
            "updatedAt": format_time(starts_at),
            "comment": silence.reason,
            "createdBy": silence.by,
            "endsAt": format_time(silence.until),
            "matchers": to_matchers(silence.match),
            "startsAt": format_time(starts_at),
        }


def list_silences(reader: Reader) -> list[Silence]:
    """All that people added and that are not over, oldest first."""
    rows = reader.state("silence", limit=MAX_SILENCES)
    return [_SILENCE.decode(row.body) for row in rows if row.body is not None]


async def find_silence(room: ReadingRoom, silence_id: str) -> Silence:
    """The one of this id; Refused with 404 if there is none."""
    found = await room.ask(list_silences)
    silence = next((each for each in found if each.id == silence_id), None)
    if silence is None:
        raise Refused(404, f"there is no silence {silence_id[:64]}")
    return silence


def format_time(at: int) -> str:
    """``2026-01-31T08:00:00.000Z``."""
    moment = _EPOCH + timedelta(milliseconds=min(at, 253_402_300_799_999))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def _make_id(posted: Posted, now: int) -> str:
    """In the shape of a UUID, as Alertmanager's; the same for the same silence posted twice in one millisecond."""
    digest = hashlib.blake2b(msgspec.json.encode([now, posted]), digest_size=16).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))


def _read_time(moment: datetime, field: str) -> int:
    if moment.tzinfo is None:
        raise Refused(400, f"{field}: expected a time with its zone, such as 2026-01-31T08:00:00Z")
    return max(0, (moment - _EPOCH) // _MILLISECOND)
