"""One connection without a socket: what is written, when it is closed, what is bounded."""

from router.sandbox.answer import Answer, Behaviour
from router.sandbox.wire import MAX_QUEUED_REQUESTS, Connection

REQUEST = b"GET /x HTTP/1.1\r\nhost: y\r\n\r\n"
PLAIN = Answer(200, (("a", "b"),), b"body")


class Transport:
    def __init__(self):
        self.written = b""
        self.calls = []

    def write(self, data):
        self.written += data

    def get_extra_info(self, name):
        return None

    def __getattr__(self, name):
        return lambda: self.calls.append(name)


class Application:
    def __init__(self, answer=PLAIN, connects=Behaviour.ANSWER):
        self.answer = answer
        self.connects = connects
        self.requests = []

    def connect(self):
        return self.connects

    def kept_body_bytes(self):
        return 10

    def receive(self, method, path, headers, body):
        self.requests.append((method, path, headers, body))
        return self.answer


def connected(application, limit=10):
    connections = set()
    connection = Connection(application, connections, limit)
    transport = Transport()
    connection.connection_made(transport)
    return connection, transport, connections


async def test_answers_and_keeps_the_connection():
    connection, transport, connections = connected(Application())
    connection.data_received(REQUEST[:5])
    connection.data_received(REQUEST[5:] + REQUEST)
    assert transport.written == b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 4\r\n\r\nbody" * 2
    assert transport.calls == []
    connection.connection_lost(None)
    assert connections == set()


async def test_closes_when_asked_and_writes_no_body_to_head():
    connection, transport, _ = connected(Application())
    connection.data_received(b"HEAD /x HTTP/1.1\r\nhost: y\r\nconnection: close\r\n\r\n" + REQUEST)
    assert transport.written.endswith(b"connection: close\r\n\r\n")
    assert transport.calls == ["close"]
    assert transport.written.count(b"HTTP/1.1") == 1


async def test_unknown_statuses_have_a_phrase_and_204_no_length():
    for status, head in ((299, b"HTTP/1.1 299 Unknown"), (204, b"HTTP/1.1 204 No Content\r\n\r\n")):
        connection, transport, _ = connected(Application(Answer(status, (), b"")))
        connection.data_received(REQUEST)
        assert transport.written.startswith(head)


async def test_too_many_connections_are_reset():
    connection, transport, _ = connected(Application(), limit=0)
    assert transport.calls == ["abort"]
    connection.data_received(REQUEST)
    assert transport.written == b""


async def test_a_reset_connection_reads_no_more():
    for behaviour, calls in ((Behaviour.RESET_AFTER, ["abort"]), (Behaviour.HANG, [])):
        connection, transport, _ = connected(Application(Answer(200, (), b"x", behaviour)))
        connection.data_received(REQUEST + REQUEST)
        connection.data_received(REQUEST)
        assert (transport.calls, transport.written) == (calls, b"")
        assert len(connection._application.requests) == 1


async def test_waiting_requests_are_bounded():
    connection, transport, _ = connected(Application(Answer(200, (), b"x", delay_ms=60_000)))
    connection.data_received(REQUEST * (MAX_QUEUED_REQUESTS + 1))
    assert transport.calls == []
    connection.data_received(REQUEST)
    assert transport.calls == ["abort"]
    connection.connection_lost(None)


async def test_a_client_that_does_not_read_is_not_read_from():
    connection, transport, _ = connected(Application())
    connection.pause_writing()
    connection.resume_writing()
    assert transport.calls == ["pause_reading", "resume_reading"]
    connection.connection_lost(None)
    connection.pause_writing()
    connection.resume_writing()
    connection.reset()
    assert len(transport.calls) == 2


async def test_cut_bodies_end_early():
    connection, transport, _ = connected(Application(Answer(200, (), b"1234", Behaviour.CUT)))
    connection.data_received(REQUEST)
    assert transport.written.endswith(b"content-length: 4\r\n\r\n12")
    assert transport.calls == ["close"]
