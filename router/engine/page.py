"""What a page says: the rule's templates over the alert, or plain text when there are none or one fails.

A template that fails costs its own part of the wording and leaves a note; it never costs the page. Lengths and sizes that
PagerDuty accepts are the business of ``router.pagerduty``; here a summary is only kept to one readable length.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from router.engine.policy import Ready
from router.engine.rows import BY_VALUE, Episode, Group, Page, channel_of
from router.model.alert import Alert, Image, Link
from router.model.event import PAGERDUTY, Event, EventAction
from router.model.journal import ChangeReceived, EventForwarded
from router.model.ruleset import ImageTemplate, LinkTemplate, Rule, Template, TemplateFailed
from router.model.severity import Severity

SUMMARY_CAP = 1_024
"""Characters of a summary; PagerDuty takes no more."""

DASH = " - "
"""Stands before what the sender wrote. ASCII: any other dash halves what fits into a text message."""

NOTE = "alert_router_note"
"""The detail that says what the router could not do as asked."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- UTC, which the Z says


class Content(msgspec.Struct, gc=False):
    """What all teams of an episode are told alike."""

    severity: Severity
    summary: str
    details: dict[str, Any]
    links: tuple[Link, ...]
    images: tuple[Image, ...]
    service: str
    name: str
    group: str
    rule: str


