"""A large past as an archive holds it, all from one seed: for benchmarks and for looking at reports. Not for asserting figures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from router.history.base import Record
from router.history.condensing import condense, record_of
from router.history.sqlite.archive import SqliteArchive
from router.model.past import ActorKind, PastAlert, PastEntry, PastIncident, PastNote, Story

PROBLEMS = (
    ("card-errors", "CardError", "payment-api", "payments", "error rate {n} % over 5 minutes on {h}"),
    ("pool-exhausted", "ConnectionPoolExhausted", "checkout-db", "payments", "{n} connections waiting on db-{n}"),
    ("disk-full", "DiskAlmostFull", "warehouse", "data", "/var is {n} % full on {h}"),
    ("certificates", "CertificateExpires", "edge", "platform", "certificate of shop.example.test expires in {n} days"),
    ("latency", "HighLatency", "search", "search", "p99 latency {n}0 ms at {h}"),
    ("consumer-lag", "KafkaConsumerLag", "orders", "orders", "lag {n}000 on partition {n}"),
    ("nodes", "NodeNotReady", "cluster", "platform", "node worker-{n} not ready"),
    ("backups", "BackupFailed", "billing", "data", "nightly backup of {h} failed with exit code {n}"),
)
FIXES = (
    "Restarted the connection pool, errors stopped at once",
    "Rolled back release {n} of the checkout service",
    "Grew the volume by {n} GB and rotated the logs",
    "Renewed the certificate by hand; the cron job had no permission",
    "False alarm, threshold far too tight",
    "Failed over to the replica in the other zone",
    "Scaled the consumers from 4 to {n} and waited for the backlog",
)
PEOPLE = ("Ada Lovelace", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Ken Thompson")
WORDS = [
    "timeout",
    "retry",
    "upstream",
    "broker",
    "cache",
    "replica",
    "shard",
    "index",
    "cursor",
    "lease",
    "token",
    "proxy",
    "gateway",
    "kernel",
    "memory",
    "socket",
    "thread",
]


def stories(count: int, *, since: int, until: int, seed: int = 0) -> Iterator[tuple[Record, Story]]:
    """So many incidents by rising number and time."""
    chance = random.Random(seed)
    times = sorted(chance.randrange(since, until) for _ in range(count))
    for number, at in enumerate(times, 1):
        yield _one(chance, number, at)


def fill(path: Path, count: int, *, since: int, until: int, seed: int = 0) -> None:
    """An archive with them, in big transactions: how it got there is not what is measured."""
    archive = SqliteArchive(path)
    connection = archive._connection
    connection.execute("PRAGMA synchronous = OFF")
    connection.isolation_level = None
    archive.plan("|", [("incidents", since, until)], now=until)
    archive.finish(archive.spans("|")[0])
    for record, story in stories(count, since=since, until=until, seed=seed):
        archive.tell(record, story, read_at=until)
    archive.close()


def _one(chance: random.Random, number: int, at: int) -> tuple[Record, Story]:
    rule, name, service, team, text = chance.choices(PROBLEMS, (9, 3, 3, 1, 8, 4, 2, 1))[0]
    host = f"host-{chance.randrange(200)}"
    person = chance.choice(PEOPLE)
    noisy = rule in {"card-errors", "latency"}
    alone = chance.random() < (0.6 if noisy else 0.08)
    entries = [PastEntry(at=at, kind="trigger", who="Events API V2", who_kind="integration")]
    end, who, kind = at + chance.randrange(20_000, 220_000), "Events API V2", "integration"
    acknowledged = 0
    if not alone:
        acknowledged = at + int(chance.lognormvariate(12.2, 0.8))
        entries.append(PastEntry(at=acknowledged, kind="acknowledge", who=person, who_kind="person"))
        if chance.random() < 0.1:
            entries.insert(1, PastEntry(at=acknowledged - 1, kind="escalate"))
        end, who, kind = acknowledged + int(chance.lognormvariate(14.6, 1.0)), person, "person"
    entries.append(PastEntry(at=end, kind="resolve", who=who, who_kind=_kind(kind)))
    notes: tuple[PastNote, ...] = ()
    if not alone and chance.random() < 0.6:
        fix = chance.choice(FIXES).format(n=chance.randrange(10, 99))
        notes = (PastNote(at=end, who=person, text=f"Resolution Note: {fix}, {' '.join(chance.choices(WORDS, k=4))}"),)
    title = f"{name}: {text.format(n=chance.randrange(10, 99), h=host)}"
    key = f"{rule}/{chance.randrange(40):016x}/{at:x}-{number:x}"
    details = f"service: {service}\nname: {name}\ninstance: {host}\nmessage: {' '.join(chance.choices(WORDS, k=12))}"
    listed = PastIncident(
        number=number, pagerduty_id=f"Q{number:013d}", title=title, created_at=at, url=f"https://example.test/incidents/Q{number}",
        service_id=f"P{service}", service=service, team=team, status="resolved", urgency="low" if chance.random() < 0.15 else "high",
        priority=chance.choice(("", "P1", "P2", "P3")), updated_at=end, resolved_at=end, changed_by=who, changed_by_kind=_kind(kind), alerts=1,
    )  # fmt: skip
    story = Story(entries=tuple(entries), notes=notes, alerts=(PastAlert(at=at, key=key, summary=title, details=details),))
    return condense(record_of(listed), story, None), story


def _kind(word: str) -> ActorKind:
    return "person" if word == "person" else "integration"
