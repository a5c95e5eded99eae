"""What keeps an alert from paging: its rule's schedule, maintenance, silences, other alerts.

Definitions. A mute keeps triggers back, never resolves; counts and holds go on under it. A group opens unless all of its alerts
are muted; until then it is *muted*: it remembers what it would have opened for, and opens when one of its mutes has ended and
one of its alerts is free. What has resolved (or gone quiet, under a rule that closes so) by then pages nobody. While an episode
is open, an alert that is muted does not make it more severe.

Must never do: look at every alert where the rule set and the people have muted nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from router.engine.finder import Finder
from router.engine.inhibiting import Inhibiting
from router.engine.match import concerns
from router.engine.page import missing
from router.engine.policy import Ready
from router.engine.rows import Group, Muted
from router.engine.state import State
from router.engine.trigger import Verdict
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.journal import SilenceChanged
from router.model.ruleset import Maintenance, Match, Rule, Standing
from router.model.schedule import Schedule
from router.model.silence import MAX_SILENCES, Silence

WORDS_CAP = 200
"""Characters of a mute's reason that a decision repeats."""


class Mute(NamedTuple):
    """Why an alert pages nobody, and when to look again (0: at no time of its own)."""

    reason: Reason
    name: str  # kind:id
    words: str
    until: int


class Muting(NamedTuple):
    """Everything that mutes one alert now, for those who look in from outside."""

    silences: tuple[str, ...] = ()  # ids of those that people added
    inhibitors: tuple[str, ...] = ()  # fingerprints of the alerts that say it already, at most two of each inhibition
    others: tuple[str, ...] = ()  # kind:id of maintenance and of silences in files; schedules that keep all of its rules shut


class Look(NamedTuple):
    """What a look at all alerts of a group found: one that is free, or why none is."""

    row_id: int
    alert: Alert | None  # the worst that is free
    muted: Mute | None  # of the first that is not
    by: tuple[str, ...]  # of all that are not
    until: int
    kept: int  # the worst severity that is not free


