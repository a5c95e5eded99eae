"""Bad input at the doors of the real process: a 4xx that says what and where, the good beside it taken, and life goes on."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import resource
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, alert, eventually, off_loop

pytestmark = pytest.mark.timeout(120)

MIB = 1024 * 1024
INBOUND = "9c" * 16
PER_INSTANCE = """
rules:
  - id: everything
    match: {service: "*"}
    group_by: [service, name, instance]
    summary: "problem at {{ labels.instance }}."
"""
DEEP = b"[" * 10_000
SURROGATE = b'"\\ud800"'


@pytest.fixture
async def daemon(make_daemon) -> Daemon:
    sources = {"prometheus": {"kind": "alertmanager"}, "tools": {"kind": "pagerduty", "keys": ["env:INBOUND"]}}
    limits = {"body": "1MiB", "batch": 500, "header_timeout": "1s", "body_timeout": "2s"}
    made = make_daemon(PER_INSTANCE, start=False, sources=sources, limits=limits)
    made.environment["INBOUND"] = INBOUND
    return await off_loop(made.start)


def memory(daemon: Daemon) -> int:
    """Resident bytes."""
    assert daemon.process is not None
    return int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def good(instance: str) -> bytes:
    return json.dumps(alert(instance=instance)).encode()


def posted(labels: bytes = b'{"alertname":"x","service":"payment-api"}', rest: bytes = b"") -> bytes:
    return b'{"labels":' + labels + rest + b"}"


def own(rest: bytes) -> bytes:
    return b'{"service":"payment-api","name":"x"' + rest + b"}"


# -- whole bodies ----------------------------------------------------------------------------------------------------------

WHOLE: dict[str, tuple[bytes, tuple[str, ...]]] = {
    # what is sent: words of which the answer has at least one
    "nothing": (b"", ("empty",)),
    "blanks": (b"  \n", ("JSON", "truncated")),
    "cut off": (b'[{"labels":{"alertname":"x"', ("JSON", "truncated")),
    "no JSON": (b"alertname=x&service=y", ("JSON", "malformed")),
    "two documents": (b"[] []", ("JSON", "trailing")),
    "trailing comma": (b'[{"labels":{"a":"b"},}]', ("JSON", "malformed")),
    "single quotes": (b"[{'labels':{}}]", ("JSON", "malformed")),
    "a number": (b"5", ("expected", "array", "object")),
    "null": (b"null", ("expected", "array", "object")),
    "a text": (b'"alert"', ("expected", "array", "object")),
    "byte order mark": (b"\xef\xbb\xbf[]", ("byte order mark",)),
    "UTF-16": ('[{"labels":{}}]'.encode("utf-16"), ("JSON", "UTF-8", "malformed")),
    "deep brackets": (DEEP, ("nested", "nesting")),
    "deep objects": (b'{"a":' * 10_000, ("nested", "nesting", "Expected")),
    "NUL": (b"\0" * 100, ("JSON", "malformed")),
}


async def test_a_body_that_is_no_json_is_refused_with_the_reason(daemon: Daemon) -> None:
    doors = ("/api/v2/alerts", "/v1/alerts", "/v2/enqueue", "/v2/change/enqueue")
    for door, (name, (body, words)) in itertools.product(doors, WHOLE.items()):
        status, answer = await off_loop(daemon.request, "POST", door, body)
        assert 400 <= status < 500, (name, status, answer)
        told = json.dumps(answer)
        assert any(word in told for word in words), (door, name, told)
        assert len(told) < 4_000, name
    assert daemon.metric("alert_router_http_requests_total", status="500") == 0
    assert await off_loop(daemon.post_alerts, alert(instance="after")) == 200


# -- one bad alert among good ones ---------------------------------------------------------------------------------------------

PROMETHEUS: dict[str, tuple[bytes, str]] = {
    # the alert: where the answer says it is wrong
    "no labels": (b"{}", "labels"),
    "labels null": (posted(b"null"), "labels"),
    "labels a list": (posted(b"[]"), "labels"),
    "labels empty": (posted(b"{}"), "labels"),
    "only empty values": (posted(b'{"alertname":"","service":""}'), "labels"),
    "empty name": (posted(b'{"":"x","alertname":"y"}'), "labels"),
    "number as value": (posted(b'{"alertname":5}'), "labels"),
    "4,000 labels": (posted(json.dumps({f"l{i}": "v" for i in range(4_000)}).encode()), "labels"),
    "10,000 labels": (posted(json.dumps({f"l{i}": "v" for i in range(10_000)}).encode()), "65536 bytes"),
    "long value": (posted(json.dumps({"alertname": "x" * 20_000}).encode()), "labels"),
    "surrogate": (posted(b'{"alertname":' + SURROGATE + b"}"), "surrogate"),
    "not UTF-8": (posted(b'{"alertname":"\xff\xfe"}'), "UTF-8"),
    "NaN": (posted(rest=b',"annotations":{"a":NaN}'), "NaN"),
    "annotation a number": (posted(rest=b',"annotations":{"a":1}'), "annotations"),
    "start a number": (posted(rest=b',"startsAt":5'), "startsAt"),
    "start is prose": (posted(rest=b',"startsAt":"yesterday"'), "startsAt"),
    "start out of range": (posted(rest=b',"startsAt":"99999-01-01T00:00:00Z"'), "startsAt"),
    "month 13": (posted(rest=b',"endsAt":"2026-13-01T00:00:00Z"'), "endsAt"),
    "end before start": (posted(rest=b',"startsAt":"2026-05-02T00:00:00Z","endsAt":"2026-05-01T00:00:00Z"'), "startsAt"),
    "a text": (b'"x"', "object"),
    "null": (b"null", "object"),
}
OWN: dict[str, tuple[bytes, str]] = {
    "no service": (b'{"name":"x"}', "service"),
    "blank service": (b'{"service":"  "}', "service"),
    "service a number": (b'{"service":5}', "service"),
    "misspelt": (own(b',"severty":"error"'), "severty"),
    "severity a list": (own(b',"severity":["error"]'), "severity"),
    "score NaN": (own(b',"score":NaN'), "NaN"),
    "score too large": (own(b',"score":1e308'), "score"),
    "score infinite": (own(b',"score":1e999'), "out of range"),
    "score true": (own(b',"score":true'), "score"),
    "status": (own(b',"status":"broken"'), "status"),
    "nested label": (own(b',"labels":{"a":{"b":"c"}}'), "labels.a"),
    "surrogate": (own(b',"summary":' + SURROGATE), "surrogate"),
    "year 0": (own(b',"starts_at":"0000-01-01T00:00:00Z"'), "starts_at"),
    "time negative": (own(b',"starts_at":-5'), "starts_at"),
    "time far away": (own(b',"starts_at":99999999999999'), "starts_at"),
    "deep details": (own(b',"details":{"a":' + b"[" * 500 + b"]" * 500 + b"}"), "nesting"),
    "rather deep details": (own(b',"details":{"a":' + b"[" * 40 + b"]" * 40 + b"}"), "nesting"),
    "end of an event": (own(b',"ends_at":"2026-01-01T00:00:00Z"'), "ends_at"),
    "links": (own(b',"links":[{"href":5}]'), "links"),
}


async def test_one_bad_alert_of_prometheus_does_not_harm_the_good_ones(daemon: Daemon, pagerduty) -> None:
    for number, (name, (bad, where)) in enumerate(PROMETHEUS.items()):
        body = b"[" + b",".join([good(f"{number}before"), bad, good(f"{number}behind")]) + b"]"
        status, answer = await off_loop(daemon.request, "POST", "/api/v2/alerts", body)
        assert status == 400, (name, answer)
        told = json.dumps(answer)
        assert where in told, (name, told)
        assert "1" in told.replace("0", "").partition(where)[0], (name, "which one of them it was", told)
        assert len(told) < 2_000, name
        assert (await off_loop(daemon.request, "POST", "/api/v2/alerts", b"[" + bad + b"]"))[0] == 400, name
    expected = {f"problem at {number}{side}." for number in range(len(PROMETHEUS)) for side in ("before", "behind")}
    await eventually(lambda: {f.title for f in pagerduty.sandbox.incidents()} == expected)


async def test_one_bad_alert_of_our_own_kind_does_not_harm_the_good_ones(daemon: Daemon, pagerduty) -> None:
    for number, (name, (bad, where)) in enumerate(OWN.items()):
        beside = [own(b',"labels":{"instance":"' + f"{number}{side}".encode() + b'"}') for side in ("before", "behind")]
        body = b"[" + b",".join([beside[0], bad, beside[1]]) + b"]"
        status, answer = await off_loop(daemon.request, "POST", "/v1/alerts", body)
        assert status == 400, (name, answer)
        (refused,) = answer["refused"]
        assert refused["index"] == 1, (name, answer)
        assert where in refused["field"] or where in refused["reason"], (name, refused)
        assert answer["accepted"] == 2, (name, answer)
        alone, answer = await off_loop(daemon.request, "POST", "/v1/alerts", bad)
        assert alone == 400, (name, answer)
    expected = {f"problem at {number}{side}." for number in range(len(OWN)) for side in ("before", "behind")}
    await eventually(lambda: {f.title for f in pagerduty.sandbox.incidents()} == expected)


async def test_a_bad_event_is_refused_with_every_reason_in_pagerdutys_words(daemon: Daemon, pagerduty) -> None:
    payload = {"summary": "s", "source": "payment-x", "severity": "error"}
    event: dict[str, Any] = {"routing_key": INBOUND, "event_action": "trigger", "payload": payload}
    cases: dict[str, tuple[dict[str, Any], list[str]]] = {
        "empty": ({}, ["routing_key", "event_action"]),
        "wrong key": (event | {"routing_key": "00" * 16}, ["Invalid routing key"]),
        "key a number": (event | {"routing_key": 5}, ["routing_key"]),
        "action": (event | {"event_action": "page"}, ["event_action"]),
        "no payload": (event | {"payload": None}, ["payload"]),
        "payload a list": (event | {"payload": []}, ["payload"]),
        "all of the payload": (event | {"payload": {}}, ["summary", "source", "severity"]),
        "severity": (event | {"payload": payload | {"severity": "fatal"}}, ["severity"]),
        "summary too long": (event | {"payload": payload | {"summary": "x" * 2_000}}, ["summary"]),
        "key too long": (event | {"dedup_key": "x" * 300}, ["dedup_key"]),
        "details a list": (event | {"payload": payload | {"custom_details": ["x"]}}, ["custom_details"]),
        "details too deep": (
            event | {"payload": payload | {"custom_details": {"a": json.loads("[" * 40 + "]" * 40)}}},
            ["nested"],
        ),
        "timestamp": (event | {"payload": payload | {"timestamp": "10000-01-01"}}, ["timestamp"]),
        "resolve of nothing": ({"routing_key": INBOUND, "event_action": "resolve"}, ["dedup_key"]),
        "links": (event | {"links": "x"}, ["links"]),
    }
    for name, (body, words) in cases.items():
        status, answer = await off_loop(daemon.request, "POST", "/v2/enqueue", body)
        assert status == 400, (name, answer)
        assert set(answer) == {"status", "message", "errors"}, (name, answer)
        assert all(any(word in error for error in answer["errors"]) for word in words), (name, answer)
    raw = json.dumps(event).encode()
    for body in (raw.replace(b'"s"', SURROGATE), raw.replace(b'"s"', b"NaN"), raw[:-1]):
        assert (await off_loop(daemon.request, "POST", "/v2/enqueue", body))[0] == 400
    assert (await off_loop(daemon.request, "POST", "/v2/enqueue", event))[0] == 202
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)


# -- too much ------------------------------------------------------------------------------------------------------------------


async def test_too_much_is_refused_and_memory_stays_bounded(daemon: Daemon, pagerduty) -> None:
    await off_loop(daemon.post_alerts, alert(instance="warm"))
    before = memory(daemon)
    status, answer = await off_loop(daemon.request, "POST", "/api/v2/alerts", [alert(instance=str(i)) for i in range(501)])
    assert (status, "500" in json.dumps(answer)) == (413, True), answer

    def huge(_: int) -> int:
        return _send_huge(daemon, 64 * MIB)

    for round_number in range(4):
        assert await off_loop(huge, round_number) == 413
    assert await off_loop(_send_endless_chunks, daemon) == 413
    await off_loop(_in_parallel, 20, lambda: _send_half(daemon, MIB - 1000))
    status, answer = await off_loop(
        daemon.request, "POST", "/v1/alerts", {"service": "payment-api", "labels": {f"l{i}": "v" for i in range(10_000)}}
    )
    assert status == 400
    assert "labels" in json.dumps(answer) or "bytes" in json.dumps(answer)
    assert await off_loop(daemon.post_alerts, alert(instance="after")) == 200
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 2)
    assert memory(daemon) < before + 64 * MIB


def _send_huge(daemon: Daemon, size: int) -> int:
    """A body far above the limit, announced honestly; the status that comes back early."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
        head = f"POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        return _pour(connection, (b" " * 65_536 for _ in range(size // 65_536)))


