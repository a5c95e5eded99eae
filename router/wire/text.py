"""Text that PagerDuty takes: cut by UTF-16 units without splitting a character, free of what breaks JSON or a title. Pure.

PagerDuty's limits are "characters"; whether it counts code points or UTF-16 units is not documented, so we count the larger.
"""

from __future__ import annotations

import re

ELLIPSIS = "…"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """The text, or as much of its beginning as fits ``limit`` UTF-16 units together with an ellipsis."""
    if len(text) * 2 <= limit or (len(text) <= limit and units(text) <= limit):
        return text
    room = limit - len(ELLIPSIS)
    encoded = text[:room].encode("utf-16-le", "surrogatepass")[: room * 2]
    # A pair cut in half, and a surrogate that never had its half, are both left out.
    return encoded.decode("utf-16-le", "ignore") + ELLIPSIS


def clean(text: str) -> str:
    """Without control characters (tab and line breaks stay) and lone surrogates: each becomes U+FFFD."""
    return text if text.isprintable() else _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_line(text: str) -> str:
    """As ``clean``, and on one line: what stands in a title."""
    return text if text.isprintable() else " ".join(clean(text).split())
