"""Messages of Amazon SNS: whether Amazon signed them, what is inside, and subscriptions that wait to be confirmed.

A signature is checked with a certificate that is fetched from Amazon's own hosts and nowhere else, whatever the message says. A
subscription is confirmed only when the configuration allows it, the message is signed, and the link leads to such a host; the
address of the link is the only thing of a message that is ever fetched. Must never do: fetch by itself.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import msgspec

from router.ingest.certificate import BadCertificate, PublicKey, read_public_key
from router.model.receipt import Unauthorised, Unreadable
from router.model.webhook import Webhook

MAX_CERTIFICATES = 16
"""Certificates remembered; Amazon changes them once a year or so, and has one for each region."""
MAX_RECORDS = 100
"""Messages in one body, as a Lambda function passes them on."""

Fetch = Callable[[str], Awaitable[bytes]]
"""The body behind an https address, without following redirects; OSError if it cannot be had."""

_HOST = re.compile(r"sns\.[a-z0-9-]{1,32}\.amazonaws\.com(?:\.cn)?\Z")
_ALGORITHMS = {"1": "sha1", "2": "sha256"}
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_JSON = msgspec.json.Decoder()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """One envelope, and what was in it; ``message`` None: it was about the subscription itself."""

    envelope: dict[str, Any]
    message: dict[str, Any] | None


class SnsReader:
    """Opens envelopes; one for all sources, for the certificates it remembers."""

    def __init__(self, fetch: Fetch) -> None:
        """``fetch`` is for addresses of ``is_amazon`` only."""
        self._fetch = fetch
        self._keys: dict[str, PublicKey] = {}

    async def open(self, body: Any, webhook: Webhook) -> list[Opened]:
        """Every message in a body. Unreadable if it is none of SNS, Unauthorised if Amazon did not sign it."""
        return [await self._open(envelope, webhook) for envelope in split_envelopes(body)]

    @staticmethod
    def peek(body: Any) -> list[Opened]:
        """What is inside, without asking whether it is genuine: for trying a mapping. Unreadable."""
        return [
            Opened(
                envelope=envelope,
                message=None if envelope["Type"] in _CONFIRMATIONS else _read_message(envelope.get("Message")),
            )
            for envelope in split_envelopes(body)
        ]

    async def _open(self, envelope: dict[str, Any], webhook: Webhook) -> Opened:
        topic = envelope["TopicArn"]
        if webhook.topics and not any(fnmatchcase(topic, pattern) for pattern in webhook.topics):
            raise Unauthorised(f"the topic {topic[:256]} is none of this source's `topics`")
        if webhook.verify_signature:
            await self._verify(envelope)
        if envelope["Type"] in _CONFIRMATIONS:
            if envelope["Type"] == "SubscriptionConfirmation":
                await self._confirm(envelope, webhook)
            return Opened(envelope=envelope, message=None)
        return Opened(envelope=envelope, message=_read_message(envelope.get("Message")))

    async def _verify(self, envelope: dict[str, Any]) -> None:
        algorithm = _ALGORITHMS.get(str(envelope.get("SignatureVersion")))
        address = str(envelope.get("SigningCertURL") or envelope.get("SigningCertUrl") or "")
        if algorithm is None or not address:
            raise Unauthorised("the message is not signed by Amazon SNS (versions 1 and 2 are known)")
        if not is_amazon(address) or not urlsplit(address).path.endswith(".pem"):
            raise Unauthorised("the message names a certificate that is not on a host of Amazon SNS")
        try:
            signature = base64.b64decode(str(envelope.get("Signature") or ""), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unauthorised("the message's signature is no base64") from error
        key = await self._key(address)
        if not key.verifies(signature, text_to_sign(envelope), algorithm):
            raise Unauthorised("the message's signature does not fit: it was changed on the way, or is not from Amazon SNS")

    async def _key(self, address: str) -> PublicKey:
        found = self._keys.get(address)
        if found is None:
            try:
                found = read_public_key(await self._fetch(address))
            except (OSError, BadCertificate) as error:
                raise Unauthorised(f"the certificate at {address[:256]} cannot be used: {error}") from error
            if len(self._keys) >= MAX_CERTIFICATES:
                del self._keys[next(iter(self._keys))]
            self._keys[address] = found
        return found

    async def _confirm(self, envelope: dict[str, Any], webhook: Webhook) -> None:
        if not webhook.confirm_subscriptions:
            raise Unauthorised(
                f"a subscription to {envelope['TopicArn'][:256]} waits to be confirmed; set confirm_subscriptions: true for "
                "this source and let SNS send the request again, or confirm it by hand"
            )
        if not webhook.verify_signature:
            raise Unauthorised("a subscription is confirmed only if its signature is checked (verify_signature)")
        address = str(envelope.get("SubscribeURL") or "")
        if not is_amazon(address) or "Action=ConfirmSubscription" not in urlsplit(address).query:
            raise Unauthorised("the confirmation's link does not lead to a host of Amazon SNS")
        try:
            await self._fetch(address)
        except OSError as error:
            raise Unauthorised(f"the subscription could not be confirmed: {error}") from error


def is_amazon(address: str) -> bool:
    """Whether this is an https address on one of the hosts Amazon SNS answers from, and nothing odd about it."""
    try:
        parts = urlsplit(address)
        return (
            parts.scheme == "https"
            and parts.username is None
            and parts.password is None
            and parts.port in (None, 443)
            and _HOST.match(parts.hostname or "") is not None
            and (parts.netloc.lower().removesuffix(":443") == parts.hostname)
            and not any(character.isspace() or not character.isprintable() for character in address)
        )
    except ValueError:
        return False


def split_envelopes(body: Any) -> list[dict[str, Any]]:
    """One envelope, or those a Lambda function passes on as ``Records``. Unreadable."""
    if isinstance(body, dict) and isinstance(body.get("Records"), list):
        envelopes: list[Any] = [record.get("Sns") for record in body["Records"][:MAX_RECORDS] if isinstance(record, dict)]
    else:
        envelopes = [body]
    for envelope in envelopes:
        if not (
            isinstance(envelope, dict)
            and isinstance(envelope.get("TopicArn"), str)
            and envelope.get("Type") in ("Notification", *_CONFIRMATIONS)
        ):
            raise Unreadable(
                "expected a message of Amazon SNS, with Type and TopicArn; switch raw message delivery off for the subscription"
            )
    return envelopes


def text_to_sign(envelope: dict[str, Any]) -> bytes:
    """What Amazon signs: names and values of certain members in order, each on a line of its own."""
    names = _SUBSCRIPTION if envelope["Type"] in _CONFIRMATIONS else _NOTIFICATION
    lines = [f"{name}\n{envelope[name]}\n" for name in names if isinstance(envelope.get(name), str)]
    return "".join(lines).encode()


def _read_message(text: Any) -> dict[str, Any]:
    """The message as an object; one that is no JSON object becomes ``{"text": …}``."""
    try:
        found = _JSON.decode(text) if isinstance(text, str) else None
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        found = None
    return found if isinstance(found, dict) else {"text": text if isinstance(text, str) else ""}
