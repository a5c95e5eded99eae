"""What can be done to a page in PagerDuty besides opening and closing it: by a person from here, or by a rule.

Values only; who carries them out is ``router.incidents.actions``.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Verb = Literal["acknowledge", "resolve", "note", "reassign", "escalate", "snooze", "responders", "status", "priority"]

MAX_SNOOZE_SECONDS = 604_800
"""As PagerDuty documents it: a week."""

MAX_NOTE_BYTES = 65_535
MAX_MESSAGE = 2_000
"""Characters of a message to responders or of a status update: what fits into a text message or two is what is read."""

MAX_RESPONDERS = 25


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do besides the verb itself."""

    note: str = ""  # of a note or a resolution
    user: str = ""  # reassign: email address or id
    level: int = 0  # escalate: to this level of the policy
    policy: str = ""  # escalate: to this policy (its name or id)
    seconds: int = 0  # snooze
    users: tuple[str, ...] = ()  # responders: email addresses or ids
    policies: tuple[str, ...] = ()  # responders: names or ids
    message: str = ""  # to responders; of a status update
    link: str = ""  # to responders: where to look; put behind the message
    priority: str = ""  # its name (P1) or id
    team: str = ""  # only this team's page, when several were paged

    @property
    def words(self) -> str:
        """What was wished, for the audit record: no address, which would be more of a person than a name."""
        level = f"level {self.level}" if self.level else ""
        whom = _count(len(self.users), "person") if self.users else ""
        seconds = f"{self.seconds} s" if self.seconds else ""
        user = "" if "@" in self.user else self.user
        told = (self.note, user, level, self.policy, seconds, whom, *self.policies, self.priority, self.told)
        return ", ".join(part for part in told if part)

    @property
    def told(self) -> str:
        """The message with its link."""
        return f"{self.message} {self.link}".strip()


Moment = Literal["opened", "acknowledged", "closed", "escalation"]
"""When a rule asks for something."""


_ADDRESS = re.compile(rb"[^\s\"<>,]+@[^\s\"<>,]+")


def without_addresses(body: bytes) -> bytes:
    """An order's body as it is shown: whoever looks needs no email address for it."""
    return _ADDRESS.sub(b"(an email address)", body)


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule wants done, worded. The body of a delivery on the channel ``ACTIONS``, but for the moment."""

    verb: Verb
    wish: Wish
    moment: Moment = "opened"

    @property
    def words(self) -> str:
        """For the cause of a decision."""
        match self.verb:
            case "escalate":
                return f"to level {self.wish.level}" if self.wish.level else f"to escalation policy {self.wish.policy}"
            case "priority":
                return f"priority {self.wish.priority}"
            case "reassign":
                return "reassign" if "@" in self.wish.user else f"reassign to {self.wish.user}"
            case "snooze":
                return f"snooze for {self.wish.seconds} s"
            case _:
                return self.verb


def mistake_of(verb: Verb, wish: Wish) -> str:
    """What keeps it from being done, in words; empty if nothing does."""
    match verb:
        case "note" | "resolve":
            if verb == "note" and not wish.note.strip():
                return "a note needs a text"
            return f"a note has at most {MAX_NOTE_BYTES} bytes" if len(wish.note.encode()) > MAX_NOTE_BYTES else ""
        case "reassign":
            return "" if wish.user else "reassigning needs a user: the email address or id of somebody in PagerDuty"
        case "escalate":
            is_one = bool(wish.level) != bool(wish.policy) and wish.level >= 0
            return "" if is_one else "escalating needs either a level or an escalation policy"
        case "snooze":
            is_right = 1 <= wish.seconds <= MAX_SNOOZE_SECONDS
            return "" if is_right else f"snoozing needs 1 to {MAX_SNOOZE_SECONDS} seconds, a week"
        case "priority":
            return "" if wish.priority else "setting the priority needs its name in PagerDuty, such as P1"
        case "responders" | "status":
            return _mistake_of_message(verb, wish)
        case _:
            return ""


def _mistake_of_message(verb: Literal["responders", "status"], wish: Wish) -> str:
    if verb == "responders" and not 1 <= len(wish.users) + len(wish.policies) <= MAX_RESPONDERS:
        return f"asking for responders needs 1 to {MAX_RESPONDERS} users or escalation policies"
    if not wish.message.strip():
        return f"{'asking for responders' if verb == 'responders' else 'a status update'} needs a message"
    if wish.link and not wish.link.startswith(("https://", "http://")):
        return "a link begins with https://"
    return f"a message has at most {MAX_MESSAGE} characters" if len(wish.told) > MAX_MESSAGE else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} people"
