from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ingest import fingerprint
from router.ingest.fingerprint import LabelFingerprints, fingerprint_of_key, fingerprint_of_parts, hash_bytes
from tests.support.doors import SAMPLES


def naive(labels: dict[str, str]) -> str:
    data = b"".join(name.encode() + b"\xff" + value.encode() + b"\xff" for name, value in sorted(labels.items()))
    return f"{hash_bytes(data):016x}"


def test_fingerprints_are_those_of_a_real_alertmanager() -> None:
    groups = json.loads((SAMPLES / "alertmanager-0.31.0-api-v2-alerts-groups.json").read_text())
    alerts = [alert for group in groups for alert in group["alerts"]]
    assert len(alerts) == 24
    fingerprints = LabelFingerprints()
    for _ in range(2):  # the second time from what is remembered
        assert [fingerprints.of(alert["labels"]) for alert in alerts] == [alert["fingerprint"] for alert in alerts]


def test_known_values_of_fnv_1a() -> None:
    assert hash_bytes(b"") == 0xCBF29CE484222325
    assert hash_bytes(b"a") == 0xAF63DC4C8601EC8C
    assert hash_bytes(b"foobar") == 0x85944171F73967E8


@given(st.binary(max_size=40), st.integers(0, 2**64 - 1))
def test_every_length_is_hashed_as_if_byte_by_byte(data: bytes, start: int) -> None:
    expected = start
    for byte in data:
        expected = ((expected ^ byte) * 0x100000001B3) % 2**64
    assert hash_bytes(data, start) == expected


def test_without_the_library_the_same_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"alertname": "HighErrorRate", "instance": "host-17:9100", "zone": "Zürich"}
    expected = LabelFingerprints().of(labels)
    monkeypatch.setattr(fingerprint, "_hash_ascii", fingerprint._hash_any)
    assert LabelFingerprints().of(labels) == expected == naive(labels)


def test_a_library_that_hashes_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    assert fingerprint._native(lambda _: {"_ZSt15_Fnv_hash_bytesPKvmm": Wrong()}) is fingerprint._hash_any
    assert fingerprint._native(lambda _: {}) is fingerprint._hash_any
    assert fingerprint._native(missing) is fingerprint._hash_any


class Wrong:
    """A function of that name that does something else."""

    def __call__(self, data: bytes, size: int, start: int) -> int:
        return start + size + len(data)


texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.dictionaries(texts, texts, max_size=4), min_size=1, max_size=8))
def test_what_is_remembered_changes_nothing(many: list[dict[str, str]]) -> None:
    fingerprints = LabelFingerprints(bound=5)
    for labels in many * 2:
        assert fingerprints.of(labels) == naive(labels)
        assert len(fingerprints) <= 5


def test_long_texts_are_not_remembered() -> None:
    fingerprints = LabelFingerprints()
    assert fingerprints.of({"a": "x" * 500}) == naive({"a": "x" * 500})
    assert len(fingerprints) == 0


def test_fingerprints_of_keys_and_parts_tell_apart_what_is_different() -> None:
    assert fingerprint_of_key("a") != fingerprint_of_key("b")
    parts = {
        fingerprint_of_parts("a", "b", {}),
        fingerprint_of_parts("ab", "", {}),
        fingerprint_of_parts("a", "", {"b": ""}),
        fingerprint_of_parts("a", "", {"b": "c"}),
        fingerprint_of_parts("a", "b", {"c": ""}),
    }
    assert len(parts) == 5
    assert all(len(part) == 16 for part in parts)
    assert fingerprint_of_parts("s", "n", {"a": "1", "b": "2"}) == fingerprint_of_parts("s", "n", {"b": "2", "a": "1"})


def test_a_label_that_is_ever_new_is_remembered_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_MOST_VALUES", 10)
    fingerprints = LabelFingerprints()
    for number in range(100):
        labels = {"instance": f"host-{number}", "alertname": "Down"}
        assert fingerprints.of(labels) == naive(labels)
    assert len(fingerprints) == 11
