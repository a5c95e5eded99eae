"""Takes out of a journal what must not leave the house, so that it still decides alike: equal values get equal pseudonyms.

A pseudonym is ``LABEL-`` and 12 hex digits of a keyed digest: who does not have the key can neither read it back nor try values
out. The values replaced are replaced in the alert's free text too, where senders like to repeat them. With anything redacted,
fingerprints become pseudonyms as well, for they are digests of the labels.

What a rule matches by value (``labels: {customer: acme}``) does not match its pseudonym; redact what rules only group or count
by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, assert_never

import msgspec

from router.model.alert import Alert, Link
from router.model.journal import (
    AlertReceived,
    ChangeReceived,
    DeliveryFailed,
    Entry,
    EpisodeClosed,
    EventForwarded,
    Fact,
    IncidentChanged,
    Restarted,
    RuleAdopted,
    RulesChanged,
    SilenceChanged,
)
from router.model.pattern import Pattern
from router.model.silence import PlainMatch

WHOLE = ("annotations", "details", "summary", "links", "generator_url")
"""Names that stand for a whole part of the alert instead of a label: it is left out."""

FIELDS = ("service", "name")
"""Fields of the alert that may be redacted like labels."""

SHORTEST_REPLACED = 4
"""Values shorter than this are not looked for in free text: they stand in too many words."""


class Redactor:
    """Redacts entries, one by one; the same key gives the same pseudonyms."""

    def __init__(self, names: Iterable[str], key: bytes) -> None:
        """``names``: labels, or the words of WHOLE and FIELDS; ``key``: at most 64 bytes, secret."""
        self._names = frozenset(names)
        self._key = key
        self._pseudonym = lru_cache(65_536)(self._make)

    def redact(self, entry: Entry) -> Entry:
        """The entry without what was named."""
        if not self._names:
            return entry
        return Entry(seq=entry.seq, at=entry.at, fact=self._fact(entry.fact))

    def _make(self, name: str, value: str) -> str:
        digest = blake2b(f"{name}\0{value}".encode(errors="surrogatepass"), digest_size=6, key=self._key[:64])
        return f"{name}-{digest.hexdigest()}"

    def _fact(self, fact: Fact) -> Fact:
        match fact:
            case AlertReceived(alert=alert):
                return AlertReceived(alert=self._alert(alert))
            case ChangeReceived():
                return self._change(fact)
            case EventForwarded():
                return self._forwarded(fact)
            case Restarted() | RulesChanged() | DeliveryFailed():
                return fact
            case IncidentChanged(who=who):
                return msgspec.structs.replace(fact, who=self._person(who))
            case SilenceChanged():
                return self._silence(fact)
            case EpisodeClosed():
                return msgspec.structs.replace(fact, by=self._person(fact.by), reason="")
            case RuleAdopted():
                return msgspec.structs.replace(fact, by=self._person(fact.by))
            case _:
                assert_never(fact)

    def _person(self, who: str) -> str:
        """People's names are never needed for a replay."""
        return self._pseudonym("person", who) if who else ""

    def _alert(self, alert: Alert) -> Alert:
        replaced: dict[str, str] = {}
        labels = self._values(alert.labels, replaced)
        details = {} if "details" in self._names else self._values(alert.details, replaced)
        annotations = {} if "annotations" in self._names else self._values(alert.annotations, replaced)
        fields = {name: self._field(name, getattr(alert, name), replaced) for name in FIELDS}
        links = () if "links" in self._names else alert.links
        return msgspec.structs.replace(
            alert,
            fingerprint=self._pseudonym("fingerprint", alert.fingerprint).removeprefix("fingerprint-"),
            labels=labels,
            annotations=_cover(annotations, replaced),
            details=_cover(details, replaced),
            summary="" if "summary" in self._names else _cover(alert.summary, replaced),
            generator_url="" if "generator_url" in self._names else _cover(alert.generator_url, replaced),
            links=tuple(Link(href=_cover(link.href, replaced), text=_cover(link.text, replaced)) for link in links),
            images=() if "links" in self._names else alert.images,
            **fields,
        )

    def _change(self, fact: ChangeReceived) -> ChangeReceived:
        replaced: dict[str, str] = {}
        service = self._field("service", fact.service, replaced)
        details = {} if "details" in self._names else self._values(fact.details, replaced)
        links = () if "links" in self._names else fact.links
        return msgspec.structs.replace(
            fact,
            service=service,
            summary="" if "summary" in self._names else _cover(fact.summary, replaced),
            origin=_cover(fact.origin, replaced),
            details=_cover(details, replaced),
            links=tuple(Link(href=_cover(link.href, replaced), text=_cover(link.text, replaced)) for link in links),
        )

    def _forwarded(self, fact: EventForwarded) -> EventForwarded:
        """The body is for PagerDuty alone; a replay goes by what it says."""
        key = self._pseudonym("dedup_key", fact.dedup_key) if fact.dedup_key else ""
        alert = None if fact.alert is None else self._alert(fact.alert)
        return msgspec.structs.replace(fact, dedup_key=key, body="{}", alert=alert)

    def _silence(self, fact: SilenceChanged) -> SilenceChanged:
        silence = fact.silence
        if silence is not None:
            match = self._match(silence.match)
            silence = msgspec.structs.replace(silence, match=match, reason="", by=self._person(silence.by))
        return msgspec.structs.replace(fact, silence=silence, by=self._person(fact.by))

    def _match(self, match: PlainMatch) -> PlainMatch:
        plain: PlainMatch = msgspec.structs.replace(
            match,
            labels=tuple((label, self._patterns(label, texts)) for label, texts in match.labels),
            services=self._patterns("service", match.services),
            names=self._patterns("name", match.names),
            unless=tuple(map(self._match, match.unless)),
        )
        return plain

    def _patterns(self, name: str, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Exact values become their pseudonyms; a glob over what is redacted matches nothing any more."""
        if name not in self._names:
            return texts
        found = []
        for text in texts:
            pattern = Pattern.parse(text)
            covered = self._pseudonym(name, pattern.text) if pattern.text else ""
            found.append(f"!{covered}" if pattern.negated else covered)
        return tuple(found)

    def _field(self, name: str, value: str, replaced: dict[str, str]) -> str:
        if name not in self._names or not value:
            return value
        replaced[value] = self._pseudonym(name, value)
        return replaced[value]

    def _values(self, values: Mapping[str, Any], replaced: dict[str, str]) -> dict[str, Any]:
        found = dict(values)
        for name in self._names.intersection(found):
            value = found[name]
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            if text:
                found[name] = replaced[text] = self._pseudonym(name, text)
        return found


def _cover(value: Any, replaced: Mapping[str, str]) -> Any:
    """Free text, or data with texts in it, with every replaced value covered; the longest first, one may hold another."""
    if not replaced:
        return value
    if isinstance(value, str):
        for text in sorted(replaced, key=len, reverse=True):
            if len(text) >= SHORTEST_REPLACED and text in value:
                value = value.replace(text, replaced[text])
        return value
    if isinstance(value, dict):
        return {_cover(key, replaced): _cover(inner, replaced) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cover(inner, replaced) for inner in value]
    return value
