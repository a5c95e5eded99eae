"""Channels by name: what the engine has to know of each, and who is told of which severity."""

from __future__ import annotations

from router.model.digest import Digest
from router.model.ruleset import ChannelPolicy, Limit
from router.model.severity import Severity
from tests.support.config_texts import MINIMAL, diagnose, found_in, load

CHAT = "channels:\n  chat: {kind: webhook, url: 'https://chat.example/x'%s}\n"


def with_digest(digest: str) -> str:
    return MINIMAL + CHAT % f", digest: {digest}"


def test_a_channel_tells_at_once_unless_it_collects() -> None:
    policies = load(MINIMAL + CHAT % ", limit: {incidents: 5, per: 10m}").notify.policies
    assert policies == {"chat": ChannelPolicy(name="chat", limit=Limit(incidents=5, per_ms=600_000))}
    digests = [
        load(with_digest(text)).notify.policies["chat"].digest
        for text in ("{every: 1h}", '{at: ["16:30", "09:00"], weekdays: mon-fri, zone: Europe/Berlin}', '{at: "07:00"}')
    ]
    assert digests == [
        Digest(every_ms=3_600_000),
        Digest(at=(540, 990), weekdays=(0, 1, 2, 3, 4), zone="Europe/Berlin"),
        Digest(at=(420,)),
    ]


def test_a_digest_that_is_never_due_or_due_in_two_ways_is_refused() -> None:
    assert [code for code, _ in found_in(with_digest("{}")) if code != "literal-secret"] == ["missing-key"]
    twice = found_in(with_digest('{every: 1h, at: "09:00"}'))
    assert [code for code, _ in twice if code != "literal-secret"] == ["digest-twice"]
    useless = found_in(with_digest("{every: 1h, weekdays: mon}"))
    assert [code for code, _ in useless if code != "literal-secret"] == ["useless-key"]


def test_what_means_paging_is_no_name_for_a_channel() -> None:
    found = found_in(
        MINIMAL
        + "channels: {pagerduty: {kind: webhook, url: 'https://a.example'}, page: {kind: webhook, url: 'https://a.example'}}\n"
    )
    assert [code for code, _ in found] == ["reserved-name", "reserved-name"]


def test_the_table_and_the_teams_name_channels_that_are_there() -> None:
    text = (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: env:KEY}, channels: %s}}\n"
        "severity_channels: {critical: [page, %s], warning: %s}\nchannels: {chat: {kind: webhook, url: 'https://a.example'}}\n"
    )
    settings = load(text % ("chat", "chat", "chat"))
    assert settings.teams["a"].channels == ("chat",)
    assert settings.notify.by_severity == {Severity.CRITICAL: ("page", "chat"), Severity.WARNING: ("chat",)}
    found = [each for each in diagnose(text % ("[chit]", "chta", "chats")) if each.level == "error"]
    assert [(each.code, each.hint) for each in found] == [("unknown-channel", 'did you mean "chat"?')] * 3
    (doubt,) = diagnose(text.replace("page, ", "") % ("chat", "chat", "chat"))
    assert (doubt.code, doubt.level) == ("nothing-pages", "warning")


def test_without_channels_the_hint_says_where_they_are_named() -> None:
    (found,) = [each for each in diagnose(MINIMAL + "severity_channels: {info: chat}\n") if each.level == "error"]
    assert found.hint == "name it under channels:"
