from __future__ import annotations

import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.daemon.fetching import MAX_FETCHED, fetch, fetch_now
from tests.support.certificates import Authority

PAGES = {
    "/ok?a=1": (200, b"certificate"),
    "/moved": (302, b""),
    "/gone": (404, b""),
    "/long": (200, b"x" * (MAX_FETCHED + 1)),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/drip":
            self.drip()
            return
        status, body = PAGES[self.path]
        self.send_response(status)
        self.send_header("Location", "/ok?a=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        """A byte now and then, for ever as far as whoever asked knows."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            for _ in range(1000):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A server of HTTPS, and a context that trusts it."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}", ssl.create_default_context(cafile=str(authority.path))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_page_is_fetched(place: tuple[str, ssl.SSLContext]) -> None:
    assert fetch_now(f"{place[0]}/ok?a=1", place[1]) == b"certificate"


@pytest.mark.parametrize(("path", "words"), [("/moved", "answers 302"), ("/gone", "answers 404"), ("/long", "more than 65536")])
def test_nothing_else_is_taken(place: tuple[str, ssl.SSLContext], path: str, words: str) -> None:
    with pytest.raises(OSError, match=words):
        fetch_now(place[0] + path, place[1])


def test_an_answer_that_drips_ends_at_the_deadline(place: tuple[str, ssl.SSLContext]) -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.3 seconds"):
        fetch_now(f"{place[0]}/drip", place[1], seconds=0.3)


async def test_a_certificate_that_is_not_trusted_is_refused(place: tuple[str, ssl.SSLContext]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await fetch(f"{place[0]}/ok?a=1")


@pytest.mark.parametrize("address", ["http://localhost/x", "file:///etc/passwd", "https:///x"])
async def test_only_https_is_fetched(address: str) -> None:
    with pytest.raises(OSError, match="no https address"):
        await fetch(address)
