"""Holds an expectation against what has happened: every key that does not hold, with what was expected and what was found."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from router.errors import Span
from router.model.decision import Action, Decision, Reason
from router.model.event import Event
from router.rehearsal.script import Expectation
from router.rehearsal.stage import Decided, Happening, Told

_SHOWN = 5
_LONGEST = 100


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an expectation that does not hold."""

    span: Span
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        """``file:line:column: expected …, found …``."""
        return f"{self.span}: expected {self.expected}, found {self.found}"


def find_misses(expected: Expectation, happenings: Sequence[Happening], open_incidents: int) -> list[Miss]:
    """Every key that does not hold for these happenings; empty when all is as expected."""
    return _Judge(expected, happenings, open_incidents).judge()


def is_storm(event: Event) -> bool:
    """Whether a page is a storm digest."""
    return event.dedup_key.startswith("storm.") and event.class_ == "storm"


def is_digest(event: Event) -> bool:
    """Whether it is what a channel collected."""
    return event.dedup_key.startswith("digest.") and event.class_ == "digest"


def held_by(event: Event) -> int:
    """How many incidents a storm holds, or a digest names and counts."""
    if not is_digest(event):
        return int(event.details["held"])
    named = sum(max(one["opened"], one["resolved"], 1) for one in event.details["incidents"])
    return int(named) + int(event.details.get("not_named", 0))


