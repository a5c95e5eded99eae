"""All that is true now, what of it has changed, and what this step has said.

One instance per engine, owned by ``core.Engine``; the other parts read and change it through the methods here. Keeps these
invariants: every change marks its row; a row is encoded once per step, whatever happened to it; everything that is not in a
row follows from the rows and the rules, so ``snapshot.restore`` rebuilds exactly what was. Alerts are kept as the objects that
came in, which the register holds as well; after a restart as the bytes of their rows, until they change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from sys import intern
from typing import Protocol

import msgspec

from router.engine.keys import digest
from router.engine.policy import Policy, Ready, Values
from router.engine.rows import (
    BY_VALUE,
    NUMBERS_ID,
    CounterRow,
    DigestRow,
    Episode,
    Group,
    GroupRow,
    LimitWindow,
    LiveStorm,
    Muted,
    Numbers,
    SharedWindow,
    Window,
    split,
)
from router.engine.timers import DIGEST, GROUP, SHARED, SILENCE, STORM, Timers
from router.engine.trigger import due_of
from router.model.alert import Alert
from router.model.decision import Action, Decision, Reason
from router.model.digest import Digest
from router.model.event import Event
from router.model.incident import Incident
from router.model.ruleset import Count, Flapping
from router.model.silence import Silence
from router.model.transition import ActiveAlert, AlertAsJournalled, StateRow, Transition

UPDATE_SPACING_MS = 60_000
"""Between two updates of one episode or storm digest."""

_encode = msgspec.json.Encoder().encode
_decode_active = msgspec.json.Decoder(ActiveAlert).decode


class Watcher(Protocol):
    """Who wants to hear of every alert that comes, changes or goes."""

    def arrived(self, row_id: int, alert: Alert) -> None:
        """It is active, or says something else than before."""
        ...

    def left(self, row_id: int) -> None:
        """It is active no more."""
        ...


class State:
    """Tables, timers and the step under way."""

    def __init__(self, policy: Policy, now: int) -> None:
        """Nothing is active."""
        self.policy = policy
        self.now = now
        self.identities: dict[str, dict[str, int]] = {}  # source -> fingerprint -> row id
        self.alerts: dict[int, ActiveAlert | bytes] = {}  # bytes: restored from a row and not needed since
        self.groups: dict[int, Group] = {}
        self.tables: dict[tuple[str, Values], dict[Values, Group]] = {}  # (rule, names) -> values -> group
        self.episodes: dict[str, Group] = {}  # by dedup key
        self.storms: dict[int, LiveStorm] = {}
        self.storm_keys: dict[str, LiveStorm] = {}
        self.storm_places: dict[tuple[str, str, str], LiveStorm] = {}  # (scope, owner, team)
        self.shared: dict[int, SharedWindow] = {}
        self.shared_ids: dict[tuple[str, Values, Values], int] = {}
        self.limits: dict[tuple[str, str], tuple[int, LimitWindow]] = {}
        self.numbers = Numbers()
        self.silences: dict[int, Silence] = {}
        self.noted: dict[str, Group] = {}  # by dedup key: held, and told of
        self.digests: dict[str, tuple[int, DigestRow]] = {}  # by channel: counter row, what is collected
        self.muted: set[int] = set()  # ids of groups with ``muted``
        self.watcher: Watcher | None = None
        self.timers = Timers()
        self.timers.watch(self.groups, self.storms)
        self.decisions: list[Decision] = []
        self.events: list[Event] = []
        self._incidents: dict[int, Incident | Group | LiveStorm] = {}
        self._alert_rows: dict[int, ActiveAlert | AlertAsJournalled | None] = {}
        self._group_rows: dict[int, Group | None] = {}
        self._storm_rows: dict[int, LiveStorm | None] = {}
        self._counter_rows: dict[int, CounterRow | None] = {}
        self._silence_rows: dict[int, Silence | None] = {}

    # What this step says.

    def decide(  # noqa: PLR0917 -- called for every alert; keywords would cost more than the call
        self,
        action: Action,
        reason: Reason,
        seq: int,
        rule: str = "",
        group: str = "",
        key: str = "",
        cause: str = "",
        teams: tuple[str, ...] = (),
        channels: tuple[str, ...] = (),
    ) -> None:
        """Record one decision at the present instant."""
        self.decisions.append(
            Decision(
                at=self.now,
                action=action,
                reason=reason,
                alert_seq=seq,
                rule=rule,
                group=group,
                episode=key and key.rpartition("/")[2],
                dedup_key=key,
                teams=teams,
                channels=channels,
                cause=cause,
                ruleset=self.policy.version,
            )
        )

    def digest_of(self, group: Group) -> str:
        """The group's 16 hex digits; an open episode has them in its key."""
        if group.episode is not None:
            return group.episode.key.rsplit("/", 2)[1]
        return digest(group.names, group.values)

    # Alerts.

    def row_id(self, alert: Alert) -> int | None:
        """The row of the alert with this identity, if it is active."""
        of_source = self.identities.get(alert.source)
        return None if of_source is None else of_source.get(alert.fingerprint)

    def active(self, row_id: int) -> ActiveAlert:
        """An active alert and its groups."""
        found = self.alerts[row_id]
        return _decode_active(found) if isinstance(found, bytes) else found

    def put_alert(self, row_id: int, alert: Alert, groups: tuple[int, ...], *, is_new: bool = False) -> None:
        """It is active and belongs to these groups; ``is_new``: it is that of the entry whose sequence is the row's id."""
        of_source = self.identities.get(alert.source)
        if of_source is None:
            of_source = self.identities[intern(alert.source)] = {}
        of_source[alert.fingerprint] = row_id
        self.alerts[row_id] = active = ActiveAlert(alert=alert, groups=groups)
        self._alert_rows[row_id] = AlertAsJournalled(groups) if is_new else active
        if self.watcher is not None:
            self.watcher.arrived(row_id, alert)

    def drop_alert(self, row_id: int, alert: Alert) -> None:
        """It is not active any more."""
        of_source = self.identities[alert.source]
        del of_source[alert.fingerprint]
        if not of_source:
            del self.identities[alert.source]
        del self.alerts[row_id]
        self._alert_rows[row_id] = None
        if self.watcher is not None:
            self.watcher.left(row_id)

    # Groups.

    def group_of(self, ready: Ready, alert: Alert) -> Group:
        """The group of this alert under this rule, made if there is none."""
        return self.group_named(ready, ready.values(alert))

    def group_named(self, ready: Ready, values: Values) -> Group:
        """The group of these values under this rule, made if there is none."""
        table = self.tables.get(ready.table_key)
        if table is None:
            table = self.tables[ready.table_key] = {}
        group = table.get(values)
        if group is None:
            numbers = self.numbers
            numbers.group += 1
            self._counter_rows[NUMBERS_ID] = numbers
            values = tuple([intern(value) for value in values])
            group = Group(id=numbers.group, rule=ready.id, names=ready.rule.group_by, values=values)
            table[values] = group
            self.groups[group.id] = group
        return group

    def join(self, group: Group, row_id: int, *, stateful: bool) -> None:
        """One more alert belongs to it. The first one begins a new run."""
        if group.members:
            insort(group.members, row_id)
        else:
            group.members = [row_id]  # a list made so has no room to spare, and most groups stay alone
            group.first_at = self.now
            group.not_before = group.handled = 0
            if group.muted is not None:
                self.mute(group, None)
            if group.window is None and group.episode is None:
                group.worst = 0
        group.firing += stateful

    def leave(self, group: Group, row_id: int, *, stateful: bool) -> None:
        """One alert less; of an episode that waits for quiet, the quiet begins when the last stateful one leaves."""
        del group.members[bisect_left(group.members, row_id)]
        if stateful:
            group.firing -= 1
            if not group.firing and (group.episode is not None or group.muted is not None or group.expected is not None):
                group.last_at = self.now
                self.touch(group)

    def touch(self, group: Group) -> None:
        """Its row is to be written."""
        self._group_rows[group.id] = group

    def touch_incident(self, number: int, owner: Group | LiveStorm | Incident) -> None:
        """Its incident is to be written: as its owner is at the end of the step, or as given."""
        self._incidents[number] = owner

    def settle(self, group: Group) -> None:
        """After a change: gone if it holds nothing, else its timer is set."""
        window = group.window
        if not group.members and group.episode is None and group.expected is None and (window is None or not window.times):
            if group.noted is None:
                del self.groups[group.id]
                table_key = (group.rule, group.names)
                del self.tables[table_key][group.values]
                self._group_rows[group.id] = None
                if group.due:
                    self.timers.move(GROUP, group.id, group.due, 0)
                self.muted.discard(group.id)
                return
            due = self.now  # whoever was told of it hears that it is over
        else:
            due = due_of(group, self.policy.rule(group.rule), self.now, UPDATE_SPACING_MS)
        before = group.due
        if due != before:
            group.due = due
            self.timers.move(GROUP, group.id, before, due)

    @staticmethod
    def is_bare(group: Group) -> bool:
        """Whether it holds nothing but what was told of it."""
        window = group.window
        return not group.members and group.episode is None and group.expected is None and (window is None or not window.times)

    # Numbers, storms, limits, shared windows.

    def next_incident(self) -> int:
        """A number never given before."""
        self.numbers.incident += 1
        self._counter_rows[NUMBERS_ID] = self.numbers
        return self.numbers.incident

    def next_counter(self) -> int:
        """A counter row's id never given before."""
        self.numbers.counter += 1
        self._counter_rows[NUMBERS_ID] = self.numbers
        return self.numbers.counter

    def put_counter(self, counter_id: int, row: LimitWindow | SharedWindow | DigestRow | None) -> None:
        """The counter row is to be written, or deleted."""
        self._counter_rows[counter_id] = row

    def add_storm(self, storm: LiveStorm) -> None:
        """It is open."""
        row = storm.row
        self.storms[row.number] = self.storm_keys[row.key] = storm
        self.storm_places[row.scope, row.owner, row.team] = storm

    def touch_storm(self, storm: LiveStorm) -> None:
        """Its row is to be written and its timer set."""
        number = storm.row.number
        self._storm_rows[number] = storm
        due = 0
        if storm.row.changed or storm.row.worst > storm.row.severity:
            due = max(storm.row.told_at + UPDATE_SPACING_MS, storm.row.not_before)
        before = storm.due
        if due != before:
            storm.due = due
            self.timers.move(STORM, number, before, due)

    def drop_storm(self, storm: LiveStorm) -> None:
        """It is over."""
        number = storm.row.number
        del self.storms[number]
        row = storm.row
        del self.storm_keys[row.key]
        del self.storm_places[row.scope, row.owner, row.team]
        self._storm_rows[number] = None
        if storm.due:
            self.timers.move(STORM, number, storm.due, 0)

    def shared_window(self, ready: Ready, values: Values) -> tuple[int, Window]:
        """The window of a rule that counts per other fields, made if there is none."""
        assert ready.per_key is not None
        rule_id, names = ready.per_key
        window_id = self.shared_ids.get((rule_id, names, values))
        if window_id is None:
            window_id = self.next_counter()
            self.shared_ids[rule_id, names, values] = window_id
            self.shared[window_id] = SharedWindow(rule=rule_id, names=names, values=values, window=Window(times=[]))
        return window_id, self.shared[window_id].window

    def settle_shared(self, window_id: int) -> None:
        """After a change: gone if it counts nothing or its rule counts otherwise now, else its timer is set."""
        row = self.shared[window_id]
        ready = self.policy.rule(row.rule)
        when = None if ready is None or ready.per_key != (row.rule, row.names) else ready.rule.when
        due = row.window.times[-1] + when.within_ms if isinstance(when, Count) and row.window.times else 0
        if due > self.now:
            self._counter_rows[window_id] = row
            self.timers.put(SHARED, window_id, due)
            return
        del self.shared[window_id]
        del self.shared_ids[row.rule, row.names, row.values]
        self.timers.put(SHARED, window_id, 0)
        self._counter_rows[window_id] = None

    # Mutes.

    def mute(self, group: Group, muted: Muted | None) -> None:
        """What keeps this group from paging, or that nothing does any more."""
        group.muted = muted
        if muted is None:
            self.muted.discard(group.id)
        else:
            self.muted.add(group.id)
        self.touch(group)

    def put_silence(self, row_id: int, silence: Silence) -> None:
        """It is in force, or will be."""
        self.silences[row_id] = self._silence_rows[row_id] = silence
        self.timers.put(SILENCE, row_id, silence.until)

    def drop_silence(self, row_id: int) -> None:
        """It is over."""
        del self.silences[row_id]
        self._silence_rows[row_id] = None
        self.timers.put(SILENCE, row_id, 0)

    # Beginning and end of a step.

    def remember_rules(self) -> None:
        """The state names the rules it was made by: after a restart what is undecided goes on under them."""
        if self.numbers.ruleset != self.policy.version:
            self.numbers.ruleset = self.policy.version
            self._counter_rows[NUMBERS_ID] = self.numbers

    def adopt(self, policy: Policy) -> None:
        """Other rules from now on: every timer is what the new rules make of the state."""
        self.policy = policy
        for group in list(self.groups.values()):
            ready = policy.rule(group.rule)
            if (
                group.window is not None
                and ready is not None
                and (not isinstance(ready.rule.when, Count | Flapping) or ready.per)
            ):
                group.window = None  # its rule no longer counts here; nothing would ever empty it
                self.touch(group)
            self.settle(group)
        for window_id in list(self.shared):
            self.settle_shared(window_id)
        for key, (counter_id, _) in list(self.limits.items()):
            if policy.limit(*key) is None:
                del self.limits[key]
                self._counter_rows[counter_id] = None
        self.settle_digests()

    def settle_digests(self) -> None:
        """When each is due under the rules in force; at once where its channel collects no more."""
        for name in self.digests:
            channel = self.policy.ruleset.channels.get(name)
            self.settle_digest(name, None if channel is None else channel.digest)

    def settle_digest(self, channel: str, policy: Digest | None) -> None:
        """Set the timer of one."""
        counter_id, row = self.digests[channel]
        self.timers.put(DIGEST, counter_id, self.now if policy is None else policy.due(row.began_at))

    def flush(self) -> Transition:
        """All that changed since the last flush, each row encoded once."""
        changes = [
            StateRow("alert", row_id, None if body is None else _encode(body)) for row_id, body in self._alert_rows.items()
        ]
        changes += [
            StateRow("group", row_id, None if group is None else _encode_group(group))
            for row_id, group in self._group_rows.items()
        ]
        changes += [
            StateRow("storm", row_id, None if storm is None else _encode(storm.row))
            for row_id, storm in self._storm_rows.items()
        ]
        changes += [
            StateRow("counter", row_id, None if row is None else _encode(row)) for row_id, row in self._counter_rows.items()
        ]
        changes += [
            StateRow("silence", row_id, None if silence is None else _encode(silence))
            for row_id, silence in self._silence_rows.items()
        ]
        incidents = [owner if isinstance(owner, Incident) else self.incident_of(owner) for owner in self._incidents.values()]
        transition = Transition(decisions=self.decisions, events=self.events, incidents=incidents, changes=changes)
        self.decisions = []
        self.events = []
        self._incidents = {}
        self._alert_rows = {}
        self._group_rows = {}
        self._storm_rows = {}
        self._counter_rows = {}
        self._silence_rows = {}
        return transition

    def incident_of(self, owner: Group | LiveStorm, closed_at: int = 0) -> Incident:
        """The incident's row as of now."""
        if isinstance(owner, LiveStorm):
            return storm_incident(owner, closed_at)
        return self.episode_incident(owner, owner.told, closed_at)

    def episode_incident(self, owner: Group, episode: Episode, closed_at: int = 0) -> Incident:
        """The same for what is no episode yet."""
        teams, channels = split(episode.pages)
        return Incident(
            number=episode.number,
            rule=owner.rule,
            group=episode.key.rsplit("/", 2)[1],
            dedup_key=episode.key,
            teams=teams,
            channels=channels,
            service=episode.service,
            name=episode.name,
            summary=episode.summary,
            severity=BY_VALUE[episode.worst],
            status="closed" if closed_at else "open",
            opened_at=episode.opened_at,
            closed_at=closed_at,
            alerts=episode.alerts,
            occurrences=episode.occurrences,
            storm=episode.storms[0] if episode.storms else 0,
        )


