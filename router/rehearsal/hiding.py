"""What a silence would hide: of what fires now, and of the pages of the time behind us.

The past is asked of the one engine: the journal is replayed twice under the rules in force, without the silence and with it
from the beginning, and what only the first pages is what it would have hidden. Reads the store, and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from router.engine.match import concerns
from router.engine.rows import GroupRow
from router.model.alert import Alert
from router.model.journal import Entry, SilenceChanged
from router.model.ruleset import FileSilence, Match, RuleSet, Standing
from router.model.severity import Severity
from router.model.silence import Silence
from router.model.transition import ActiveAlert
from router.rehearsal.comparing import Comparison, Effect, Listed
from router.rehearsal.replaying import LEAD_MS, Replay, batches, taken_by_people
from router.store.base import Reader

WEEK_MS = 7 * 24 * 3_600_000
MAX_LISTED = 50
"""Alerts, and pages, that are named; the rest is a number."""

_CHUNK = 1_000
_FOREVER = 2**62
_ID = "preview"


class HiddenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fires and would be muted. ``is_open``: it is part of an incident that is open, and stays so."""

    seq: int
    service: str
    name: str
    severity: Severity
    summary: str
    is_open: bool


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """Now: how many alerts, the first of them by name. Before: how many pages, how many of them mattered, the worst by name.

    ``since`` and ``until`` (ms UTC) bound what was looked at; ``entries`` is how many journal entries that was.
    """

    alerts: int
    firing: tuple[HiddenAlert, ...]
    since: int
    until: int
    entries: int
    pages: int = 0
    acknowledged: int = 0
    critical: int = 0
    by_team: dict[str, int] = {}
    listed: tuple[Listed, ...] = ()


def find_hidden(
    reader: Reader,
    ruleset: RuleSet | None,
    silence: Silence,
    *,
    now: int,
    most_entries: int | None = None,
    advance: Callable[[int], None] = lambda _count: None,
) -> Hidden:
    """What this silence would hide, or has hidden. ``ruleset`` None: nothing was ever decided, so nothing was paged.

    ``most_entries``: look at no more than about the newest so many, for those who may not take long.
    """
    match = silence.match.compile()
    alerts, firing = _find_firing(reader, match)
    since = max(0, now - WEEK_MS)
    if ruleset is None:
        return Hidden(alerts=alerts, firing=firing, since=since, until=now, entries=0)
    entries = _entries(reader, since - LEAD_MS, _first_seq(reader, most_entries), silence.id)
    effect, counts = _compare(ruleset, match, entries, since=since, until=now, advance=advance)
    listed = effect.lost[:MAX_LISTED]
    return Hidden(
        alerts=alerts,
        firing=firing,
        since=effect.since,
        until=now,
        entries=effect.entries,
        pages=effect.lost_pages,
        acknowledged=effect.lost_acknowledged,
        critical=effect.lost_critical,
        by_team=counts,
        listed=listed,
    )


def _find_firing(reader: Reader, match: Match) -> tuple[int, tuple[HiddenAlert, ...]]:
    """Of what fires now: how many, and the first of them."""
    opened = _open_groups(reader)
    count = 0
    found: list[HiddenAlert] = []
    after = 0
    while rows := reader.state("alert", after_id=after, limit=_CHUNK):
        after = rows[-1].id
        for row in rows:
            if row.body is None:
                continue
            active = msgspec.json.decode(row.body, type=ActiveAlert)
            if not concerns(match, active.alert):
                continue
            count += 1
            if len(found) < MAX_LISTED:
                found.append(_describe(row.id, active.alert, is_open=not opened.isdisjoint(active.groups)))
    return count, tuple(found)


def _open_groups(reader: Reader) -> set[int]:
    found: set[int] = set()
    after = 0
    while rows := reader.state("group", after_id=after, limit=_CHUNK):
        after = rows[-1].id
        for row in rows:
            if row.body is not None and msgspec.json.decode(row.body, type=GroupRow).episode is not None:
                found.add(row.id)
    return found


def _describe(seq: int, alert: Alert, *, is_open: bool) -> HiddenAlert:
    return HiddenAlert(
        seq=seq, service=alert.service, name=alert.name, severity=alert.severity, summary=alert.summary, is_open=is_open
    )


def _first_seq(reader: Reader, most: int | None) -> int:
    """Behind which entry to begin, to look at about so many. Sequences rise without repeats, so it is no more than that."""
    if most is None:
        return 0
    newest = max((row.decision.alert_seq for row in reader.decisions(limit=100)), default=0)
    return max(0, newest - most)


def _entries(reader: Reader, since: int, after_seq: int, silence: str) -> Iterator[Entry]:
    """The journal, as it would be had this silence not been added."""
    begin: int | None = max(0, since)
    while chunk := reader.entries(after_seq=after_seq, since=begin, limit=_CHUNK):
        yield from (entry for entry in chunk if not (isinstance(entry.fact, SilenceChanged) and entry.fact.id == silence))
        after_seq, begin = chunk[-1].seq, None


def _compare(
    ruleset: RuleSet, match: Match, entries: Iterator[Entry], *, since: int, until: int, advance: Callable[[int], None]
) -> tuple[Effect, dict[str, int]]:
    # What people add mutes guards, too; of what stands in files only a guard's own does.
    silence = FileSilence(id=_ID, match=match, until=_FOREVER, reason=_ID, standing=Standing(guard=True))
    without = Replay(ruleset)
    silenced = Replay(msgspec.structs.replace(ruleset, silences=(*ruleset.silences, silence)))
    comparison = Comparison(since=since)
    count = first = 0

    def turn(batch: Sequence[Entry], to: int) -> None:
        comparison.take(without.take(batch, to), silenced.take(batch, to), taken_by_people(batch))

    for batch in batches(entries):
        first = first or batch[0].at
        turn(batch, batch[-1].at)
        count += len(batch)
        advance(len(batch))
    turn([], until)
    effect = comparison.finish(since=max(since, first), until=until, entries=count)
    assert effect.before is not None
    fewer = Counter(effect.before.by_team)
    fewer.subtract(effect.after.by_team)
    return effect, {team: number for team, number in sorted(fewer.items()) if number > 0}
