"""Links and images of an alert, read leniently: what has no address is left out rather than lose the alert."""

from __future__ import annotations

from typing import Any

from router.ingest.limits import MAX_LINKS, TooMuch
from router.model.alert import Image, Link


def read_links(value: Any, field: str = "links") -> tuple[Link, ...]:
    """A list of {href, text}; entries with a blank ``href`` are left out."""
    return tuple(
        Link(href=item["href"], text=_text(item, "text", f"{field}[{index}]"))
        for index, item in _entries(value, field)
        if _text(item, "href", f"{field}[{index}]").strip()
    )


def read_images(value: Any, field: str = "images") -> tuple[Image, ...]:
    """A list of {src, href, alt}; entries with a blank ``src`` are left out."""
    return tuple(
        Image(
            src=item["src"],
            href=_text(item, "href", f"{field}[{index}]"),
            alt=_text(item, "alt", f"{field}[{index}]"),
        )
        for index, item in _entries(value, field)
        if _text(item, "src", f"{field}[{index}]").strip()
    )


def _entries(value: Any, field: str) -> list[tuple[int, dict[str, Any]]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TooMuch(field, f"expected a list, found {kind_of(value)}")
    if len(value) > MAX_LINKS:
        raise TooMuch(field, f"expected at most {MAX_LINKS} entries, found {len(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise TooMuch(f"{field}[{index}]", f"expected an object, found {kind_of(item)}")
    return list(enumerate(value))


def _text(item: dict[str, Any], name: str, field: str) -> str:
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TooMuch(f"{field}.{name}", f"expected text, found {kind_of(value)}")
    return value


def kind_of(value: Any) -> str:
    """What a decoded JSON value is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"
