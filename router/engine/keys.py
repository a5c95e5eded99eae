"""Names that never repeat: group digests, episode ids, dedup keys.

Their derivation is settled in docs/decisions/0004-dedup-key-and-episodes.md. Must never use ``hash()``: it differs from
process to process.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import msgspec

DEDUP_KEY_CAP = 255
"""Characters PagerDuty allows in a dedup key."""

_RULE_CAP = 180
_OWN = re.compile(r"(.+)/([0-9a-f]{16})/([0-9a-z]{1,13})-([0-9a-z]{1,13})", re.DOTALL)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_encode = msgspec.json.Encoder().encode


def base36(number: int) -> str:
    """A number of zero or more in the digits 0-9a-z."""
    digits = ""
    while number >= 36:  # noqa: PLR2004 -- the base
        number, pair = divmod(number, 1296)
        digits = _PAIRS[pair] + digits
    return _DIGITS[number] + digits if number or not digits else digits.lstrip("0")


def digest(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """A group's identity within its rule: 16 hex digits over the names it is grouped by and their values."""
    return hashlib.blake2b(_encode((names, values)), digest_size=8).hexdigest()


def episode_id(opened_at: int, number: int) -> str:
    """Of opening time and incident number: the number makes it unique in this database, the time among databases."""
    return f"{base36(opened_at)}-{base36(number)}"


def dedup_key(owner: str, group: str, episode: str) -> str:
    """``RULE/GROUPDIGEST/EPISODE``, at most DEDUP_KEY_CAP characters: a longer rule id is cut and gets a digest of itself."""
    if len(owner) > _RULE_CAP:
        owner = f"{owner[:_RULE_CAP]}~{hashlib.blake2b(owner.encode(), digest_size=8).hexdigest()}"
    return f"{owner}/{group}/{episode}"


class OwnKey(NamedTuple):
    """A dedup key taken apart."""

    owner: str  # the rule's id, or what stands in its place
    group: str
    opened_at: int


def read_key(key: str) -> OwnKey | None:
    """What a key says that has the form of ours; None for any other."""
    found = _OWN.fullmatch(key)
    return None if found is None else OwnKey(found[1], found[2], int(found[3], 36))
