"""Journals for tests: alerts by the minute, recorded incidents, files as an export writes them, and a busy random one."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from router.model.alert import Alert
from router.model.incident import Incident
from router.model.journal import AlertReceived, Entry, Fact
from router.model.severity import Severity
from router.rehearsal.slices import Header, encode_entry, encode_header

START = 1_795_000_000_000
MINUTE = 60_000


def alert(service: str = "api", name: str = "Down", severity: Severity = Severity.ERROR, **more: object) -> AlertReceived:
    """A stateful alert; equal services and names are the same alert."""
    made = Alert(source="prometheus", fingerprint=f"{service}/{name}", service=service, name=name, severity=severity)
    return AlertReceived(alert=msgspec.structs.replace(made, **more))


def over(fact: AlertReceived) -> AlertReceived:
    """Its end."""
    return AlertReceived(alert=msgspec.structs.replace(fact.alert, status="resolved", resolved_by="source"))


def journal(*facts: tuple[float, Fact]) -> list[Entry]:
    """Facts by their minute."""
    return [Entry(seq=seq, at=START + round(minute * MINUTE), fact=fact) for seq, (minute, fact) in enumerate(facts, start=1)]


def incident(number: int, opened: float, closed: float | None, **more: object) -> Incident:
    """A recorded incident, by minutes."""
    made = Incident(
        number=number, rule="a", group="g", dedup_key=f"a/g/{number}", teams=("platform",), service="api", name="Down",
        summary="api: Down", severity=Severity.ERROR, status="open" if closed is None else "closed",
        opened_at=START + round(opened * MINUTE), closed_at=0 if closed is None else START + round(closed * MINUTE),
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def write_slice(path: Path, entries: list[Entry]) -> None:
    """A file as `record export` writes it."""
    path.write_bytes(encode_header(Header()) + b"".join(map(encode_entry, entries)))


def busy_journal(count: int, seed: int) -> list[Entry]:
    """Alerts that come and go at random among a few services."""
    chance = random.Random(seed)
    firing: list[AlertReceived] = []
    entries = []
    now = START
    for seq in range(1, count + 1):
        now += chance.randrange(60_000)
        if firing and chance.random() < 0.45:
            fact = over(firing.pop(chance.randrange(len(firing))))
        else:
            kind = chance.choice(["stateful", "event"])
            fact = alert(chance.choice(["pay-api", "pay-web", "api", "dev-1"]), chance.choice(["Down", "CardError"]),
                         Severity(chance.randrange(1, 5)), fingerprint=f"{chance.randrange(20)}", kind=kind)  # fmt: skip
            firing.append(fact)
        entries.append(Entry(seq=seq, at=now, fact=fact))
    return entries
