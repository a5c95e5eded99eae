from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from router.config.secrets import SecretUnavailable
from router.config.settings import PagerDutySettings
from router.daemon.joints import (
    DeadLetterOffice,
    Desk,
    Hands,
    KeyRing,
    api_tokens,
    dispatch_settings,
    ingest_sources,
    known_secrets,
)
from router.daemon.loading import load
from router.daemon.troubles import Trouble, Troubles
from router.dispatch.settings import Pacing
from router.errors import StoreError, StoreFull
from router.model.delivery import DeliveryState
from router.model.event import ACTIONS
from router.model.journal import AlertReceived, DeliveryFailed, SilenceChanged
from router.model.page import Followed
from router.model.quantity import Rate
from router.model.silence import PlainMatch, Silence
from router.model.wish import Order, Wish
from router.telemetry.metrics import Metrics
from tests.support.config_texts import KEY, MINIMAL
from tests.support.config_texts import load as load_text
from tests.support.daemon import KEYS
from tests.support.parts import ENVIRON, write_files
from tests.support.stores import START, StillClock, delivery

TOKEN = "tok-" + "5e" * 16
INBOUND = "9c" * 16


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    path = write_files(
        tmp_path,
        "http://127.0.0.1:1",
        tokens=[{"name": "all", "token": "env:TOKEN", "scopes": ["read", "ingest"]}],
        sources={"tools": {"kind": "pagerduty", "keys": ["env:INBOUND", "8d" * 16]}},
    )
    return load(path, environ=ENVIRON | {"TOKEN": TOKEN, "INBOUND": INBOUND}).settings


class Journal:
    def __init__(self) -> None:
        self.facts: list[Any] = []

    async def append(self, _at: int, facts: Any, *, reserved: bool = False) -> None:
        assert reserved, "a dead letter must be told about on a full disk, too"
        self.facts += facts


async def test_what_was_given_up_is_journalled_before_the_trouble_is_raised() -> None:
    journal, clock = Journal(), StillClock()
    office = DeadLetterOffice(journal=journal, troubles=Troubles(journal=journal, clock=clock, metrics=Metrics()), clock=clock)
    dead = delivery(7)
    dead.state, dead.reason = DeliveryState.DEAD, "HTTP 400: Invalid routing key"
    await office.failed([dead, delivery(8, team="search")])
    failed, other, *alerts = journal.facts
    assert isinstance(failed, DeliveryFailed)
    assert isinstance(other, DeliveryFailed)
    assert failed.dedup_key == dead.dedup_key
    assert [type(fact) for fact in alerts] == [AlertReceived, AlertReceived]
    assert [fact.alert.labels["subject"] for fact in alerts] == ["payments", "search"]
    assert "Invalid routing key" in alerts[0].alert.summary


async def test_what_pages_nobody_has_no_fallback_and_is_a_trouble_once() -> None:
    journal, clock = Journal(), StillClock()
    office = DeadLetterOffice(journal=journal, troubles=Troubles(journal=journal, clock=clock, metrics=Metrics()), clock=clock)
    told = [delivery(number, channel="ops-chat", team="", routing_key="channel:ops-chat") for number in (1, 2)]
    for one in told:
        one.state, one.reason = DeliveryState.DEAD, "HTTP 404: no_service"
    await office.failed(told)
    (alert,) = journal.facts
    assert isinstance(alert, AlertReceived)
    assert (alert.alert.name, alert.alert.severity.word) == ("ChannelFailed", "warning"), "what only tells wakes nobody"
    assert alert.alert.labels["subject"] == "channel:ops-chat"
    assert alert.alert.summary == "a trigger for channel:ops-chat could not be delivered: HTTP 404: no_service"


async def test_what_is_out_is_said_once_and_not_for_each_thing_it_loses() -> None:
    journal, clock = Journal(), StillClock()
    troubles = Troubles(journal=journal, clock=clock, metrics=Metrics())
    office = DeadLetterOffice(journal=journal, troubles=troubles, clock=clock)
    await troubles.settle(Trouble.TEAM_OUT, {"payments": "its key is missing"})
    await troubles.settle(Trouble.CHANNEL_OUT, {"channel:ops-chat": "its address is malformed"})
    await office.failed([delivery(1), delivery(2, channel="ops-chat", team="", routing_key="channel:ops-chat")])
    assert [fact.alert.name if isinstance(fact, AlertReceived) else "failed" for fact in journal.facts] == [
        "TeamOut",
        "ChannelOut",
        "failed",
    ]


