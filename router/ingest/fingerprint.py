"""Fingerprints: who an alert is. Alertmanager's own for labels, a digest of the sender's key for everything else.

Alertmanager's is FNV-1a (64 bit) over the labels sorted by name, each as name, byte FF, value, byte FF: what amtool, karma
and Prometheus users know an alert by, so it is kept although it is slow in Python (0.11 µs a byte).

What makes it affordable: the C++ library that the engine for regular expressions needs anyway has this hash for its own
tables, and is three times as fast; where it is missing, or answers anything else, Python does it. And one step is
``h' = (h xor b) * p``. The xor touches the low byte only, and the low byte's way depends on nothing but itself. So over a fixed
text the hash is affine, ``h' = h * p**n + c (mod 2**64)``, with a ``c`` that depends on the text and on the low byte before it.
Labels repeat: ``c`` is remembered by (name, value, low byte), within a bound. A label of which ever new values come (an
instance, a pod, a request's id) is remembered no longer: keeping what is never asked again costs more than hashing it does.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF
_LONGEST_REMEMBERED = 128
_MOST_VALUES = 2_048
"""Pieces remembered of one label; a label that has had more is hashed each time."""


def hash_bytes(data: bytes, start: int = _OFFSET) -> int:
    """FNV-1a, 64 bit. Four bytes a turn, cut to 64 bits after every second: a third less time."""
    value = start
    odd = len(data) & 3
    for byte in data[:odd]:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    four = iter(data[odd:])
    for one, two, three, last in zip(four, four, four, four, strict=True):
        value = (((value ^ one) * 0x100000001B3 ^ two) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        value = (((value ^ three) * 0x100000001B3 ^ last) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _hash_any(data: bytes, _size: int, start: int) -> int:
    return hash_bytes(data, start)


def _native(load: Callable[[str], Any] = ctypes.PyDLL) -> Callable[[bytes, int, int], int]:
    """The library's for text in ASCII (its bytes are signed on some machines, so others come out wrong), else Python's."""
    try:
        # PyDLL: a hash of a few bytes must not let go of the interpreter's lock.
        found: Any = load("libstdc++.so.6")["_ZSt15_Fnv_hash_bytesPKvmm"]
    except (OSError, AttributeError, KeyError):
        return _hash_any
    found.restype = ctypes.c_uint64
    found.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)
    probe = bytes(range(1, 128))
    return found if found(probe, len(probe), _OFFSET) == hash_bytes(probe) else _hash_any


_hash_ascii = _native()


class LabelFingerprints:
    """Alertmanager's fingerprints. One per source: remembers at most ``bound`` pieces, then begins anew."""

    def __init__(self, bound: int = 32_768) -> None:
        """Knows nothing yet."""
        self._bound = bound
        self._seen: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._names: dict[tuple[str, int], tuple[int, int, int]] = {}
        self._counts: dict[str, int] = {}  # pieces remembered, by name

    def __len__(self) -> int:
        """How many pieces are remembered."""
        return len(self._seen)

    def of(self, labels: Mapping[str, str]) -> str:
        """16 lower-case hex digits, as Alertmanager 0.20 and later print them."""
        value = _OFFSET
        seen = self._seen
        for name in sorted(labels):
            text = labels[name]
            key = (name, text, value & 0xFF)
            known = seen.get(key)
            value = self._learn(key, value) if known is None else (value * known[0] + known[1]) & _MASK
        return f"{value:016x}"

    def _learn(self, key: tuple[str, str, int], start: int) -> int:
        name, text, low = key
        factor, addend, length = self._names.get((name, low)) or self._learn_name(name, low)
        data = text.encode()
        size = len(data)
        hash_ = _hash_ascii if size == len(text) else _hash_any
        value = ((hash_(data, size, (start * factor + addend) & _MASK) ^ 0xFF) * _PRIME) & _MASK
        size += length
        count = self._counts.get(name, 0)
        if size <= _LONGEST_REMEMBERED and count < _MOST_VALUES:
            if len(self._seen) >= self._bound:
                self._seen.clear()
                self._counts.clear()
            self._counts[name] = count + 1
            factor = _POWERS[size]
            self._seen[key] = (factor, (value - start * factor) & _MASK)
        return value

    def _learn_name(self, name: str, low: int) -> tuple[int, int, int]:
        """Factor and addend of a name and the byte behind it, and the bytes it adds to its value."""
        data = name.encode() + b"\xff"
        factor = pow(_PRIME, len(data), 1 << 64)
        known = (factor, (hash_bytes(data, low) - low * factor) & _MASK, len(data) + 1)
        if len(self._names) >= self._bound:
            self._names.clear()
        if len(data) <= _LONGEST_REMEMBERED:
            self._names[name, low] = known
        return known


_POWERS = [pow(_PRIME, count, 1 << 64) for count in range(_LONGEST_REMEMBERED + 1)]


def fingerprint_of_key(key: str) -> str:
    """16 hex digits for a key the sender chose (a dedup key)."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def fingerprint_of_parts(service: str, name: str, labels: Mapping[str, str]) -> str:
    """16 hex digits for an alert whose sender gave no key: its service, name and labels."""
    pieces = [service, name]
    for label in sorted(labels):
        pieces += (label, labels[label])
    # The length in front of each piece, so that no two lists of pieces read alike.
    data = b"".join(b"%d:%b" % (len(piece), piece) for piece in (text.encode() for text in pieces))
    return hashlib.blake2b(data, digest_size=8).hexdigest()