def timestamp(at: int) -> str:
    """``2026-11-21T01:42:07Z``."""
    return _of_second(at // 1000)


@lru_cache(1024)  # a burst begins within few seconds
def _of_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat() + "Z"


def plain_summary(alert: Alert) -> str:
    """Service, name and summary on one line, with what there is of them."""
    head = f"{alert.service}: {alert.name}" if alert.name else alert.service
    text = f"{head}{DASH}{alert.summary}" if alert.summary and alert.summary != alert.name else head
    return text if len(text) <= SUMMARY_CAP else text[: SUMMARY_CAP - 1] + "…"


class Writer:
    """Renders the templates of one page; remembers which failed."""

    __slots__ = ("_context", "failures")

    def __init__(self, context: Mapping[str, Any]) -> None:
        """``context`` holds the fields templates may speak of."""
        self._context = context
        self.failures: list[str] = []

    def text(self, template: Template, part: str) -> str | None:
        """The text, or None and a note."""
        try:
            return template.render(self._context)
        except TemplateFailed as failed:
            self.failures.append(f"the template of {part} failed: {failed}")
            return None

    def link(self, template: LinkTemplate) -> Link | None:
        """The link; None if its address fails or is no web address."""
        href = self.text(template.href, "a link")
        if href is None or not _is_web(href):
            return None
        return Link(href=href, text=(template.text and self.text(template.text, "a link's text")) or "")

    def image(self, template: ImageTemplate) -> Image | None:
        """The image; None if its address fails or is not https, which PagerDuty demands."""
        src = self.text(template.src, "an image")
        if src is None or not src.startswith("https://"):
            return None
        return Image(
            src=src,
            href=(template.href and self.text(template.href, "an image's link")) or "",
            alt=(template.alt and self.text(template.alt, "an image's text")) or "",
        )


def compose(ready: Ready | None, group: Group, digest: str, episode: Episode, alert: Alert) -> Content:
    """What to say of this episode, in this alert's words. Without a rule (it was removed) the page is plain."""
    details: dict[str, Any] = {
        "rule": group.rule,
        "group": digest,
        "count": episode.occurrences,
        "started": timestamp(alert.starts_at or episode.opened_at),
    }
    if len(group.members) > 1:
        details["alerts"] = len(group.members)
    if alert.labels:
        details["labels"] = alert.labels
    if alert.annotations:
        details["annotations"] = alert.annotations
    details.update(alert.details)
    links = (Link(href=alert.generator_url), *alert.links) if _is_web(alert.generator_url) else alert.links
    content = Content(
        BY_VALUE[episode.worst],
        plain_summary(alert),
        details,
        links,
        alert.images,
        alert.service,
        alert.name,
        " / ".join(group.values),
        group.rule,
    )
    if episode.flaps:
        content.summary = f"{content.summary[: SUMMARY_CAP - 11]} (flapping)"
    if ready is not None:
        rule = ready.rule
        if rule.summary is not None or rule.details or rule.links or rule.images:
            _apply_templates(content, ready, group, episode, alert)
    return content


def missing(group: Group, ready: Ready | None) -> Alert:
    """What a page says of a reporter that is not heard."""
    expected = group.expected
    assert expected is not None
    within = "" if ready is None else f" for {ready.within}"
    which = " / ".join(group.values)
    return Alert(
        source="alert-router",
        fingerprint="",
        service=expected.service,
        name=expected.name,
        summary=f"nothing has arrived{f' from {which}' if which else ''}{within}",
    )


def _apply_templates(content: Content, ready: Ready, group: Group, episode: Episode, alert: Alert) -> None:
    rule: Rule = ready.rule
    writer = Writer(context_of(content, ready, group, episode, alert))
    if rule.summary is not None:
        content.summary = (writer.text(rule.summary, "summary") or content.summary)[:SUMMARY_CAP]
    for key, template in rule.details:
        text = writer.text(template, f"details.{key}")
        if text is not None:
            content.details[key] = text
    if rule.links:
        links = (writer.link(template) for template in rule.links)
        content.links = tuple(link for link in links if link is not None) + alert.links
    if rule.images:
        images = (writer.image(template) for template in rule.images)
        content.images = tuple(image for image in images if image is not None) + alert.images
    if writer.failures:
        content.details[NOTE] = "; ".join(writer.failures)


def context_of(content: Content, ready: Ready, group: Group, episode: Episode, alert: Alert) -> dict[str, Any]:
    """The fields templates may speak of."""
    return {
        "service": alert.service,
        "name": alert.name,
        "severity": content.severity.word,
        "source": alert.source,
        "summary": alert.summary,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "details": alert.details,
        "generator_url": alert.generator_url,
        "count": episode.occurrences,
        "within": ready.within,
        "rule": ready.id,
        "team": ", ".join([team for team, _ in episode.pages if team]),
        "alerts": max(1, len(group.members)),
        "first_at": timestamp(group.first_at),
        "last_at": timestamp(group.last_at),
        "group": dict(zip(group.names, group.values, strict=True)),
    }


class Subject(NamedTuple):
    """What a channel is reminded of when it hears more of something: PagerDuty knows it by its key, people do not."""

    severity: int
    summary: str
    service: str
    name: str


def subject_of(episode: Episode) -> Subject:
    """What an episode is about."""
    return Subject(episode.worst, episode.summary, episode.service, episode.name)


def trigger(content: Content, page: Page, key: str, at: int, seq: int, *, is_update: bool = False) -> Event:
    """The event that tells one team, or one channel."""
    return Event(
        team=page[0],
        channel=PAGERDUTY if page[0] else channel_of(page),
        routing_key=page[1],
        dedup_key=key,
        action="trigger",
        at=at,
        severity=content.severity,
        summary=content.summary,
        source=content.service,
        component=content.service,
        group=content.group,
        class_=content.name,
        details=content.details,
        links=content.links,
        images=content.images,
        is_update=is_update,
        alert_seq=seq,
        rule=content.rule,
    )


def resolve(  # noqa: PLR0917 -- called for every page that ends; keywords would cost more than the call
    page: Page, key: str, at: int, seq: int, rule: str, subject: Subject, **details: str
) -> Event:
    """The event that ends it, through the routing key that opened it."""
    if not page[0]:
        return remind("resolve", page, key, at, seq, rule, subject, **details)
    return Event(team=page[0], routing_key=page[1], dedup_key=key, action="resolve", at=at, alert_seq=seq, rule=rule)


def remind(  # noqa: PLR0917 -- as ``resolve``
    action: EventAction, page: Page, key: str, at: int, seq: int, rule: str, subject: Subject, **details: str
) -> Event:
    """What has become of it, for a channel."""
    return Event(
        team="",
        channel=channel_of(page),
        routing_key=page[1],
        dedup_key=key,
        action=action,
        at=at,
        severity=BY_VALUE[subject.severity],
        summary=subject.summary,
        source=subject.service,
        component=subject.service,
        class_=subject.name,
        details=dict(details),
        alert_seq=seq,
        rule=rule,
    )


def change(fact: ChangeReceived, page: Page, at: int, seq: int) -> Event:
    """A change event. Its ``at`` is ours, since deliveries age by it; the sender's time is a detail."""
    details = {"changed_at": timestamp(fact.changed_at), **fact.details} if fact.changed_at else fact.details
    return Event(
        team=page[0],
        routing_key=page[1],
        dedup_key="",
        action="change",
        at=at,
        summary=fact.summary,
        source=fact.origin or fact.service,
        component=fact.service,
        details=details,
        links=fact.links,
        alert_seq=seq,
    )


def forward(fact: EventForwarded, at: int, seq: int) -> Event:
    """An event of a key in shadow, as it came."""
    return Event(
        team="",
        routing_key=fact.routing_key,
        dedup_key=fact.dedup_key,
        action=fact.action,
        at=at,
        severity=fact.severity,
        body=fact.body,
        alert_seq=seq,
    )


def _is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))
