"""All reasons why an event would be refused, collected for one answer.

A finding that rests on an assumption instead of on documentation or an observed answer carries a short name;
the answer lists those names in a header of the sandbox's own, so that nobody mistakes them for facts.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from router.sandbox.switches import Switches
from router.sandbox.timestamps import parse_iso

KEY_LENGTH = 32
DEDUP_KEY_LENGTH = 255
SUMMARY_LENGTH = 1024
SEVERITIES = ("critical", "warning", "error", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")
_EVENT_MEMBERS = frozenset({"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"})


class Finding(msgspec.Struct, frozen=True):
    """One failed check; ``assumed`` names the assumption it rests on, if any."""

    text: str
    assumed: str = ""


class NotAnObject(ValueError):
    """The body is not one JSON object in UTF-8."""


class DuplicateMember(ValueError):
    """The body names a member of one object twice; readers would disagree about its meaning."""


def decode(body: bytes, switches: Switches) -> dict[str, Any]:
    """The body as an object, or one of the two errors above."""
    hook = _refuse_duplicates if switches.reject_duplicate_members else None
    try:
        text = body.decode("utf-8")
        content = json.loads(text, object_pairs_hook=hook, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except DuplicateMember:
        raise
    except (ValueError, RecursionError) as error:
        raise NotAnObject(str(error)) from error
    if not isinstance(content, dict):
        raise NotAnObject("not an object")
    return content


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMember("a member occurs twice")
    return members


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def check_event(content: dict[str, Any], switches: Switches) -> list[Finding]:
    """Everything wrong with an alert event."""
    findings = _check_routing_key(content.get("routing_key"))
    action = content.get("event_action")
    if action is None or action == "":
        findings.append(Finding("'event_action' is missing or blank"))
    elif action not in ACTIONS:
        findings.append(Finding("'event_action' is invalid", "action-text"))
    findings += _check_dedup_key(content.get("dedup_key"), action, switches)
    if action == "trigger":
        findings += _check_payload(content.get("payload"), switches)
        findings += _check_attachments(content, switches)
        if switches.optional_member_types == "reject":
            findings += _check_texts(content, "", ("client", "client_url"))
    if switches.unknown_members == "reject":
        unknown = sorted(set(content) - _EVENT_MEMBERS)
        findings += [Finding(f"{name!r} is not a member of an event", "unknown-member") for name in unknown]
    return findings


def check_change(content: dict[str, Any], switches: Switches) -> list[Finding]:
    """Everything wrong with a change event."""
    key = content.get("routing_key")
    findings = _check_routing_key(key)
    if not findings and isinstance(key, str) and key.startswith("R"):
        findings.append(Finding("'routing_key' belongs to a rule set, which takes no change events"))
    payload = content.get("payload")
    if not isinstance(payload, dict):
        findings.append(Finding("'payload' is missing or not an object"))
    else:
        findings += _check_summary(payload.get("summary"), switches)
        findings += _check_timestamp(payload.get("timestamp"))
        findings += _check_details(payload, switches)
        if switches.optional_member_types == "reject":
            findings += _check_texts(payload, "payload.", ("source",))
    return findings + _check_attachments(content, switches)


def _check_routing_key(key: Any) -> list[Finding]:
    if key is None or key == "":
        return [Finding("'routing_key' cannot be blank")]
    if not isinstance(key, str):
        return [Finding("'routing_key' must be a string", "routing-key-type")]
    findings = []
    if len(key) != KEY_LENGTH:
        findings.append(Finding(f"Length of 'routing_key' is incorrect (should be {KEY_LENGTH} characters)"))
    if not (key.isascii() and key.isalnum()):
        findings.append(Finding("'routing_key' cannot contain non-alphanumeric characters."))
    return findings


def _check_dedup_key(key: Any, action: Any, switches: Switches) -> list[Finding]:
    if key is None or key == "":
        if action in ("acknowledge", "resolve"):
            return [Finding("'dedup_key' is missing or blank")]
        return []
    if not isinstance(key, str):
        return [Finding("'dedup_key' must be a string", "dedup-key-type")]
    if len(key) > DEDUP_KEY_LENGTH and switches.long_dedup_key == "reject":
        return [Finding(f"'dedup_key' is too long (maximum is {DEDUP_KEY_LENGTH} characters)", "dedup-key-length")]
    return []


def _check_payload(payload: Any, switches: Switches) -> list[Finding]:
    if not isinstance(payload, dict):
        return [Finding("'payload' is missing or not an object")]
    findings = _check_summary(payload.get("summary"), switches)
    source = payload.get("source")
    if source is None or (isinstance(source, str) and not source.strip()):
        findings.append(Finding("'payload.source' is missing or blank"))
    elif not isinstance(source, str):
        findings.append(Finding("'payload.source' must be a string", "source-type"))
    severity = payload.get("severity")
    if severity is None or severity == "":
        findings.append(Finding("'payload.severity' is missing or blank"))
    elif severity not in SEVERITIES:
        findings.append(
            Finding("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
        )
    findings += _check_timestamp(payload.get("timestamp"))
    findings += _check_details(payload, switches)
    if switches.optional_member_types == "reject":
        findings += _check_texts(payload, "payload.", ("component", "group", "class"))
    return findings


def _check_summary(summary: Any, switches: Switches) -> list[Finding]:
    if summary is None or (isinstance(summary, str) and not summary.strip()):
        return [Finding("'payload.summary' is missing or blank")]
    if not isinstance(summary, str):
        return [Finding("'payload.summary' must be a string", "summary-type")]
    length = len(summary) if switches.summary_unit == "code_points" else len(summary.encode("utf-16-le")) // 2
    if length > SUMMARY_LENGTH:
        return [Finding(f"'summary' is too long (maiximum is {SUMMARY_LENGTH} characters)")]
    return []


def _check_timestamp(timestamp: Any) -> list[Finding]:
    if timestamp is None or (isinstance(timestamp, str) and parse_iso(timestamp) is not None):
        return []
    return [Finding("'payload.timestamp' is not an ISO 8601 date and time")]


def _check_details(payload: dict[str, Any], switches: Switches) -> list[Finding]:
    details = payload.get("custom_details")
    if details is None or isinstance(details, dict) or switches.custom_details_type == "accept":
        return []
    return [Finding("'payload.custom_details' must be an object", "custom-details-type")]


def _check_texts(holder: dict[str, Any], prefix: str, names: tuple[str, ...]) -> list[Finding]:
    return [
        Finding(f"'{prefix}{name}' must be a string", "optional-member-type")
        for name in names
        if holder.get(name) is not None and not isinstance(holder[name], str)
    ]


def _check_attachments(content: dict[str, Any], switches: Switches) -> list[Finding]:
    if switches.malformed_attachments == "drop":
        for name, is_good in (("links", is_link), ("images", is_image)):
            found = content.get(name)
            if found is not None:
                content[name] = [item for item in found if is_good(item)] if isinstance(found, list) else []
        return []
    findings = []
    for name, is_good, assumed in (("links", is_link, "link-member"), ("images", is_image, "image-member")):
        found = content.get(name)
        if found is None:
            continue
        if not isinstance(found, list):
            findings.append(Finding(f"'{name}' must be a list", assumed))
            continue
        findings += [
            Finding(f"'{name}[{index}]' is malformed", assumed) for index, item in enumerate(found) if not is_good(item)
        ]
    return findings


def is_link(item: Any) -> bool:
    """Whether a link names where it leads."""
    return isinstance(item, dict) and isinstance(item.get("href"), str) and bool(item["href"].strip())


def is_image(item: Any) -> bool:
    """Whether an image is served over https, as the documentation demands."""
    return isinstance(item, dict) and isinstance(item.get("src"), str) and item["src"].startswith("https://")