async def test_what_passes_through_to_pagerduty_in_shadow_is_a_page_all_the_same() -> None:
    journal, clock = Journal(), StillClock()
    office = DeadLetterOffice(journal=journal, troubles=Troubles(journal=journal, clock=clock, metrics=Metrics()), clock=clock)
    await office.failed([delivery(1, team="", routing_key="env:PD_KEY_OPS")])
    (alert,) = journal.facts
    assert isinstance(alert, AlertReceived)
    assert (alert.alert.name, alert.alert.severity.word) == ("DeadLetter", "critical")


async def test_a_channel_that_was_removed_wakes_nobody() -> None:
    journal, clock = Journal(), StillClock()
    troubles = Troubles(journal=journal, clock=clock, metrics=Metrics())
    office = DeadLetterOffice(journal=journal, troubles=troubles, clock=clock, knows=lambda name: name == "mail")
    gone = delivery(1, channel="ops-chat", team="", routing_key="channel:ops-chat")
    there = delivery(2, channel="mail", team="", routing_key="channel:mail")
    await office.failed([gone, there])
    assert [fact.alert.labels["subject"] for fact in journal.facts] == ["channel:mail"]


class Dispatcher:
    async def retry(self, delivery_id: int) -> str:
        return {1: "done", 2: "busy", 3: "finished", 4: "resolved"}.get(delivery_id, "unknown")

    drop = retry


async def test_a_wish_is_granted_or_it_is_not() -> None:
    hands = Hands(Dispatcher())  # type: ignore[arg-type]
    assert [await hands.retry(number) for number in range(6)] == [False, True, False, False, False, False]
    assert [await hands.drop(number, "by hand") for number in range(6)] == [False, True, False, False, False, False]


def test_keys_are_resolved_with_the_secrets_now_in_force(settings: Any) -> None:
    ring = KeyRing(settings.secrets)
    assert ring.resolve("env:KEY_PAYMENTS") == KEYS["payments"]
    with pytest.raises(SecretUnavailable, match="env:NOWHERE"):
        ring.resolve("env:NOWHERE")


def test_inbound_keys_and_tokens_are_resolved(settings: Any) -> None:
    sources = ingest_sources(settings)
    assert sources["tools"].keys == (INBOUND, "8d" * 16)
    assert {source.kind for source in sources.values()} >= {"alertmanager", "json", "pagerduty"}
    (token,) = api_tokens(settings)
    assert (token.name, token.secret, token.scopes) == ("all", TOKEN, {"read", "ingest"})
    assert TOKEN not in repr(token)


def test_every_secret_is_known_to_the_redaction(settings: Any) -> None:
    known = set(known_secrets(settings))
    assert known == {KEYS["payments"], KEYS["platform"], TOKEN, INBOUND, "8d" * 16}


def test_pace_and_patience() -> None:
    def made(rate: Rate | None) -> Any:
        return dispatch_settings(
            PagerDutySettings(
                events_url="https://events.pagerduty.com",
                api_url="https://api.pagerduty.com",
                rate=rate,
                timeout_ms=10_000,
                retry_for_ms=3_600_000,
                use_environment_proxy=False,
            )
        )

    paced = made(Rate(calls=50, per_ms=30_000))
    assert (paced.calls, paced.window_ms, paced.retry_max_age_ms) == (50, 30_000, 3_600_000)
    assert made(None).calls == 0


def test_a_channel_has_its_own_pace_and_what_is_not_named_is_as_pagerduty() -> None:
    section = PagerDutySettings(
        events_url="https://events.pagerduty.com",
        api_url="https://api.pagerduty.com",
        rate=Rate(calls=50, per_ms=30_000),
        timeout_ms=10_000,
        retry_for_ms=3_600_000,
        use_environment_proxy=False,
    )
    slow = Pacing(calls=1, window_ms=1_000)
    made = dispatch_settings(section, {"ops-chat": slow})
    assert made.pacing("ops-chat") is slow
    assert made.pacing(ACTIONS).in_flight < made.in_flight_besides, "what rules do leaves room for channels"
    assert made.pacing("pagerduty") == Pacing(calls=50, window_ms=30_000, retry_max_age_ms=3_600_000)


