"""Fingerprints: who an alert is. Alertmanager's own for labels, a digest of the sender's key for everything else.

Alertmanager's is FNV-1a (64 bit) over the labels sorted by name, each as name, byte FF, value, byte FF: what amtool, karma
and Prometheus users know an alert by, so it is kept although it is slow in Python (0.11 µs a byte).

What makes it affordable: the C++ library that the engine for regular expressions needs anyway has this hash for its own
tables, and is three times as fast; where it is missing, or answers anything else, Python does it. And one step is
``h' = (h xor b) * p``. The xor touches the low byte only, and the low byte's way depends on nothing but itself. So over a fixed
text the hash is affine, ``h' = h * p**n + c (mod 2**64)``, with a ``c`` that depends on the text and on the low byte before it.
Labels repeat: ``c`` is remembered by (name, value, low byte), within a bound.
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


def _native(load: Callable[[str], Any] = ctypes.PyDLL) -> Callable[[bytes, int, int], int] | None:
    """The same for text in ASCII (its bytes are signed on some machines, so others come out wrong); None if there is none."""
    try:
        # PyDLL: a hash of a few bytes must not let go of the interpreter's lock.
        found: Any = load("libstdc++.so.6")["_ZSt15_Fnv_hash_bytesPKvmm"]
    except (OSError, AttributeError, KeyError):
        return None
    found.restype = ctypes.c_uint64
    found.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64)
    probe = bytes(range(1, 128))
    return found if found(probe, len(probe), _OFFSET) == hash_bytes(probe) else None


_hash_ascii = _native()


def hash_text(text: str, start: int = _OFFSET) -> int:
    """FNV-1a of the text's UTF-8."""
    data = text.encode()
    if _hash_ascii is not None and len(data) == len(text):
        return _hash_ascii(data, len(data), start)
    return hash_bytes(data, start)


class LabelFingerprints:
    """Alertmanager's fingerprints. One per source: remembers at most ``bound`` pieces, then begins anew."""

    def __init__(self, bound: int = 32_768) -> None:
        """Knows nothing yet."""
        self._bound = bound
        self._seen: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._names: dict[tuple[str, int], tuple[int, int, int]] = {}

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
        known = self._names.get((name, low)) or self._learn_name(name, low)
        value = ((hash_text(text, (start * known[0] + known[1]) & _MASK) ^ 0xFF) * _PRIME) & _MASK
        length = (len(text) if text.isascii() else len(text.encode())) + known[2]
        if length <= _LONGEST_REMEMBERED:
            if len(self._seen) >= self._bound:
                self._seen.clear()
            factor = _POWERS[length]
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