def _send_endless_chunks(daemon: Daemon) -> int:
    """A chunked body that never says how long it is."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
        head = b"POST /v1/alerts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head)
        return _pour(connection, (b"10000\r\n" + b" " * 65_536 + b"\r\n" for _ in range(1024)))


def _pour(connection: socket.socket, pieces: Any) -> int:
    try:
        for piece in pieces:
            connection.sendall(piece)
    except OSError:
        pass  # cut off while still sending: the answer came before
    return _status(connection)


def _status(connection: socket.socket) -> int:
    try:
        text = connection.recv(65_536)
    except OSError:
        return 0
    return int(text.split(b" ")[1]) if text.startswith(b"HTTP/1.1 ") else 0


def _send_half(daemon: Daemon, size: int) -> None:
    """Almost a whole body, then nothing more."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
        head = f"POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode() + b" " * (size - 1))


def _in_parallel(count: int, function: Any) -> None:
    threads = [threading.Thread(target=function) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- framing and pace --------------------------------------------------------------------------------------------------------

FRAMING = {
    "length and chunked": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 40\r\n",
    "length twice the same": b"Content-Length: 2\r\nContent-Length: 2\r\n",
    "negative length": b"Content-Length: -2\r\n",
    "length in words": b"Content-Length: two\r\n",
    "enormous length": b"Content-Length: 99999999999999999999999999\r\n",
    "unknown coding": b"Transfer-Encoding: gzip\r\n",
    "blank before the colon": b"Content-Length : 2\r\n",
    "folded header": b"X-A: b\r\n c\r\nContent-Length: 2\r\n",
    "gzip": b"Content-Encoding: gzip\r\nContent-Length: 2\r\n",
    "form": b"Content-Type: text/plain\r\nContent-Length: 2\r\n",
    "two hosts": b"Host: b\r\nContent-Length: 2\r\n",
    "100 KiB of headers": b"X-A: " + b"a" * 100_000 + b"\r\nContent-Length: 2\r\n",
    "1,000 headers": b"".join(b"X-%d: a\r\n" % i for i in range(1000)) + b"Content-Length: 2\r\n",
    "a NUL in a header": b"X-A: a\0b\r\nContent-Length: 2\r\n",
}


async def test_contradictory_framing_is_refused_and_nothing_is_smuggled(daemon: Daemon) -> None:
    second = b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    for name, headers in FRAMING.items():
        head = b"POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n"

        def ask(head: bytes = head) -> bytes:
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
                connection.sendall(head + b"[]" + second)
                return _read_all(connection)

        text = await off_loop(ask)
        assert text.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), (name, text[:200])
        if name not in {"gzip", "form"}:
            assert text.count(b"HTTP/1.1 ") == 1, (name, "what stands behind a request that is refused is no request")
    assert daemon.metric("alert_router_reloads_total") <= 2
    assert (await off_loop(daemon.get, "/-/ready"))[0] == 200


