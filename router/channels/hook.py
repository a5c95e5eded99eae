"""Any service that takes JSON: method, headers, and a body whose texts are templates; signed if a secret is given.

The signature is HMAC-SHA256 over ``TIMESTAMP.BODY``, in ``X-Alert-Router-Signature: t=TIMESTAMP,v1=HEX``: the receiver checks
it in constant time and refuses an old timestamp, so that nobody can send it again. ``X-Alert-Router-Delivery`` is the same for
every attempt of a delivery, for a receiver that wants to know a repeat.

Keeps these invariants: the body is always JSON, because a template gives one text inside of it and never a part of its form;
where it goes is the configuration's alone. No template reaches the address or a header, and a redirect is refused, so no alert
can make this machine call a server inside its network.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from router.channels.calling import Caller, Resolve, endpoint_of, outcome_by_status, reveal, secrets_in
from router.channels.message import iso, message_of
from router.model.channel import Hook
from router.model.delivery import Delivery, Outcome, Rejected
from router.model.event import Event
from router.model.ruleset import Template, TemplateFailed
from router.wire.answer import Answer
from router.wire.text import clean

MAX_BODY = 262_144
SIGNATURE_HEADER = "X-Alert-Router-Signature"
DELIVERY_HEADER = "X-Alert-Router-Delivery"

CompileTemplate = Callable[[str], Template]

_encode = msgspec.json.Encoder(enc_hook=str).encode


def context_of(event: Event) -> dict[str, Any]:
    """What a template of a body may speak of."""
    message = message_of(event)
    details = event.details
    labels, annotations = details.get("labels"), details.get("annotations")
    return {
        "state": message.state,
        "action": event.action,
        "dedup_key": event.dedup_key,
        "service": event.source,
        "name": event.class_,
        "severity": event.severity.word,
        "summary": message.title,
        "rule": event.rule,
        "team": event.team,
        "at": iso(event.at),
        "count": details.get("count", ""),
        "labels": labels if isinstance(labels, Mapping) else {},
        "annotations": annotations if isinstance(annotations, Mapping) else {},
        "details": {key: value for key, value in details.items() if key not in {"labels", "annotations"}},
        "generator_url": message.links[0][0] if message.links else "",
        "group": {},
    }


def own_form(event: Event) -> dict[str, Any]:
    """The body without a template."""
    message = message_of(event)
    return {
        "state": message.state,
        "at": iso(event.at),
        "dedup_key": event.dedup_key,
        "service": message.service,
        "name": message.name,
        "severity": message.severity,
        "summary": message.title,
        "text": message.text,
        "rule": message.rule,
        "facts": dict(message.facts),
        "links": [{"href": href, "text": words} for href, words in message.links],
    }


def fill(form: Any, compiled: Mapping[str, Template], context: Mapping[str, Any]) -> Any:
    """The JSON with every text rendered; a template that fails gives its own text, so that the rest still arrives."""
    if isinstance(form, str):
        try:
            return clean(compiled[form].render(context))
        except TemplateFailed as failed:
            return f"(template failed: {failed})"
    if isinstance(form, Mapping):
        return {key: fill(value, compiled, context) for key, value in form.items()}
    if isinstance(form, list):
        return [fill(value, compiled, context) for value in form]
    return form


def texts_of(form: Any) -> list[str]:
    """Every text of a JSON value that is no key."""
    if isinstance(form, str):
        return [form]
    if isinstance(form, Mapping):
        return [text for value in form.values() for text in texts_of(value)]
    if isinstance(form, list):
        return [text for value in form for text in texts_of(value)]
    return []


def sign(secret: str, body: bytes, at_seconds: int) -> str:
    """The signature header's value."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (at_seconds, body), hashlib.sha256).hexdigest()
    return f"t={at_seconds},v1={digest}"


class HookChannel:
    """Fits a channel of ``router.daemon``; writes its own bodies."""

    def __init__(self, channel: Hook, *, resolve: Resolve, caller: Caller, compile_template: CompileTemplate) -> None:
        """Parts as wired; templates were checked when the configuration was loaded."""
        self.endpoint = endpoint_of(resolve, channel.url, f"channel:{channel.name}")
        self._channel = channel
        self._resolve = resolve
        self._caller = caller
        self._compiled = {text: compile_template(text) for text in texts_of(channel.body)}

    def encode(self, event: Event) -> bytes:
        """The body; too long, it is our own form without its longer text."""
        body = own_form(event) if self._channel.body is None else fill(self._channel.body, self._compiled, context_of(event))
        encoded = _encode(body)
        if len(encoded) <= MAX_BODY:
            return encoded
        return _encode({**own_form(event), "text": "", "facts": {"note": "the templated body was too long"}})

    async def send(self, delivery: Delivery) -> Outcome:
        """Call it once."""
        channel = self._channel
        url = reveal(self._resolve, channel.url)
        if isinstance(url, Rejected):
            return url
        headers = {DELIVERY_HEADER: str(delivery.id), **channel.headers}
        secrets = []
        for name, reference in channel.secret_headers.items():
            value = reveal(self._resolve, reference)
            if isinstance(value, Rejected):
                return value
            headers[name] = value
            secrets.append(value)
        now = self._caller.clock.now()
        if channel.signing_secret:
            secret = reveal(self._resolve, channel.signing_secret)
            if isinstance(secret, Rejected):
                return secret
            headers[SIGNATURE_HEADER] = sign(secret, delivery.body, now // 1000)
            secrets.append(secret)
        answer = await self._caller.call(url, delivery.body, headers, method=channel.method)
        return (
            answer
            if not isinstance(answer, Answer)
            else outcome_by_status(answer, secrets=(*secrets_in(url), *secrets), now=now)
        )

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._caller.aclose()
