from __future__ import annotations

import pytest

from router.api.exchange import Answer, Request
from router.api.routes import Route, Routes


async def handle(_request: Request, _rest: str = "") -> Answer:
    return Answer()


def route(method: str, path: str) -> Route:
    return Route(method=method, path=path, handler=handle, scope="read", name=f"{method} {path}")


ROUTES = Routes(
    [
        route("GET", "/a"),
        route("POST", "/a"),
        route("POST", "/b/*/act"),
        route("GET", "/b/*"),
        route("POST", "/c"),
        route("GET", "/*"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "name", "rest"),
    [
        ("GET", "/a", "GET /a", ""),
        ("HEAD", "/a", "GET /a", ""),
        ("POST", "/b/17/act", "POST /b/*/act", "17"),
        ("GET", "/b/x/y/z", "GET /b/*", "x/y/z"),
        ("HEAD", "/b/1", "GET /b/*", "1"),
        ("GET", "/b/", "GET /*", "b/"),
    ],
)
def test_found(method: str, path: str, name: str, rest: str) -> None:
    found = ROUTES.find(method, path)
    assert found is not None
    assert (found.route.name, found.rest) == (name, rest)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/a"), ("GET", "/c"), ("GET", "/b/1/act"), ("POST", "/b//act"), ("POST", "/nowhere"), ("GET", "")],
)
def test_not_found(method: str, path: str) -> None:
    assert ROUTES.find(method, path) is None


def test_methods() -> None:
    assert ROUTES.methods("/a") == ["GET", "HEAD", "POST"]
    assert ROUTES.methods("/b/1/act") == ["POST"]
    assert Routes([route("GET", "/a")]).methods("/z") == []
    assert ("POST", "/b/*/act") in ROUTES.listed()