class Mutes:
    """Asked before anything is opened or made worse."""

    def __init__(self, state: State) -> None:
        """Work on this state."""
        self._state = state
        self.adopt()

    def adopt(self) -> None:
        """Take over what the rule set mutes, and all that fires."""
        state = self._state
        ruleset = state.policy.ruleset
        self._maintenance = ruleset.maintenance
        self._in_maintenance = Finder([each.match for each in ruleset.maintenance])
        self._file_silences = ruleset.silences
        self._in_files = Finder([each.match for each in ruleset.silences])
        self._inhibiting = Inhibiting(ruleset.inhibitions)
        self._inhibitions = {each.id: each.standing for each in ruleset.inhibitions}
        self._added: list[tuple[int, Silence]] = []
        self._until_resolved: dict[int, tuple[Match, set[int]]] = {}  # silence row -> what it matches of what fires
        self._index_silences()
        if state.watcher is not None:
            for row_id in state.alerts:
                self.arrived(row_id, state.active(row_id).alert)

    def _index_silences(self) -> None:
        """After a silence came or went."""
        state = self._state
        self._added = sorted(state.silences.items())
        matches = [silence.match.compile() for _, silence in self._added]
        self._in_added = Finder(matches)
        known = self._until_resolved
        self._until_resolved = {
            row_id: known.get(row_id, (match, set()))
            for (row_id, silence), match in zip(self._added, matches, strict=True)
            if silence.until_resolved
        }
        self.active = bool(self._maintenance or self._file_silences or self._inhibiting or self._added)
        state.watcher = self if self._inhibiting or self._until_resolved else None

    # What mutes one alert.

    def of(self, ready: Ready | None, alert: Alert) -> Mute | None:
        """What mutes this alert under this rule (None: it was removed) now; None: it is free."""
        mute = None if ready is None else self._of_rule(ready.rule)
        if mute is None and self.active:
            return self._of_alert(alert, guarded=ready is not None and ready.rule.standing.guard)
        return mute

    def concern(self, ready: Ready) -> bool:
        """Whether this rule's pages have to ask at all."""
        return self.active or ready.scheduled

    def besides_schedule(self, ready: Ready, alert: Alert) -> Mute | None:
        """The same, whatever its rule's schedule says."""
        return self._of_alert(alert, guarded=ready.rule.standing.guard) if self.active else None

    def _of_rule(self, rule: Rule) -> Mute | None:
        if not (rule.during or rule.outside):
            return None
        now = self._state.now
        shut = next((schedule for schedule in rule.outside if schedule.contains(now)), None)
        if shut is not None:
            words = f"in {shut.name}"
        elif rule.during and not any(schedule.contains(now) for schedule in rule.during):
            words = f"not in {' or '.join([schedule.name for schedule in rule.during])}"
        else:
            return None
        return Mute(Reason.OUTSIDE_SCHEDULE, f"schedule:{rule.id}", words, self._next_change((*rule.during, *rule.outside)))

    def _next_change(self, schedules: tuple[Schedule, ...]) -> int:
        changes = [change for schedule in schedules if (change := schedule.next_change(self._state.now)) is not None]
        return min(changes, default=0)

    def _reaches(self, standing: Standing, alert: Alert, *, guarded: bool) -> bool:
        """Whether what stands in such a file may mute this alert, under a rule that a guard file holds or another."""
        if guarded and not standing.guard:
            return False
        return not standing.owners or self._state.policy.owns(standing.owners, alert.service)

    def _of_alert(self, alert: Alert, *, guarded: bool) -> Mute | None:
        now = self._state.now
        for position in self._in_maintenance.find(alert):
            maintenance = self._maintenance[position]
            mute = self._in_force(maintenance)
            if mute is not None and self._reaches(maintenance.standing, alert, guarded=guarded):
                return mute
        for position in self._in_files.find(alert):
            given = self._file_silences[position]
            if given.starts_at <= now < given.until and self._reaches(given.standing, alert, guarded=guarded):
                return Mute(Reason.SILENCED, f"silence:{given.id}", _words("silence", given.id, given.reason), given.until)
        for position in self._in_added.find(alert):
            added = self._added[position][1]
            if added.starts_at <= now < added.until:
                return Mute(Reason.SILENCED, f"silence:{added.id}", _words("silence", added.id, added.reason), added.until)
        found = next(self._inhibitors(alert, guarded=guarded), None)
        if found is not None:
            inhibition, source = found
            words = _words("inhibition", inhibition, f"{source.service} {source.name}".strip())
            return Mute(Reason.INHIBITED, f"inhibition:{inhibition}", words, 0)
        return None

    def all_of(self, alert: Alert) -> Muting:
        """Everything that mutes this alert; ``of`` answers the first."""
        state = self._state
        now = state.now
        rules = [ready.rule for ready in state.policy.find(alert) if ready.tells and not ready.drop]
        guarded = any(rule.standing.guard for rule in rules)
        shut = [self._of_rule(rule) for rule in rules]
        others = [mute.name for mute in shut if mute is not None]
        if len(others) < len(shut):  # another of its rules pages
            others = []
        if not self.active:
            return Muting(others=tuple(others))
        windows = [self._maintenance[position] for position in self._in_maintenance.find(alert)]
        given = [self._in_force(each) for each in windows if self._reaches(each.standing, alert, guarded=guarded)]
        others += [mute.name for mute in given if mute is not None]
        in_files = [self._file_silences[position] for position in self._in_files.find(alert)]
        others += [
            f"silence:{each.id}"
            for each in in_files
            if each.starts_at <= now < each.until and self._reaches(each.standing, alert, guarded=guarded)
        ]
        added = [self._added[position][1] for position in self._in_added.find(alert)]
        return Muting(
            silences=tuple(each.id for each in added if each.starts_at <= now < each.until),
            inhibitors=tuple(dict.fromkeys(source.fingerprint for _, source in self._inhibitors(alert, guarded=guarded))),
            others=tuple(others),
        )

    def _inhibitors(self, alert: Alert, *, guarded: bool) -> Iterator[tuple[str, Alert]]:
        """The inhibitions that mute it, each with the alerts that it is muted by."""
        for inhibition, rows in self._inhibiting.find(alert):
            if not self._reaches(self._inhibitions[inhibition], alert, guarded=guarded):
                continue
            for row_id in rows:
                source = self._state.active(row_id).alert
                # What it said before it changed is no reason to keep back what it says now.
                if source.identity != alert.identity:
                    yield inhibition, source

    def _in_force(self, maintenance: Maintenance) -> Mute | None:
        now = self._state.now
        until = 0
        if maintenance.starts_at <= now < maintenance.until:
            until = maintenance.until
        elif any(schedule.contains(now) for schedule in maintenance.schedules):
            until = self._next_change(maintenance.schedules)
        else:
            return None
        words = _words("maintenance", maintenance.id, maintenance.reason)
        return Mute(Reason.IN_MAINTENANCE, f"maintenance:{maintenance.id}", words, until)

    # Groups.

    def look(self, ready: Ready | None, group: Group) -> Look:
        """All alerts of the group: the worst that is free, and what mutes the others."""
        free: tuple[int, Alert] | None = None
        first: Mute | None = None
        by: dict[str, None] = {}
        until = kept = 0
        for row_id in group.members or ([0] if group.expected is not None else ()):
            alert = self._state.active(row_id).alert if row_id else missing(group, ready)
            mute = self.of(ready, alert)
            if mute is None:
                if free is None or alert.severity > free[1].severity:
                    free = (row_id, alert)
                continue
            first = first or mute
            kept = max(kept, alert.severity)
            by[mute.name] = None
            until = _sooner(until, mute.until)
        row_id, alert_ = free or (0, None)
        return Look(row_id, alert_, first, tuple(by), until, kept)

    def keep_back(self, ready: Ready, group: Group, mute: Mute, verdict: Verdict, seq: int) -> None:
        """It would open now, and may not. Where there are other alerts, they are looked at at once."""
        state = self._state
        muted = Muted(
            reason=mute.reason,
            words=mute.words,
            by=(mute.name,),
            until=state.now if len(group.members) > 1 else mute.until,
            opens_for=verdict.reason,
            cause=verdict.cause,
            counted=verdict.counted,
            first_at=verdict.first_at,
        )
        group.window = None
        state.mute(group, muted)
        state.decide(Action.SUPPRESS, mute.reason, seq, ready.id, state.digest_of(group), cause=mute.words)

    def release(self, group: Group) -> Verdict:
        """The group is muted no more; what it opens for."""
        muted = group.muted
        assert muted is not None
        self._state.mute(group, None)
        cause = f"{muted.cause}, after {muted.words}" if muted.cause else f"after {muted.words}"
        return Verdict(opens=True, reason=muted.opens_for, cause=cause, counted=muted.counted, first_at=muted.first_at)

    def watch(self, group: Group, look: Look) -> None:
        """The group has an episode now, and some of its alerts are still muted: one may be worse than what was told."""
        if look.muted is not None:
            mute = look.muted
            self._state.mute(group, Muted(reason=mute.reason, words=mute.words, by=look.by, until=look.until))

    def hold_step(self, group: Group, look: Look) -> None:
        """An escalation is due, and all that fires is muted."""
        state = self._state
        episode, mute = group.episode, look.muted
        assert episode is not None
        assert mute is not None
        muted = Muted(reason=mute.reason, words=mute.words, by=look.by, until=look.until, holds_step=True)
        state.mute(group, muted)
        cause = f"{mute.words}, escalation waits"
        state.decide(Action.SUPPRESS, mute.reason, 0, group.rule, state.digest_of(group), episode.key, cause)

    def join(self, group: Group, mute: Mute, seq: int, *, occurred: bool) -> None:
        """One more muted alert of a group that is muted already, or of an open episode that it would have made worse."""
        state = self._state
        muted = group.muted
        episode = group.episode
        if muted is None:
            muted = Muted(reason=mute.reason, words=mute.words, by=())
        by = muted.by if mute.name in muted.by else (*muted.by, mute.name)
        muted.by, muted.until, muted.counted = by, _sooner(muted.until, mute.until), muted.counted + occurred
        state.mute(group, muted)
        key = "" if episode is None else episode.key
        state.decide(Action.SUPPRESS, mute.reason, seq, group.rule, state.digest_of(group), key, mute.words)

    def still(self, group: Group, look: Look) -> None:
        """Looked at again, and none of its alerts that matter is free."""
        state = self._state
        muted, mute = group.muted, look.muted
        assert muted is not None
        assert mute is not None
        if mute.words != muted.words:
            key = "" if group.episode is None else group.episode.key
            state.decide(Action.SUPPRESS, mute.reason, 0, group.rule, state.digest_of(group), key, mute.words)
        muted.reason, muted.words, muted.by, muted.until = mute.reason, mute.words, look.by, look.until
        state.touch(group)

    def end(self, names: set[str] | None = None) -> None:
        """These mutes (None: maybe any) are not what they were: the groups they muted are looked at anew, at this instant."""
        state = self._state
        for group_id in sorted(state.muted):
            group = state.groups[group_id]
            muted = group.muted
            assert muted is not None
            if names is None or not names.isdisjoint(muted.by):
                muted.until = state.now
                state.touch(group)
                state.settle(group)

    # Silences that people add.

    def change(self, fact: SilenceChanged) -> None:
        """Somebody added a silence, or ended one."""
        state = self._state
        before = next((row_id for row_id, silence in self._added if silence.id == fact.id), None)
        by = f" by {fact.by}" if fact.by else ""
        silence = fact.silence
        if silence is None and before is None:
            state.decide(Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"silence {fact.id} is not in force")
            return
        if silence is not None and before is None and len(self._added) >= MAX_SILENCES:
            state.decide(
                Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"silence {fact.id} refused: {MAX_SILENCES} are in force"
            )
            return
        if before is not None:
            self._until_resolved.pop(before, None)
            state.drop_silence(before)
        if silence is None:
            state.decide(Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"silence {fact.id} ended{by}")
        elif silence.until > state.now:
            state.put_silence(state.next_counter(), silence)
            state.decide(Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"{_words('silence', fact.id, silence.reason)}{by}")
        else:
            state.decide(Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"silence {fact.id} was over before it began")
        self._index_silences()
        self._find_firing()
        self.end({f"silence:{fact.id}"})

    def expire(self, row_id: int) -> None:
        """A silence has come to its end."""
        state = self._state
        silence = state.silences[row_id]
        state.drop_silence(row_id)
        state.decide(Action.NONE, Reason.SILENCE_CHANGED, 0, cause=f"silence {silence.id} is over")
        self._index_silences()
        self.end({f"silence:{silence.id}"})

    def _find_firing(self) -> None:
        """What a new silence that lasts until it has resolved matches of what fires already."""
        for match, rows in self._until_resolved.values():
            if not rows:
                for row_id in self._state.alerts:
                    if concerns(match, self._state.active(row_id).alert):
                        rows.add(row_id)

    # What fires, as state.Watcher.

    def arrived(self, row_id: int, alert: Alert) -> None:
        """It fires, or says something else than before."""
        ended = self._inhibiting.put(row_id, alert)
        if ended:
            self.end({f"inhibition:{name}" for name in ended})
        for silence_id, (match, rows) in list(self._until_resolved.items()):
            if concerns(match, alert):
                rows.add(row_id)
            else:
                self._discard(silence_id, rows, row_id)

    def left(self, row_id: int) -> None:
        """It fires no more."""
        ended = self._inhibiting.drop(row_id)
        if ended:
            self.end({f"inhibition:{name}" for name in ended})
        for silence_id, (_, rows) in list(self._until_resolved.items()):
            self._discard(silence_id, rows, row_id)

    def _discard(self, silence_id: int, rows: set[int], row_id: int) -> None:
        """A silence that lasts until what it matches has resolved ends with the last of it."""
        if row_id in rows:
            rows.discard(row_id)
            if not rows:
                self.expire(silence_id)


def _words(kind: str, name: str, reason: str) -> str:
    return f"{kind} {name}: {reason[:WORDS_CAP]}" if reason else f"{kind} {name}"


def _sooner(one: int, other: int) -> int:
    """The earlier of two times; 0 is none."""
    return min(one, other) if one and other else one or other
