"""The texts of a rule set as one JSON document: what is stored beside the journal, so that a replay decides by the same rules.

Holds all that ``compile_ruleset`` is given, and no secret: teams carry references. The version is a digest of the bundle
without the names of files, which change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec
from msgspec import UNSET, UnsetType

from router.model.pattern import Pattern
from router.model.ruleset import NO_CHANNELS, Callback, ChannelPolicy, Channels, Limit, Team
from router.model.severity import Severity, SeverityScale

FORMAT = 1
_VERSION_BYTES = 6


class BundledTeam(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A team as plain values."""

    name: str
    routing_key: str
    services: list[str] = []
    limit: Limit | None = None
    fallback: str | None = None
    channels: list[str] = []

    @classmethod
    def of(cls, team: Team) -> BundledTeam:
        """Patterns become text."""
        return cls(
            name=team.name,
            routing_key=team.routing_key,
            services=[str(pattern) for pattern in team.services],
            limit=team.limit,
            fallback=team.fallback,
            channels=list(team.channels),
        )

    def restore(self) -> Team:
        """The team again."""
        return Team(
            name=self.name,
            routing_key=self.routing_key,
            services=tuple(map(Pattern.parse, self.services)),
            limit=self.limit,
            fallback=self.fallback,
            channels=tuple(self.channels),
        )


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rule set is made of. Teams are in configured order: it settles ties of ownership.

    What has no channels has the version it had before there were any.
    """

    format: int = FORMAT
    files: list[tuple[str, str]]
    teams: list[BundledTeam]
    default_team: str
    spellings: dict[str, int]
    scores: list[tuple[float, int]]
    default_severity: int
    channels: list[ChannelPolicy] | UnsetType = UNSET
    severity_channels: dict[int, list[str]] | UnsetType = UNSET
    callbacks: dict[str, Callback] | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        files: Sequence[tuple[str, str | bytes]],
        *,
        teams: Mapping[str, Team],
        default_team: str,
        scale: SeverityScale,
        channels: Channels = NO_CHANNELS,
    ) -> Bundle:
        """What ``compile_ruleset`` was given."""
        return cls(
            files=[(name, text if isinstance(text, str) else text.decode(errors="replace")) for name, text in files],
            teams=[BundledTeam.of(team) for team in teams.values()],
            default_team=default_team,
            spellings={word: int(severity) for word, severity in sorted(scale.spellings.items())},
            scores=[(bound, int(severity)) for bound, severity in scale.scores],
            default_severity=int(scale.default),
            channels=list(channels.policies.values()) or UNSET,
            severity_channels={int(word): list(names) for word, names in sorted(channels.by_severity.items())} or UNSET,
            callbacks=dict(channels.callbacks) or UNSET,
        )

    def restore_channels(self) -> Channels:
        """The channels again."""
        policies = {} if self.channels is UNSET else {policy.name: policy for policy in self.channels}
        table = {} if self.severity_channels is UNSET else self.severity_channels
        return Channels(
            policies=policies,
            by_severity={Severity(number): tuple(names) for number, names in table.items()},
            callbacks={} if self.callbacks is UNSET else self.callbacks,
        )

    def restore_scale(self) -> SeverityScale:
        """The severity scale again."""
        return SeverityScale(
            spellings={word: Severity(number) for word, number in self.spellings.items()},
            scores=tuple((bound, Severity(number)) for bound, number in self.scores),
            default=Severity(self.default_severity),
        )


def version_of(bundle: Bundle) -> str:
    """12 hex digits; equal for equal texts in equal order, whatever the files are called."""
    nameless = msgspec.structs.replace(bundle, files=[("", text) for _, text in bundle.files])
    return blake2b(msgspec.json.encode(nameless), digest_size=_VERSION_BYTES).hexdigest()


def encode_bundle(bundle: Bundle) -> bytes:
    """The bytes to store."""
    return msgspec.json.encode(bundle)


def decode_bundle(texts: bytes) -> Bundle:
    """The bundle again; ValueError says what is wrong with the bytes."""
    try:
        bundle = msgspec.json.decode(texts, type=Bundle)
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is no bundle of rule texts: {error}") from error
    if bundle.format != FORMAT:
        raise ValueError(f"the bundle has format {bundle.format}; this program knows format {FORMAT}")
    return bundle
