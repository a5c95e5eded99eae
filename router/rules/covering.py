"""Does one condition hold wherever another does: sound, so that a yes is always true; a no may only mean "not sure".

For what can be said about rules without any alert: that one above takes all that one below could, that a team's file speaks of
its own services only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from router.model.pattern import Pattern
from router.model.ruleset import LabelTest, Match, NumberTest

_TOKEN = re.compile(r"\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_ANYTHING = Pattern("*")
_UPPER = ("lt", "lte")


def covers(wide: Pattern, narrow: Pattern) -> bool:
    """Every text that ``narrow`` matches, ``wide`` matches too. Neither may be negated."""
    if wide.text == narrow.text and wide.kind == narrow.kind:
        return True
    if narrow.kind == "exact":
        return wide.matches(narrow.text)
    if wide.kind != "glob":
        return False
    if narrow.kind == "regex":
        return set(wide.text) == {"*"}
    if not wide.matches(_sample(narrow.text)):  # quick, and nearly always the answer
        return False
    return _glob_covers(_TOKEN.findall(wide.text), _TOKEN.findall(narrow.text))


@lru_cache(4_096)
def _sample(glob: str) -> str:
    """A text that the glob matches; of a set it takes what one can be sure of, or a text that settles nothing."""
    tokens: list[str] = _TOKEN.findall(glob)
    text = "".join("" if each == "*" else "x" if each == "?" else each[1] if len(each) > 1 else each for each in tokens)
    return text if Pattern(glob, kind="glob").matches(text) else glob


def _glob_covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Row by row over ``narrow``: at which places of ``wide`` one may stand after it."""
    places = _past_stars(wide, {0})
    for each in narrow:
        following: set[int] = set()
        for place in places:
            if place == len(wide):
                continue
            if wide[place] == "*":
                following.add(place)  # it takes one more, also a star
            elif each != "*" and _takes(wide[place], each):
                following.add(place + 1)
        places = _past_stars(wide, following)
        if not places:
            return False
    return len(wide) in places


def _past_stars(wide: Sequence[str], places: set[int]) -> set[int]:
    """A star may also stand for nothing."""
    found = set(places)
    for place in sorted(places):
        here = place
        while here < len(wide) and wide[here] == "*":
            here += 1
            found.add(here)
    return found


def _takes(wide: str, narrow: str) -> bool:
    """One token for one character."""
    if wide in ("?", narrow):
        return True
    # A set, or "[" that is never closed, is asked about a character; two sets are compared as text only.
    return len(narrow) == 1 and narrow != "?" and len(wide) > 1 and Pattern(wide, kind="glob").matches(narrow)


def list_covers(wide: Sequence[Pattern], narrow: Sequence[Pattern]) -> bool:
    """The same for lists of patterns: one positive pattern matches, if there is any, and every negated one holds."""
    wanted, given = _positive(wide), _positive(narrow) or [_ANYTHING]
    if wanted and not all(any(covers(each, one) for each in wanted) for one in given):
        return False
    excluded = _negated(narrow)
    return all(
        any(covers(each, one) for each in excluded) or all(_is_apart(one, each) for each in given) for one in _negated(wide)
    )


def _positive(patterns: Sequence[Pattern]) -> list[Pattern]:
    return [pattern for pattern in patterns if not pattern.negated]


def _negated(patterns: Sequence[Pattern]) -> list[Pattern]:
    """What the negated ones exclude."""
    return [Pattern(pattern.text, kind=pattern.kind) for pattern in patterns if pattern.negated]


def _is_apart(one: Pattern, other: Pattern) -> bool:
    """No text matches both, as far as an exact text or the beginnings and ends of globs tell."""
    if one.kind == "exact":
        one, other = other, one
    if other.kind == "exact":
        return not one.matches(other.text)
    if one.kind == "regex" or other.kind == "regex":
        return False
    return _differ(one.text, other.text) or _differ(_last(one.text), _last(other.text))


def _differ(one: str, other: str) -> bool:
    """Their literal beginnings contradict each other."""
    first, second = (re.split(r"[*?\[]", text, maxsplit=1)[0] for text in (one, other))
    length = min(len(first), len(second))
    return first[:length] != second[:length]


def _last(text: str) -> str:
    """The literal end, backwards; nothing where a bracket makes that uncertain."""
    return "*" if "[" in text or "]" in text else text[::-1]


def match_covers(wide: Match, narrow: Match) -> bool:
    """Every alert that ``narrow`` matches, ``wide`` matches too."""
    return (
        list_covers(wide.services, narrow.services)
        and list_covers(wide.names, narrow.names)
        and list_covers(wide.sources, narrow.sources)
        and (wide.severities is None or (narrow.severities is not None and narrow.severities <= wide.severities))
        and all(_label_covers(test, narrow) for test in wide.labels)
        and all(any(_number_covers(test, given) for given in narrow.where) for test in wide.where)
        and all(any(match_covers(given, exception) for given in narrow.unless) for exception in wide.unless)
    )


def _label_covers(test: LabelTest, narrow: Match) -> bool:
    given = next((each.patterns for each in narrow.labels if each.label == test.label), ())
    return list_covers(test.patterns, given)


def _number_covers(wide: NumberTest, narrow: NumberTest) -> bool:
    if wide.field != narrow.field or (wide.operator in _UPPER) is not (narrow.operator in _UPPER):
        return False
    if wide.value == narrow.value:
        return wide.operator in ("lte", "gte") or wide.operator == narrow.operator
    return narrow.value < wide.value if wide.operator in _UPPER else narrow.value > wide.value