def _read_all(connection: socket.socket) -> bytes:
    text = b""
    connection.settimeout(10)
    try:
        while piece := connection.recv(65_536):
            text += piece
            if b"415" in text:
                break
    except OSError:
        pass
    return text


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,  # a TLS greeting
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n" * 50_000,
    b"POST " + b"/" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%zz%00%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\0" * 1000,
]


async def test_garbage_on_the_socket_ends_that_connection_and_no_other(daemon: Daemon) -> None:
    def throw(garbage: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
            try:
                connection.sendall(garbage)
            except OSError:
                return b""
            return _read_all(connection)

    other = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)

    def ask_other() -> int:
        other.request("GET", "/-/ready")
        answer = other.getresponse()
        answer.read()
        return answer.status

    with contextlib.closing(other):
        assert await off_loop(ask_other) == 200
        kept = other.sock
        for garbage in GARBAGE:
            text = await off_loop(throw, garbage)
            assert not text or text.startswith(b"HTTP/1.1 4"), (garbage[:40], text[:100])
        assert await off_loop(ask_other) == 200
        assert other.sock is kept, "it was open all the time"
    assert "Traceback" not in daemon.log


async def test_a_question_with_too_many_values_is_refused_at_every_door_and_ends_nothing(daemon: Daemon) -> None:
    many = "&".join(f"a{number}=1" for number in range(60))
    listed = (await off_loop(daemon.get, "/v1/openapi.json"))[1]["paths"]
    for path, operations in listed.items():
        for method in operations:
            place = re.sub(r"\{.*?\}", "1", path)
            status, answer = await off_loop(daemon.request, method.upper(), f"{place}?{many}", {} if method == "post" else None)
            assert status < 500 or status == 503, (method, place, status, answer)
    assert "Traceback" not in daemon.log
    assert await off_loop(daemon.post_alerts, alert(instance="after")) == 200


