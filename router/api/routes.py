"""Which handler answers which method and path, who may ask it, and in which shape it words its errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from router.api.auth import Scope
from router.api.doors import Shape
from router.api.exchange import Answer, answer_error

Handler = Callable[..., Awaitable[Answer]]
"""Takes the request and, for a path that ends in ``*``, what stands there."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """``path`` may hold one ``*``: one or more characters, handed to the handler. ``name`` is the metric's door label."""

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    name: str
    shape: Shape = answer_error
    takes_body: bool = False
    takes_any_type: bool = False  # the body need not say that it is JSON
    audit: str = ""  # what goes into the audit record when somebody took it; empty: nothing, or the handler's affair
    scope_of: Callable[[str], Scope | None] | None = None  # instead of ``scope``, by what the ``*`` stands for


class Found(msgspec.Struct, frozen=True):
    """A route and what its ``*`` stood for."""

    route: Route
    rest: str = ""


class Routes:
    """Exact paths by a dict, the few with a ``*`` one after another."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """In order: the first fitting path with a ``*`` wins."""
        self._exact: dict[tuple[str, str], Found] = {}
        self._methods: dict[str, list[str]] = {}
        self._patterns: list[tuple[str, str, Route]] = []
        for route in routes:
            before, star, after = route.path.partition("*")
            if star:
                self._patterns.append((before, after, route))
            else:
                self._exact[route.method, route.path] = Found(route)
                self._methods.setdefault(route.path, []).append(route.method)

    def find(self, method: str, path: str) -> Found | None:
        """The route, or None."""
        found = self._exact.get((method, path))
        if found is not None:
            return found
        if method == "HEAD":
            return self.find("GET", path)
        if path in self._methods:
            return None  # known, but not for this method
        for before, after, route in self._fitting(path):
            if route.method == method:
                return Found(route, path[len(before) : len(path) - len(after)])
        return None

    def _fitting(self, path: str) -> list[tuple[str, str, Route]]:
        """The patterns with the longest end that fits: what ends in a verb is that verb's, and no id for another method."""
        fitting = [pattern for pattern in self._patterns if _fits(path, pattern[0], pattern[1])]
        longest = max((len(after) for _, after, _ in fitting), default=0)
        return [pattern for pattern in fitting if len(pattern[1]) == longest]

    def methods(self, path: str) -> list[str]:
        """What else this path answers to: for ``Allow``; empty if it is not known at all."""
        methods = list(self._methods.get(path, ()))
        methods += [route.method for _, _, route in self._fitting(path)]
        return sorted(set(methods) | ({"HEAD"} if "GET" in methods else set()))

    def listed(self) -> list[tuple[str, str]]:
        """Method and path of every route; the documentation is held to it."""
        return [*self._exact, *((route.method, route.path) for _, _, route in self._patterns)]


def _fits(path: str, before: str, after: str) -> bool:
    return path.startswith(before) and path.endswith(after) and len(path) > len(before) + len(after)
