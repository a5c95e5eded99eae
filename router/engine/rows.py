"""The shapes of the engine's state, in memory and in the store.

A ``Group``, ``Storm`` or ``Window`` lives in memory; its ``*Row`` is the JSON body of its state row. Which alerts belong to a
group, and which groups to a storm, is written once, on the alert's and the group's own row: a row never grows with the number
of its members. Structs hold no cycles and switch the garbage collector's tracking off, so that 100,000 of them cost no pauses.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from router.model.decision import Reason
from router.model.event import CHANNEL_REFERENCE
from router.model.severity import Severity
from router.model.wish import Order

Page = tuple[str, str]
"""A team and the reference of the routing key its page went through; for a channel no team, and ``channel:NAME``."""

Scope = Literal["team", "rule", "channel"]
"""Whose limit it is."""

NEVER_RESOLVES = -1
"""In ``Episode.quiet_ms``: only a person closes it. Zero: when all alerts have resolved."""

KEEPS = -1
"""In ``Episode.reopen_ms``: a resolution in PagerDuty leaves it open. Zero: it closes it, and nothing follows."""

UNTIL_OCCURRENCE = -1
"""In ``Group.handled``: what fires is looked at again when it occurs or worsens, not at a time."""


def split(pages: tuple[Page, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The teams, and the names of the channels."""
    teams = tuple([page[0] for page in pages if page[0]])
    if len(teams) == len(pages):
        return teams, ()
    return teams, tuple([channel_of(page) for page in pages if not page[0]])


def channel_of(page: Page) -> str:
    """The channel's name."""
    return page[1].removeprefix(CHANNEL_REFERENCE)


def who(page: Page) -> str:
    """What tells one who is told from another: the team, or the channel's reference."""
    return page[0] or page[1]


BY_VALUE = {int(severity): severity for severity in Severity}
"""Rows keep a severity as its number; looking it up is cheaper than calling the enumeration."""


class Window(msgspec.Struct, omit_defaults=True, gc=False):
    """The occurrences that count: their times, oldest first, and with ``distinct`` each one's value beside it."""

    times: list[int]
    values: list[str] = []


