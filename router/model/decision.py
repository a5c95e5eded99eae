"""What was decided and why. Every alert ends in at least one decision with a reason from a closed set."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """What a decision does to the group's episode."""

    OPEN = "open"  # a new episode, its team is paged
    UPDATE = "update"  # the episode is open already; PagerDuty may hear more about it
    NOTIFY = "notify"  # a channel hears of it, or will in its digest; nobody is paged by that
    HOLD = "hold"  # not yet
    SUPPRESS = "suppress"  # not now: muted by a person, a schedule or another alert
    DROP = "drop"  # never: a rule says so
    CLOSE = "close"  # the episode is over, PagerDuty is told
    NONE = "none"  # nothing to do


class Reason(StrEnum):
    """Why. Each has a sentence in docs/reference/reasons.md; a test holds the two together."""

    # open
    AT_ONCE = "at_once"  # the rule has no `when`
    COUNT_REACHED = "count_reached"
    FIRED_LONG_ENOUGH = "fired_long_enough"
    ABSENT = "absent"  # nothing has arrived for the rule's `absent_for`
    FLAPPING = "flapping"  # fires and resolves again and again
    NO_RULE_MATCHED = "no_rule_matched"  # goes to the default team
    FALLBACK = "fallback"  # another team's page could not be delivered
    LIMIT_EXCEEDED = "limit_exceeded"  # opened inside a storm digest instead of on its own
    FIRES_AFTER_RESOLVE = "fires_after_resolve"  # resolved in PagerDuty, and it fires for longer than its rule allows then
    ESCALATED = "escalated"  # nobody has acknowledged for as long as the rule's step says
    BROKE_THROUGH = "broke_through"  # critical from a service the storm does not hold yet
    # update
    ALREADY_OPEN = "already_open"
    SEVERITY_ROSE = "severity_rose"
    STILL_FIRING = "still_firing"  # one alert of the group resolved, others fire
    WAITING_FOR_QUIET = "waiting_for_quiet"  # all resolved; the rule closes only when nothing has occurred for a while
    DIGEST_CHANGED = "digest_changed"  # a storm digest holds other incidents than PagerDuty was told
    ACKNOWLEDGED = "acknowledged"  # a person has it: escalation stops
    ADOPTED = "adopted"  # its rule is no longer in force; another goes on with what it left open
    UNACKNOWLEDGED = "unacknowledged"  # nobody has it any more: escalation begins anew
    CALLED_BACK = "called_back"  # its source is told what somebody did
    ACTED = "acted"  # its rule wants something done to its page
    KEPT_OPEN = "kept_open"  # resolved in PagerDuty, but its rule keeps the episode until its alerts are over
    # notify
    OTHERWISE = "otherwise"  # not paged yet, or not at this time: who the rule's `otherwise` names is told
    DIGESTED = "digested"  # a channel's digest has taken it up
    DIGEST_SENT = "digest_sent"  # a channel's digest was due
    # hold
    COUNT_NOT_REACHED = "count_not_reached"
    NOT_FIRING_LONG_ENOUGH = "not_firing_long_enough"
    NOT_FLAPPING = "not_flapping"  # fewer changes than the rule's `flapping` counts to
    # drop, suppress
    DROPPED_BY_RULE = "dropped_by_rule"
    OUTSIDE_SCHEDULE = "outside_schedule"  # the rule's `during` or `except`
    IN_MAINTENANCE = "in_maintenance"
    SILENCED = "silenced"
    INHIBITED = "inhibited"  # another alert says it already
    HANDLED_BY_PERSON = "handled_by_person"  # resolved in PagerDuty while it fired; the next occurrence pages again
    # close
    ALL_RESOLVED = "all_resolved"
    WENT_QUIET = "went_quiet"
    HEARD_AGAIN = "heard_again"  # what was absent has arrived
    STABLE = "stable"  # what flapped has not changed for the rule's window
    CLOSED_HERE = "closed_here"  # by a person, by command or API: the cause says who and why
    RESOLVED_IN_PAGERDUTY = "resolved_in_pagerduty"  # by a person, or by PagerDuty itself
    # none
    NOTHING_OPEN = "nothing_open"  # a resolve for which no episode was open
    NEVER_RESOLVES = "never_resolves"  # the rule says `resolve: never`
    NO_TEAM = "no_team"  # a matching rule names no one to page
    CHANNEL_REMOVED = "channel_removed"  # a channel that was told of it is not in the configuration any more
    CHANGE_PASSED_ON = "change_passed_on"  # a change event for the team that owns the service
    FORWARDED = "forwarded"  # an event of an inbound key in shadow: it went on to PagerDuty as it came
    HEARD = "heard"  # a rule waits for its absence
    SILENCE_CHANGED = "silence_changed"  # somebody added or ended a silence, or it is over
    UNDECIDABLE = "undecidable"  # the engine failed on it: a mistake of ours; the default team is told plainly
    NO_FALLBACK = "no_fallback"  # a page could not be delivered and there is no other team to try


def words_of(teams: tuple[str, ...], channels: tuple[str, ...]) -> str:
    """Who is paged and who is told, for a sentence: ``payments, and tells ops-chat``."""
    paged = " and ".join(teams)
    told = " and ".join(channels)
    return f"{paged}, and tells {told}" if paged and told else paged or told or "nobody"


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One finding for one alert (or one timer) under one rule.

    ``cause`` holds the figures behind the reason as text a person reads: ``2 of 3 in 5m``. ``alert_seq`` is the journal
    sequence of the alert that led here, 0 when a timer did.
    """

    at: int
    action: Action
    reason: Reason
    alert_seq: int = 0
    rule: str = ""  # rule id; empty: no rule matched
    group: str = ""  # digest of the group's values, 16 hex digits; empty: none
    episode: str = ""  # episode id; empty: none open
    dedup_key: str = ""
    teams: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()  # told besides
    cause: str = ""
    ruleset: str = ""  # version of the rule set that decided
