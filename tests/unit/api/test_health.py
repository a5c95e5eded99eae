from __future__ import annotations

import json
from collections.abc import Sequence

from router.api.exchange import Request
from router.api.health import Health

REQUEST = Request(method="GET", path="/")


def make(reasons: Sequence[str] = (), mistakes: Sequence[str] = (), waiting: Sequence[str] = ()) -> Health:
    prepared: list[str] = []

    async def reload() -> Sequence[str]:
        return mistakes

    return Health(
        not_ready=lambda: reasons,
        reload=reload,
        restart_needed=lambda: waiting,
        prepare_metrics=lambda: prepared.append("now"),
        render_metrics=lambda: b"up %d\n" % len(prepared),
    )


async def test_healthy_and_ready() -> None:
    assert (await make().healthy(REQUEST)).status == 200
    assert json.loads((await make().ready(REQUEST)).body) == {"status": "ready"}


async def test_not_ready_says_why() -> None:
    answer = await make(["stopping", "the disk is full"]).ready(REQUEST)
    assert answer.status == 503
    assert json.loads(answer.body)["reasons"] == ["stopping", "the disk is full"]


async def test_reload() -> None:
    answer = await make().reload(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "reloaded"})
    answer = await make(waiting=["listen"]).reload(REQUEST)
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "reloaded", "restart_needed": ["listen"]})
    answer = await make(mistakes=["a.yaml:1:1: error"]).reload(REQUEST)
    assert answer.status == 422
    assert json.loads(answer.body)["mistakes"] == ["a.yaml:1:1: error"]


async def test_metrics() -> None:
    answer = await make().metrics(REQUEST)
    assert answer.body == b"up 1\n"
    assert answer.content_type.startswith(b"text/plain; version=0.0.4")
