"""What faults make of an answer."""

import json

from router.sandbox.answer import Behaviour, json_answer
from router.sandbox.faults import Fault
from router.sandbox.mishaps import struck_answer

GOOD = json_answer(202, {"status": "success", "dedup_key": "k"})


def struck(kind, **more):
    return struck_answer(Fault(kind=kind, **more), GOOD, json_answer)


def test_each_fault_is_named_in_a_header():
    assert struck("slow", delay_ms=9).headers[-1] == ("x-sandbox-fault", "slow")
    assert struck("slow", delay_ms=9).delay_ms == 9
    assert (struck("drip", drip_ms=3).behaviour, struck("drip", drip_ms=3).drip_ms) == (Behaviour.DRIP, 3)


def test_statuses():
    assert (struck("503", body="html").status, struck("503", body="html").body) == (503, b'"html"')
    assert struck("lost_503").status == 503
    assert dict(struck("301").headers)["location"].startswith("https://")


def test_bodies():
    assert GOOD.body.startswith(struck("truncated").body)
    assert json.loads(struck("no_dedup_key").body) == {"status": "success"}
    assert struck("cut").body == GOOD.body