def storm_incident(storm: LiveStorm, closed_at: int = 0) -> Incident:
    """A storm digest's incident row as of now."""
    row = storm.row
    teams, channels = split(row.pages)
    return Incident(
        number=row.number,
        rule=row.owner if row.scope == "rule" else "",
        group="",
        dedup_key=row.key,
        teams=teams,
        channels=channels,
        service="alert-router",
        name="storm",
        summary=storm_summary(storm),
        severity=BY_VALUE[row.worst],
        status="closed" if closed_at else "open",
        opened_at=row.opened_at,
        closed_at=closed_at,
        alerts=row.folded,
        occurrences=row.folded,
        holds=row.folded,
    )


def storm_summary(storm: LiveStorm) -> str:
    """One line: how many it holds, of whose limit."""
    row = storm.row
    of = f"{row.scope} {row.owner}"
    held = len(storm.held)
    return f"Storm: {held} incident{'' if held == 1 else 's'} above the limit of {of}"


def _encode_group(group: Group) -> bytes:
    return _encode(
        GroupRow(
            rule=group.rule,
            names=group.names,
            values=group.values,
            worst=group.worst,
            first_at=group.first_at,
            last_at=group.last_at,
            not_before=group.not_before,
            handled=group.handled,
            muted=group.muted,
            expected=group.expected,
            window=group.window,
            episode=group.episode,
            noted=group.noted,
        )
    )
