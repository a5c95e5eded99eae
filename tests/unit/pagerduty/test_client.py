import json

import pytest
import structlog

from router.clock import SystemClock
from router.errors import ConfigError
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from router.pagerduty.client import EventsClient
from router.wire.answer import Answer
from router.wire.connection import NetworkFailure
from tests.support.dispatch import make_delivery

KEY = "0123456789abcdef0123456789abcdef"
SUCCESS = b'{"status":"success"}'


class Poster:
    """Answers what it was given and keeps what it was sent."""

    def __init__(self, answer):
        self.answer = answer
        self.sent = []
        self.is_closed = False

    async def post(self, target, body, *, deadline_seconds):
        self.sent.append((target.head.split(b"\r\n")[0], body, deadline_seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self):
        self.is_closed = True


def client(answer, resolve=lambda _: KEY, **members):
    poster = Poster(answer)
    made = EventsClient(url="https://events.pagerduty.com", poster=poster, resolve=resolve, clock=SystemClock(), **members)
    return made, poster


async def test_a_delivery_is_posted_with_its_key_in_front():
    made, poster = client(Answer(status=202, body=SUCCESS), deadline_seconds=3.0)
    assert await made.send(make_delivery(1, body=b'{"event_action":"trigger"}')) == Accepted()
    ((first, body, seconds),) = poster.sent
    assert first == b"POST /v2/enqueue HTTP/1.1"
    assert json.loads(body) == {"routing_key": KEY, "event_action": "trigger"}
    assert seconds == 3.0
    assert made.endpoint == "events.pagerduty.com"
    await made.aclose()
    assert poster.is_closed


async def test_change_events_have_a_path_of_their_own():
    made, poster = client(Answer(status=202, body=SUCCESS))
    await made.send(make_delivery(1, action="change"))
    assert poster.sent[0][0] == b"POST /v2/change/enqueue HTTP/1.1"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(status=202, body=b"{"), Accepted()),
        (Answer(status=429, headers={"retry-after": "5"}), Throttled(retry_after_ms=5_000)),
        (Answer(status=500), Unavailable(cause="HTTP 500", status=500)),
        (Answer(status=302), Unavailable(cause="HTTP 302", status=302)),
        (Answer(status=400, body=f"bad {KEY}".encode()), Rejected(cause="HTTP 400: bad ***", status=400)),
        (NetworkFailure("no answer", phase="read"), Unavailable(cause="no answer")),
    ],
)
async def test_answers_become_outcomes(answer, outcome):
    made, _ = client(answer)
    assert await made.send(make_delivery(1)) == outcome


@pytest.mark.parametrize(
    "error", [KeyError(KEY), FileNotFoundError(KEY), ValueError(KEY), PermissionError(KEY), ConfigError([])]
)
async def test_a_key_that_cannot_be_read_is_a_rejection_that_names_the_reference_only(error):
    def resolve(_):
        raise error

    made, poster = client(Answer(status=202), resolve)
    assert await made.send(make_delivery(1)) == Rejected(cause="the routing key env:PAYMENTS cannot be read")
    assert poster.sent == []


@pytest.mark.parametrize(("status", "body", "lines"), [(202, SUCCESS, 0), (202, b"", 1), (301, b"", 1), (400, b"", 0)])
async def test_odd_answers_are_loud(status, body, lines):
    made, _ = client(Answer(status=status, body=body))
    with structlog.testing.capture_logs() as logs:
        await made.send(make_delivery(1))
    assert [line["event"] for line in logs] == ["odd_answer"] * lines
    assert KEY not in str(logs)


@pytest.mark.parametrize("url", ["http://events.pagerduty.com", "events.pagerduty.com", "https://a:b@events.pagerduty.com"])
def test_a_url_that_is_not_fit_is_refused_at_once(url):
    with pytest.raises(ValueError, match=r"."):
        EventsClient(url=url, poster=Poster(None), resolve=str, clock=SystemClock())


def test_plain_http_can_be_allowed():
    made = EventsClient(url="http://sandbox:1", poster=Poster(None), resolve=str, clock=SystemClock(), allow_http=True)
    assert made.endpoint == "sandbox:1"
