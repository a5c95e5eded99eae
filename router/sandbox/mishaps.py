"""What a planned fault makes of an answer; the same for both faces."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from router.sandbox.answer import Answer, Behaviour, empty_answer
from router.sandbox.faults import Fault

_BEHAVIOURS = {
    "reset_before": Behaviour.RESET_BEFORE,
    "reset_after": Behaviour.RESET_AFTER,
    "hang": Behaviour.HANG,
    "hang_after": Behaviour.HANG,
    "drip": Behaviour.DRIP,
    "cut": Behaviour.CUT,
}


def struck_answer(fault: Fault, answer: Answer, failure: Callable[[int, str], Answer]) -> Answer:
    """The answer after the fault has struck; ``failure`` builds the face's own error for a status and a body form."""
    kind = fault.kind
    if kind == "301":
        answer = empty_answer(301, ("location", "https://elsewhere.invalid/"))
    elif kind.removeprefix("lost_").isdigit():
        answer = failure(int(kind.removeprefix("lost_")), fault.body)
    elif kind == "truncated":
        answer = msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
    elif kind == "no_dedup_key":
        members = json.loads(answer.body)
        members.pop("dedup_key", None)
        answer = msgspec.structs.replace(answer, body=json.dumps(members).encode())
    return msgspec.structs.replace(
        answer,
        headers=(*answer.headers, ("x-sandbox-fault", kind)),
        behaviour=_BEHAVIOURS.get(kind, Behaviour.ANSWER),
        delay_ms=fault.delay_ms,
        drip_ms=fault.drip_ms,
    )
