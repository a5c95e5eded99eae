"""A regular expression over a whole value as patterns of the rule language, the plainer the better.

``foo|bar-.*`` is ``[foo, "bar-*"]``; what is no list of names and globs stays a regular expression, alternative by alternative.
"""

from __future__ import annotations

import re

_SPECIAL = frozenset("()[]{}?+*|^$")
_GLOB = frozenset("*?[")


def as_patterns(value: str, *, is_regex: bool) -> list[str]:
    """Patterns of which one matches exactly when the value, or the regular expression over the whole value, does."""
    if not is_regex:
        return [_exactly(value)]
    inner = _unwrap(value)
    # Flags reach over what follows them; and brackets may be balanced only by those around the whole.
    if "(?" in inner.replace("(?:", "") or not _is_balanced(value):
        return [f"/^(?:{value})$/"]
    return list(dict.fromkeys(_pattern(alternative) for alternative in _split(inner)))


def _exactly(text: str) -> str:
    return text if _is_bare(text) and not _GLOB.intersection(text) else f"/^{re.escape(text)}$/"


def _is_bare(text: str) -> bool:
    """Whether the rule language reads it as a name or glob, not as an exclusion or a regular expression."""
    return not text.startswith("!") and not (len(text) > 1 and text.startswith("/") and text.endswith("/"))


def _pattern(alternative: str) -> str:
    glob = _as_glob(alternative)
    if glob is None:
        return f"/^{_without_anchors(alternative)}$/"
    text, is_literal = glob
    if is_literal:
        return _exactly(text)
    return text if _is_bare(text) else f"/^{_without_anchors(alternative)}$/"


def _as_glob(regex: str) -> tuple[str, bool] | None:
    """As a glob, or literally if it has no wildcard (True); None if it is neither."""
    text = _without_anchors(regex)
    glob, literal = "", ""
    is_literal = True
    place = 0
    while place < len(text):
        character = text[place]
        place += 1
        follows = text[place : place + 1]
        if character == ".":
            is_literal = False
            glob += {"*": "*", "+": "?*"}.get(follows, "?")
            place += follows in ("*", "+")
        elif character in _SPECIAL:
            return None
        else:
            if character == "\\":
                if not follows or follows.isalnum() or ord(follows) > 127:  # noqa: PLR2004 -- only ASCII is escaped
                    return None
                character = follows
                place += 1
            literal += character
            glob += f"[{character}]" if character in _GLOB else character
        if text[place : place + 1] in ("*", "+", "?", "{"):
            return None
    return (literal, True) if is_literal else (glob, False)


def _without_anchors(regex: str) -> str:
    is_repeated = regex[1:2] in ("*", "+", "?", "{")
    text = regex if is_repeated else regex.removeprefix("^")
    if not text.endswith("$"):
        return text
    backslashes = len(text[:-1]) - len(text[:-1].rstrip("\\"))
    return text if backslashes % 2 else text[:-1]


def _unwrap(regex: str) -> str:
    """Without anchors and brackets around all of it."""
    while True:
        text = _without_anchors(regex) if len(_split(regex)) == 1 else regex
        inner = text[3:-1] if text.startswith("(?:") else text[1:-1] if text.startswith("(") else ""
        if not inner or not text.endswith(")") or inner.startswith("?") or _end_of_group(text) != len(text):
            return text
        regex = inner


def _end_of_group(text: str) -> int:
    """Behind the bracket that closes the first one."""
    depth = 0
    for place, character in _outside_of_sets(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return place + 1
    return -1


def _is_balanced(regex: str) -> bool:
    depth = 0
    for _, character in _outside_of_sets(regex):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return True


def _split(regex: str) -> list[str]:
    """At every ``|`` that stands in no brackets."""
    depth, start = 0, 0
    parts = []
    for place, character in _outside_of_sets(regex):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append(regex[start:place])
            start = place + 1
    return [*parts, regex[start:]]


def _outside_of_sets(regex: str) -> list[tuple[int, str]]:
    """The characters with a meaning of their own: not escaped, not within ``[…]``, not quoted from backslash-Q on."""
    found = []
    place, size = 0, len(regex)
    while place < size:
        character = regex[place]
        if character == "\\":
            end = regex.find("\\E", place) if regex.startswith("\\Q", place) else place
            place = size if end < 0 else end + 2
            continue
        if character == "[":
            place = _end_of_set(regex, place)
            continue
        found.append((place, character))
        place += 1
    return found


def _end_of_set(regex: str, start: int) -> int:
    place = start + 1
    place += regex[place : place + 1] == "^"
    place += regex[place : place + 1] == "]"
    while place < len(regex):
        if regex[place] == "\\":
            place += 2
        elif regex.startswith("[:", place) and regex.find(":]", place) > 0:
            place = regex.find(":]", place) + 2
        elif regex[place] == "]":
            return place + 1
        else:
            place += 1
    return len(regex)
