from __future__ import annotations

import msgspec
import pytest

from router.model.digest import Digest
from router.model.ruleset import NO_CHANNELS, ChannelPolicy, Channels, Limit, Team
from router.model.severity import Severity, SeverityScale
from router.rules.bundle import FORMAT, Bundle, BundledTeam, decode_bundle, encode_bundle, version_of
from tests.support.rule_texts import SCALE, TEAMS

FILES: list[tuple[str, str | bytes]] = [("a.yaml", "rules: []"), ("b.yaml", b"rules: []")]


def bundle(**changed: object) -> Bundle:
    given = {"files": FILES, "teams": TEAMS, "default_team": "platform", "scale": SCALE} | changed
    files = given.pop("files")
    return Bundle.of(files, **given)  # type: ignore[arg-type]


def test_what_is_encoded_is_decoded() -> None:
    made = bundle()
    assert decode_bundle(encode_bundle(made)) == made
    assert made.files == [("a.yaml", "rules: []"), ("b.yaml", "rules: []")]


def test_a_team_comes_back_as_it_was() -> None:
    team = Team(
        name="x", routing_key="env:X", limit=Limit(incidents=2, per_ms=5), fallback="y", services=TEAMS["payments"].services
    )
    assert BundledTeam.of(team).restore() == team


def test_channels_come_back_as_they_were() -> None:
    channels = Channels(
        policies={
            "chat": ChannelPolicy(name="chat", limit=Limit(incidents=2, per_ms=5)),
            "mail": ChannelPolicy(name="mail", digest=Digest(at=(540,), weekdays=(0, 4), zone="Europe/Berlin")),
        },
        by_severity={Severity.CRITICAL: ("page", "chat"), Severity.WARNING: ("mail",)},
    )
    made = bundle(channels=channels, teams={"x": Team(name="x", routing_key="env:X", channels=("chat",))})
    again = decode_bundle(encode_bundle(made))
    assert again.restore_channels() == channels
    assert again.teams[0].restore().channels == ("chat",)
    assert version_of(made) != version_of(bundle(teams={"x": Team(name="x", routing_key="env:X", channels=("chat",))}))


def test_without_channels_the_texts_and_the_version_are_what_they_were_before_there_were_any() -> None:
    texts = encode_bundle(bundle(channels=NO_CHANNELS))
    assert b"channels" not in texts
    assert decode_bundle(texts).restore_channels() == NO_CHANNELS


def test_a_scale_comes_back_as_it_was() -> None:
    scale = SeverityScale(spellings=SCALE.spellings, scores=((0.5, Severity.ERROR),), default=Severity.INFO)
    assert bundle(scale=scale).restore_scale() == scale


def test_the_version_follows_all_that_decides_and_nothing_else() -> None:
    version = version_of(bundle())
    assert version_of(bundle(files=[("other.yaml", "rules: []"), ("names.yaml", "rules: []")])) == version
    reordered = dict(reversed(TEAMS.items()))
    different = [
        bundle(files=[("a.yaml", "rules: []")]),
        bundle(files=[("a.yaml", "rules: [] # comment"), ("b.yaml", "rules: []")]),
        bundle(default_team="payments"),
        bundle(teams=reordered),
        bundle(scale=SeverityScale()),
    ]
    versions = {version_of(other) for other in different}
    assert len(versions) == len(different)
    assert version not in versions


def test_what_is_no_bundle_is_refused() -> None:
    later = msgspec.structs.replace(bundle(), format=FORMAT + 1)
    for texts, message in ((b"{", "no bundle"), (b'{"format": 1}', "no bundle"), (encode_bundle(later), "format 2")):
        with pytest.raises(ValueError, match=message):
            decode_bundle(texts)
