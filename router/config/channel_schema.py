"""What may stand in a channel: every key with its type, default and one line of documentation.

``ChannelSection`` is what all kinds have; each kind adds what it needs, and ``kind`` says which it is.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from router.config.fields import DAY_MS, SECOND_MS, CallRate, Duration, between
from router.yamldoc import Mistake
from router.yamldoc.sections import Maybe, Section, reads, said, setting

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS_FORM = "a weekday or a range of them, such as sat or mon-fri"
TIME_FORM = "a time of the day such as 09:00"
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)
_SHOWN = 60


def parse_time(text: str) -> int:
    """``09:30``: minutes of the day."""
    found = _TIME.match(text.strip())
    if found is None:
        raise Mistake("bad-time", f"found {text[:_SHOWN]!r}; expected {TIME_FORM}", 'in quotes: "09:00"')
    return int(found[1]) * 60 + int(found[2])


def parse_weekdays(text: str) -> tuple[int, ...]:
    """``sat``, ``mon-fri``, also around the end of the week; 0 is Monday."""
    words = text.strip().lower().split("-")
    if len(words) > 2 or any(word not in WEEKDAYS for word in words):  # noqa: PLR2004 -- first and last
        raise Mistake("bad-weekday", f"found {text[:_SHOWN]!r}; expected {WEEKDAYS_FORM}", hint="for example: mon-fri")
    first, last = WEEKDAYS.index(words[0]), WEEKDAYS.index(words[-1])
    return tuple((first + step) % len(WEEKDAYS) for step in range((last - first) % len(WEEKDAYS) + 1))


def _check_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        hint = "zones are called Europe/Berlin, America/New_York, UTC"
        raise Mistake("unknown-zone", f"there is no zone {text[:_SHOWN]!r}", hint) from error
    return text


TimeOfDay: TypeAlias = Annotated[str, reads(parse_time), said(TIME_FORM, "times of the day")]
Weekdays: TypeAlias = Annotated[str, reads(parse_weekdays), said(WEEKDAYS_FORM, "weekdays")]
Zone: TypeAlias = Annotated[str, AfterValidator(_check_zone), said("a zone such as Europe/Berlin or UTC", "zones")]


class DigestSection(Section):
    """The channel collects what it would be told, and sends one message that names it all: `every` or `at`."""

    every: Maybe[Annotated[Duration, between(10_000, 7 * DAY_MS, "10s to 7d")]] = setting(
        None, "So long after the first thing it holds."
    )
    at: TimeOfDay | list[TimeOfDay] = setting([], "At these times of the day.", examples=["09:00", ["09:00", "16:30"]])
    weekdays: Weekdays | list[Weekdays] = setting([], "On these days; absent: every day.", examples=["mon-fri"])
    zone: Maybe[Zone] = setting(None, "The zone whose clock `at` means; absent: `UTC`.", examples=["Europe/Berlin"])


class ChannelLimitSection(Section):
    """Above it, what the channel would be told folds into one storm message that names what it holds."""

    incidents: int = Field(description="Incidents told within any `per`.", ge=1, le=100_000)
    per: Annotated[Duration, between(SECOND_MS, 7 * DAY_MS, "1s to 7d")] = Field(description="Length of the sliding window.")


class ChannelSection(Section):
    """Where `notify` leads."""

    rate: CallRate = setting("60/1m", "Calls of this channel. `unlimited`: no pacing.")
    timeout: Annotated[Duration, between(100, 120_000, "100ms to 2m")] = setting("10s", "For one call, with its answer.")
    retry_for: Annotated[Duration, between(60_000, 7 * DAY_MS, "1m to 7d")] = setting(
        "24h", "What the channel did not take for this long is given up, as a dead letter that a person can retry."
    )
    use_environment_proxy: bool = setting(False, "Call through the proxy named by HTTPS_PROXY and its like.")  # noqa: FBT003
    digest: Maybe[DigestSection] = setting(None, "Collect, and send one message now and then; absent: each at once.")
    limit: Maybe[ChannelLimitSection] = setting(None, "At most so many incidents; above it one storm message.")
