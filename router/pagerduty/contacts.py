"""Takes addresses and telephone numbers out of what people wrote: history keeps names and nothing else of a person. Pure.

Errs on the side of taking out; a time, an address of a machine, an id or a plain number is no telephone number.
"""

from __future__ import annotations

import re

ADDRESS = "[address]"
NUMBER = "[number]"

_EMAIL = re.compile(r"(?:mailto:)?[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+", re.UNICODE)
_INTERNATIONAL = re.compile(r"(?<![\w+])(?:tel:)?(?:\+|00)\d{1,3}[ ./()-]{0,2}(?:\d[ ./()-]{0,2}){6,13}\d(?!\w)")
_NATIONAL = re.compile(r"(?<![\w.:/-])(?:tel:)?(?:\(\d{2,5}\)[ -]?\d{3,5}[ -]\d{3,6}|\d{3}[ .-]\d{3}[ .-]\d{4})(?![\w.:-])")


def without_contacts(text: str) -> str:
    """The text with ``[address]`` and ``[number]`` in their places."""
    if "@" in text:
        text = _EMAIL.sub(ADDRESS, text)
    return _NATIONAL.sub(NUMBER, _INTERNATIONAL.sub(NUMBER, text))


def name_only(name: str) -> str:
    """A person's name; of an address that stands for one, what is before the @."""
    before, at, _ = name.strip().partition("@")
    return before.strip() if at and " " not in before else without_contacts(name)
