"""What happened, as lines a person reads: virtual time, what came, what was decided and why, what PagerDuty was told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from router.model.alert import Alert
from router.model.decision import Decision
from router.model.event import Event
from router.model.quantity import format_duration
from router.model.wish import Order
from router.rehearsal.stage import Arrived, Decided, Happening, Noted, Told

LINES = 60
"""Lines of one timeline; the newest are kept."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line; ``depth`` 0 is what came from outside, 1 what the router made of it."""

    after_ms: int
    depth: int
    text: str


def tell(happenings: Sequence[Happening], start_at: int) -> list[Line]:
    """Every happening as one line, in the order of time."""
    return [
        Line(after_ms=each.at - start_at, depth=0 if isinstance(each, Arrived | Noted) else 1, text=_tell_one(each))
        for each in happenings
    ]


def render(lines: Sequence[Line], indent: str = "") -> list[str]:
    """Aligned text; of more than LINES the oldest are only counted."""
    kept = lines[-LINES:]
    times = [format_duration(line.after_ms) for line in kept]
    width = max(map(len, times), default=0)
    rendered = [f"{indent}… {len(lines) - LINES} earlier lines"] if len(lines) > LINES else []
    before = ""
    for time, line in zip(times, kept, strict=True):
        shown = time if time != before else ""
        rendered.append(f"{indent}{shown.rjust(width)}  {'  ' * line.depth}{line.text}")
        before = time
    return rendered


def _tell_one(each: Happening) -> str:
    match each:
        case Arrived(alert=alert, is_news=is_news):
            return _alert(alert) + ("" if is_news else "  (a resend: nothing new)")
        case Decided(decision=decision):
            return _decision(decision)
        case Told(event=event, fate=fate):
            return (
                _event(event) + {"sent": "", "refused": ": REFUSED", "waiting": ": no answer", "given up": ": GIVEN UP"}[fate]
            )
        case Noted(text=text):
            return text
        case _:
            assert_never(each)


def _alert(alert: Alert) -> str:
    labels = " {" + ", ".join(f"{label}: {value}" for label, value in alert.labels.items()) + "}" if alert.labels else ""
    what = "alert" if alert.status == "firing" else "resolve"
    severity = f" {alert.severity.word}" if alert.status == "firing" else ""
    return _flat(f"{what} {alert.service} {alert.name}".rstrip() + severity + labels)


def _decision(decision: Decision) -> str:
    cause = f" ({decision.cause})" if decision.cause else ""
    rule = f" by rule {decision.rule}" if decision.rule else ""
    return _flat(f"{decision.action.value}: {decision.reason.value}{cause}{rule}")


def _event(event: Event) -> str:
    match event.action:
        case "trigger":
            what = "update to" if event.is_update else "page to" if event.team else "notify"
            return _flat(f'> {what} {event.to}, {event.severity.word}: "{event.summary}"')
        case "resolve":
            return f"> resolve to {event.to}"
        case "act":
            order = msgspec.convert(event.details["order"], Order)
            return _flat(f"> in PagerDuty, {order.moment}: {order.words}")
        case _:
            return f"> {event.action} to {event.to}"


def _flat(text: str) -> str:
    """One line that drives no terminal."""
    return "".join(character if character.isprintable() else "·" for character in text)[:300]