class AuditedJournal:
    def __init__(self, error: StoreError | None = None) -> None:
        self.facts: list[Any] = []
        self.audit: list[Any] = []
        self.error = error

    async def append(self, _at: int, facts: Any, *, reserved: bool = False) -> None:
        assert not reserved
        self.facts += facts

    async def follow(self, step: Followed) -> None:
        if self.error:
            raise self.error
        self.audit += step.audit


async def test_who_silences_and_who_ends_it_is_in_the_record() -> None:
    journal = AuditedJournal()
    desk = Desk(journal=journal, clock=StillClock())
    silence = Silence(id="s1", match=PlainMatch(services=("a",)), until=START + 1, reason="works", by="ann")
    await desk.silence(SilenceChanged(id="s1", silence=silence, by="ann"), "bot")
    await desk.silence(SilenceChanged(id="s1"), "bot")
    assert [fact.id for fact in journal.facts] == ["s1", "s1"]
    assert [(entry.who, entry.through, entry.what, entry.text) for entry in journal.audit] == [
        ("ann", "api", "silenced", "s1: works"),
        ("bot", "api", "ended a silence", "s1"),
    ]


async def test_a_silence_is_in_force_although_the_record_of_who_cannot_be_kept() -> None:
    journal = AuditedJournal(StoreFull("no room"))
    await Desk(journal=journal, clock=StillClock()).silence(SilenceChanged(id="s1"), "bot")
    assert journal.facts == [SilenceChanged(id="s1")]


def test_a_key_ring_knows_the_teams_now_in_force() -> None:
    settings = load_text(MINIMAL)
    ring = KeyRing(settings.secrets, settings.teams)
    assert ring.references() == {"env:KEY"}
    assert ring.teams_with_key([KEY, "x"]) == {"a"}
    made = msgspec.structs.replace(settings.teams["a"], routing_key="incidents:PABC123//severity")
    ring.teams = {"a": made}
    assert ring.references() == {"incidents:PABC123//severity"}
    assert (ring.teams_with_key([KEY]), ring.teams_with_service("PABC123"), ring.teams_with_service("PABC12")) == (
        set(),
        {"a"},
        set(),
    )
    assert (ring.teams_by_orchestration(), ring.references_by_team()) == (set(), {"a": "incidents:PABC123//severity"})


def test_an_orchestrations_key_is_known_by_its_first_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_text(MINIMAL)
    ring = KeyRing(settings.secrets, settings.teams)
    assert ring.teams_by_orchestration() == set()
    monkeypatch.setattr(ring, "resolve", lambda _reference: "R0" + "A" * 30)
    assert ring.teams_by_orchestration() == {"a"}
    ring.teams = {"b": msgspec.structs.replace(settings.teams["a"], name="b", routing_key="env:MISSING")}
    monkeypatch.undo()
    assert ring.teams_by_orchestration() == set(), "one that cannot be read now is none"


@pytest.mark.parametrize(
    ("verb", "severity"), [("note", "warning"), ("priority", "warning"), ("escalate", "critical"), ("responders", "critical")]
)
async def test_a_deed_that_failed_wakes_somebody_only_if_it_was_to_call_somebody(verb: str, severity: str) -> None:
    journal, clock = Journal(), StillClock()
    office = DeadLetterOffice(journal=journal, troubles=Troubles(journal=journal, clock=clock, metrics=Metrics()), clock=clock)
    dead = delivery(7, team="")
    dead.channel, dead.action, dead.rule, dead.state = ACTIONS, "act", "disk-full", DeliveryState.DEAD
    dead.body = msgspec.json.encode(Order(verb=verb, wish=Wish()))  # type: ignore[arg-type]
    dead.reason = "the token lacks the right incidents.write"
    await office.failed([dead])
    (raised,) = journal.facts
    assert isinstance(raised, AlertReceived)
    assert raised.alert.severity.word == severity
    assert raised.alert.summary == f"what rule disk-full wants done in PagerDuty could not be done: {dead.reason}"