class Muted(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What keeps a group from paging. Without an episode: what it would have opened for, to be opened when the mute ends.

    With an episode: some of its alerts are muted that are worse than what was told.
    """

    reason: Reason  # of the decision: silenced and the like
    words: str  # which mute, for people
    by: tuple[str, ...]  # the mutes that matter, as ``kind:id``; when one of them ends, the group is looked at anew
    until: int = 0  # when to look again; 0: at no time of its own
    holds_step: bool = False  # an escalation waits for its end
    opens_for: Reason = Reason.AT_ONCE
    cause: str = ""
    counted: int = 1
    first_at: int = 0


class Heard(msgspec.Struct, omit_defaults=True, gc=False):
    """A reporter that is expected to be heard again: what a page about its absence calls it."""

    service: str
    name: str = ""


class Episode(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A group from open to closed. What is needed to close it is in here, whatever becomes of the rules."""

    key: str  # the dedup key
    number: int  # the incident's
    opened_at: int
    pages: tuple[Page, ...] = ()
    storms: tuple[int, ...] = ()  # numbers of the storm digests that hold it
    quiet_ms: int = 0  # the resolve policy it was opened under
    service: str
    name: str
    summary: str
    severity: int  # what PagerDuty was told
    worst: int  # what it is to be told; above ``severity`` while an update waits
    voice: int = 0  # row id of the alert that made it worst
    told_at: int = 0  # when the last update went out
    alerts: int = 1
    occurrences: int = 1
    reopen_ms: int = 0  # what a resolution in PagerDuty does; above zero: looked at again after so long
    acknowledged_at: int = 0  # since when a person has it; 0: nobody
    steps: tuple[tuple[int, tuple[Page, ...]], ...] = ()  # who is paged too, how long after ``waits_from``
    step: int = 0  # the next of them
    orders: tuple[tuple[Order, ...], ...] = ()  # what each step wants done besides; empty: none does
    acted: bool = False  # somebody has had it, and what follows from that was done
    flaps: bool = False  # quiet is that nothing changes, whether it fires or not
    waits_from: int = 0  # since when it has been waiting for somebody


class GroupRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The body of a ``group`` row."""

    rule: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    worst: int
    first_at: int
    last_at: int
    not_before: int = 0
    handled: int = 0
    muted: Muted | None = None
    expected: Heard | None = None
    window: Window | None = None
    episode: Episode | None = None
    noted: Episode | None = None


class Group(msgspec.Struct, gc=False):
    """The alerts handled as one: those of one rule with equal values. Gone when it holds nothing."""

    id: int
    rule: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    worst: int = 0  # highest severity reported since it began
    first_at: int = 0  # since when it has held an alert without a break
    last_at: int = 0  # newest occurrence; in an episode also when the last stateful alert fell silent
    not_before: int = 0  # timers wait until then: a restart's grace
    window: Window | None = None
    episode: Episode | None = None
    # Below: not in the row; follows from the alerts' rows and the rules.
    members: list[int] = []  # row ids of its alerts, rising
    firing: int = 0  # how many of them are stateful
    due: int = 0  # when its timer fires; 0: none
    handled: int = 0  # a person resolved its incident: when to look again; in the row
    muted: Muted | None = None  # in the row
    expected: Heard | None = None  # in the row
    noted: Episode | None = None  # held, and told of by its rule's ``otherwise``: becomes the episode when it opens; in the row

    @property
    def told(self) -> Episode:
        """The episode, or what was told before there is one."""
        found = self.episode or self.noted
        assert found is not None
        return found


class Storm(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A digest incident for one team: what a limit would not let page on its own. Its row is itself without ``held``."""

    number: int  # the incident's, and the row's id
    scope: Scope
    owner: str  # name of the team or channel, or rule id, whose limit it was
    team: str  # who is told: a team, or a channel's reference
    limit: str  # as people read it: 20 in 10m
    key: str
    opened_at: int
    pages: tuple[Page, ...]
    severity: int  # what PagerDuty was told
    worst: int
    told_at: int
    changed: bool = False  # holds other groups than PagerDuty was told
    not_before: int = 0
    folded: int = 0  # incidents it ever took in
    paged_services: list[str] = []  # those that broke through


class LiveStorm(msgspec.Struct, gc=False):
    """A storm and what follows from other rows."""

    row: Storm
    held: list[int] = []  # group ids, rising
    services: dict[str, int] = {}  # how many held groups per service
    due: int = 0


class Numbers(msgspec.Struct, kw_only=True, tag="numbers", omit_defaults=True):
    """The last numbers given out, and the rules in force. The ``counter`` row with id NUMBERS_ID."""

    incident: int = 0
    group: int = 0
    counter: int = 1
    ruleset: str = ""  # version of the rules that decided last; empty: none was journalled yet


NUMBERS_ID = 1


class SharedWindow(msgspec.Struct, kw_only=True, tag="window", omit_defaults=True):
    """The ``counter`` row of a rule that counts ``per`` other fields than it groups by."""

    rule: str
    names: tuple[str, ...]
    values: tuple[str, ...]
    window: Window


class LimitWindow(msgspec.Struct, kw_only=True, tag="limit", omit_defaults=True):
    """The ``counter`` row of a limit: when it let an episode page, oldest first."""

    scope: Scope
    owner: str
    times: list[int]


class Collected(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """What a digest says of one service and name."""

    service: str
    name: str
    summary: str  # the newest
    severity: int  # the worst
    opened: int = 0
    ended: int = 0  # also of what an earlier digest, or the channel before it collected, told of


class DigestRow(msgspec.Struct, kw_only=True, tag="digest", omit_defaults=True):
    """The ``counter`` row of a digest that a channel collects. When it is due follows from the rules."""

    channel: str
    key: str
    began_at: int
    entries: list[Collected] = []
    more: int = 0  # further things that are only counted
    worst: int = 0


CounterRow = Numbers | SharedWindow | LimitWindow | DigestRow