async def test_whoever_sends_slowly_is_told_and_cut_off_while_others_are_served(daemon: Daemon, pagerduty) -> None:
    """Two hundred of them at once: half a head, half a body, a byte now and then."""
    slow: list[socket.socket] = []
    pieces = [b"POST /api/v2/al", b"POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n[", b""]
    for number in range(201):
        connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=20)
        connection.sendall(pieces[number % 3])
        slow.append(connection)
    stopped = threading.Event()

    def drip() -> None:
        while not stopped.wait(0.2):
            for connection in slow[1::3]:
                try:
                    connection.send(b" ")
                except OSError:
                    continue

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        began = time.monotonic()
        assert await off_loop(daemon.post_alerts, alert(instance="beside")) == 200
        assert time.monotonic() - began < 2
        await eventually(lambda: {f.title for f in pagerduty.sandbox.incidents()} == {"problem at beside."})
        heads = [await off_loop(_read_all, connection) for connection in slow[0::3][:5]]
        bodies = [await off_loop(_read_all, connection) for connection in slow[1::3][:5]]
        silent = [await off_loop(_read_all, connection) for connection in slow[2::3][:5]]
        assert time.monotonic() - began < 20
    finally:
        stopped.set()
        thread.join()
        for connection in slow:
            connection.close()
    assert all(text.startswith(b"HTTP/1.1 408") and b"head" in text for text in heads)
    assert all(text.startswith(b"HTTP/1.1 408") and b"body" in text for text in bodies)
    assert silent == [b""] * 5
    await eventually(lambda: daemon.get("/-/ready")[0] == 200)


async def test_what_an_alert_holds_can_never_drive_a_terminal_or_a_page(daemon: Daemon, pagerduty) -> None:
    nasty = "\x1b[31m\x07\u202e{{ 7 * 7 }}${HOME}<script>\r\n\0'\"\\"
    labels = {"alertname": nasty, "service": "payment-api", "instance": nasty, "severity": nasty}
    status, answer = await off_loop(
        daemon.request, "POST", "/api/v2/alerts", [{"labels": labels, "annotations": {"summary": nasty}}]
    )
    assert status == 200, answer
    await eventually(lambda: len(pagerduty.sandbox.incidents()) == 1)
    assert "49" not in pagerduty.sandbox.incidents()[0].title
    for command in ("alerts", "incidents", "deliveries"):
        shown = await off_loop(daemon.run_command, command)
        assert shown.returncode == 0, shown.stderr
        assert "\x1b" not in shown.stdout
        assert "\u202e" not in shown.stdout
        assert len(shown.stdout.splitlines()) == 2
    shown = await off_loop(daemon.run_command, "explain", "1")
    assert "\x1b" not in shown.stdout