class _Judge:
    def __init__(self, expected: Expectation, happenings: Sequence[Happening], open_incidents: int) -> None:
        told = [each.event for each in happenings if isinstance(each, Told) and each.fate == "sent"]
        self.expected = expected
        self.open_incidents = open_incidents
        self.decisions = [each.decision for each in happenings if isinstance(each, Decided)]
        if expected.rule is not None:
            told = [event for event in told if event.rule == expected.rule]
            self.decisions = [decision for decision in self.decisions if decision.rule == expected.rule]
        news = [event for event in told if not event.team]
        self.notices = [event for event in news if event.action == "trigger" and not event.is_update and not is_digest(event)]
        self.digests = [event for event in news if is_digest(event)]
        self.ends = [event for event in news if event.action == "resolve"]
        told = [event for event in told if event.team]
        triggers = [event for event in told if event.action == "trigger"]
        self.pages = [event for event in triggers if not event.is_update and not is_storm(event)]
        self.updates = [event for event in triggers if event.is_update]
        self.storms = [event for event in triggers if is_storm(event)]
        self.resolves = [event for event in told if event.action == "resolve"]
        self.misses: list[Miss] = []

    def judge(self) -> list[Miss]:
        expected = self.expected
        self._judge_pages()
        self._judge_notices()
        self._judge_words()
        if expected.resolve is not None:
            self._judge_teams("resolve", expected.resolve, self.resolves, "a resolve", counted=False)
        if expected.no_resolve and self.resolves:
            self._miss("no_resolve", "no resolve", _shown(self.resolves, "resolves"))
        self._judge_cause("held", expected.held, Action.HOLD, "held")
        self._judge_cause("dropped", expected.dropped, Action.DROP, "dropped")
        self._judge_cause("suppressed", expected.suppressed, Action.SUPPRESS, "suppressed")
        self._judge_deeds()
        reasons = {decision.reason for decision in self.decisions}
        for reason in expected.reason:
            if reason not in reasons:
                self._miss("reason", f"a decision with the reason {reason.value}", self._shown_decisions())
        if expected.open is not None and expected.open != self.open_incidents:
            self._miss("open", _count(expected.open, "open incident"), str(self.open_incidents))
        return self.misses

    def _miss(self, key: str, expected: str, found: str) -> None:
        spans = self.expected.spans
        rule = f" by rule {self.expected.rule}" if self.expected.rule else ""
        self.misses.append(Miss(span=spans.get(key) or spans[""], key=key, expected=expected + rule, found=found))

    def _judge_pages(self) -> None:
        expected = self.expected
        if expected.page is not None:
            self._judge_teams("page", expected.page, self.pages, "a page", counted=expected.pages is None)
        if expected.pages is not None and expected.pages != len(self.pages):
            self._miss("pages", _count(expected.pages, "page"), _shown(self.pages, "pages"))
        if expected.no_page and (self.pages or self.storms):
            self._miss("no_page", "no page", _shown([*self.pages, *self.storms], "pages"))
        for key, wanted, events, what in (
            ("update", expected.update, self.updates, "an update"),
            ("storm", expected.storm, self.storms, "a storm digest"),
        ):
            told = {event.team for event in events}
            for team in wanted or ():
                if team not in told:
                    self._miss(key, f"{what} to {team}", _shown(events, "others" if events else "none"))
        if expected.holds is not None:
            about = "digest" if expected.digest else "storm digest"
            digests = self.digests if expected.digest else [e for e in (*self.storms, *self.updates) if "held" in e.details]
            held = held_by(max(digests, key=lambda event: event.at)) if digests else None
            if held != expected.holds:
                found = f"no {about}" if held is None else str(held)
                self._miss("holds", f"a {about} that holds {expected.holds}", found)

    def _judge_notices(self) -> None:
        expected = self.expected
        for key, wanted, events, what in (
            ("notify", expected.notify, self.notices, "a notification"),
            ("notify_resolve", expected.notify_resolve, self.ends, "a resolve"),
            ("digest", expected.digest, self.digests, "a digest"),
        ):
            if wanted is not None:
                self._judge_teams(key, wanted, events, what, counted=False)
        if expected.no_notify and (self.notices or self.digests):
            self._miss("no_notify", "no notification", _shown([*self.notices, *self.digests], "notifications"))

    def _judge_teams(self, key: str, wanted: Iterable[str], events: Sequence[Event], what: str, *, counted: bool) -> None:
        """Exactly these teams; ``counted``: each once."""
        wanted = tuple(wanted)
        told = Counter(event.to for event in events)
        if set(told) == set(wanted) and (not counted or max(told.values()) == 1):
            return
        plural = what.rsplit(maxsplit=1)[-1] + "s"
        names = " and to ".join(wanted)
        if counted and set(told) == set(wanted):
            self._miss(key, f"one {what.rsplit(maxsplit=1)[-1]} to {names}", _shown(events, plural))
        else:
            self._miss(key, f"{what} to {names}{' and nobody else' if set(told) > set(wanted) else ''}", _shown(events, plural))

    def _judge_words(self) -> None:
        """Severity, summary and details have to hold together, for one event at least of those that are spoken of."""
        expected = self.expected
        events: list[Event] = []
        teams: set[str] = set()
        for wanted, found in (
            (expected.page, self.pages),
            (expected.update, self.updates),
            (expected.storm, self.storms),
            (expected.notify, self.notices),
            (expected.digest, self.digests),
        ):
            if wanted is not None:
                events += found
                teams.update(wanted)
        if not teams and expected.pages is not None:
            events = self.pages
            teams = {event.team for event in events}
        for team in sorted(teams):
            candidates = [event for event in events if event.to == team]
            if candidates and not any(self._fits(event) for event in candidates):
                self._explain_words(candidates)
                return

    def _fits(self, event: Event) -> bool:
        expected = self.expected
        return (
            (expected.severity is None or event.severity == expected.severity)
            and (expected.summary is None or is_like(event.summary, expected.summary))
            and all(is_like(_text(event.details.get(key)), text) for key, text in expected.details.items())
        )

    def _explain_words(self, candidates: Sequence[Event]) -> None:
        """The nearest candidate's faults, one by one."""
        expected = self.expected
        event = candidates[-1]
        if expected.severity is not None and event.severity != expected.severity:
            self._miss("severity", f"severity {expected.severity.word}", event.severity.word)
        if expected.summary is not None and not is_like(event.summary, expected.summary):
            self._miss("summary", f'a summary like "{expected.summary}"', f'"{_cut(event.summary)}"')
        for key, text in expected.details.items():
            value = event.details.get(key)
            if not is_like(_text(value), text):
                found = "no such detail" if value is None else f'"{_cut(_text(value))}"'
                self._miss("details", f'details.{key} like "{text}"', found)

    def _judge_deeds(self) -> None:
        wanted = self.expected.acted
        if wanted is None:
            return
        causes = [each.cause for each in self.decisions if each.reason in {Reason.ACTED, Reason.ESCALATED}]
        if not any(contains(cause, wanted) for cause in causes):
            found = ", ".join(f'"{cause}"' for cause in list(dict.fromkeys(causes))[-_SHOWN:])
            self._miss("acted", f'something done in PagerDuty with "{wanted}"', found or f"nothing; {self._shown_decisions()}")

    def _judge_cause(self, key: str, wanted: str | None, action: Action, word: str) -> None:
        if wanted is None:
            return
        causes = [decision.cause or decision.reason.value for decision in self.decisions if decision.action is action]
        if any(contains(cause, wanted) for cause in causes):
            return
        found = ", ".join(f'"{cause}"' for cause in list(dict.fromkeys(causes))[-_SHOWN:])
        self._miss(key, f'an alert {word} with "{wanted}"', found or f"none {word}; {self._shown_decisions()}")

    def _shown_decisions(self) -> str:
        return _decisions(self.decisions)


def is_like(text: str, pattern: str) -> bool:
    """Whether a text is this one; ``*`` is any run of characters, and nothing else is special."""
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, text, re.DOTALL) is not None


def contains(text: str, pattern: str) -> bool:
    """Whether a text contains this one; ``*`` and ``?`` as in a glob."""
    return pattern in text or fnmatch.fnmatchcase(text, f"*{pattern}*")


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _shown(events: Sequence[Event], plural: str) -> str:
    if not events:
        return f"no {plural.removesuffix('s')}" if plural != "none" else "none"
    counted = Counter(f"{event.to} ({event.severity.word})" if event.action == "trigger" else event.to for event in events)
    parts = [f"{team} {count} times" if count > 1 else team for team, count in counted.items()]
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return f"{plural.removesuffix('s') if len(events) == 1 else plural} to {', '.join(parts[:_SHOWN])}{more}"


def _decisions(decisions: Sequence[Decision]) -> str:
    counted = Counter(f"{decision.action.value} {decision.reason.value}" for decision in decisions)
    if not counted:
        return "no decision"
    parts = [f"{text} {count} times" if count > 1 else text for text, count in counted.items()]
    more = f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return ", ".join(parts[:_SHOWN]) + more
