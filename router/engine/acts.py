"""What rules want done to a page besides opening and closing it: worded here, sent through the outbox like everything else.

Keeps these invariants: each is asked for once in an episode, whatever comes back; a template that fails costs its wording and
not the deed. Must never do: ask for anything of an episode that nobody was paged for (a storm speaks for it, or channels do).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from router.engine.page import Writer, compose, context_of
from router.engine.policy import Ready
from router.engine.rows import Group
from router.engine.state import State
from router.model.alert import Alert
from router.model.decision import Action, Reason
from router.model.event import ACTIONS, CHANNEL_REFERENCE, Event
from router.model.ruleset import Act
from router.model.wish import MAX_MESSAGE, Moment, Order, Wish

NOTE_CAP = 8_000
"""Characters of a note that a rule writes."""

REFERENCE = CHANNEL_REFERENCE + ACTIONS


def word(acts: Sequence[Act], moment: Moment, ready: Ready, group: Group, digest: str, alert: Alert) -> tuple[Order, ...]:  # noqa: PLR0917 -- one thing each
    """The acts with their texts, in this alert's words."""
    episode = group.episode
    assert episode is not None
    content = compose(ready, group, digest, episode, alert)
    writer = Writer(context_of(content, ready, group, episode, alert))
    return tuple([Order(verb=act.verb, wish=_wish(act, writer), moment=moment) for act in acts])


def _wish(act: Act, writer: Writer) -> Wish:
    text = ""
    if act.text is not None:
        written = writer.text(act.text, f"the action {act.verb}")
        text = writer.failures[-1] if written is None else written.strip() or "(its rule gives it no text)"
    link = "" if act.link is None else writer.text(act.link, "a link") or ""
    is_web = link.startswith(("https://", "http://"))
    if act.verb == "note":
        return Wish(note=text[:NOTE_CAP])
    return Wish(
        message=text[: MAX_MESSAGE - len(link) - 1 if is_web else MAX_MESSAGE],
        link=link if is_web and len(link) < MAX_MESSAGE // 2 else "",
        users=act.users if act.verb == "responders" else (),
        user=act.users[0] if act.verb == "reassign" else "",
        policies=act.policies if act.verb == "responders" else (),
        policy=act.policies[0] if act.verb == "escalate" and act.policies else "",
        priority=act.priority,
        seconds=act.seconds,
        level=act.level,
    )


def ask(state: State, group: Group, orders: Sequence[Order], seq: int) -> None:
    """One event for each; the decision is the caller's."""
    episode = group.episode
    assert episode is not None
    for order in orders:
        state.events.append(
            Event(
                team="",
                channel=ACTIONS,
                routing_key=REFERENCE,
                dedup_key=episode.key,
                action="act",
                at=state.now,
                details={"order": msgspec.to_builtins(order)},
                alert_seq=seq,
                rule=group.rule,
            )
        )


def act(state: State, group: Group, acts: Sequence[Act], moment: Moment, ready: Ready, alert: Alert, seq: int) -> None:  # noqa: PLR0917 -- one thing each
    """Ask for these now, and say so."""
    episode = group.episode
    if not acts or episode is None or not any(team for team, _ in episode.pages):
        return
    digest = state.digest_of(group)
    orders = word(acts, moment, ready, group, digest, alert)
    ask(state, group, orders, seq)
    cause = f"{moment}: {', '.join([order.words for order in orders])}"
    state.decide(Action.UPDATE, Reason.ACTED, seq, group.rule, digest, episode.key, cause)
