"""The sources behind ``POST /v1/sources/NAME``: who may send, what a body holds, and the alerts it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from router.ingest.batch import Batch
from router.ingest.credentials import check_sender
from router.ingest.limits import MAX_BATCH
from router.ingest.mapped import MappedReader, Read, decode
from router.ingest.presets.table import complete
from router.ingest.sns import Fetch, SnsReader
from router.ingest.sources import SourceSettings
from router.model.receipt import UnknownSource
from router.model.severity import SeverityScale
from router.model.webhook import Webhook

SNS_PRESET = "cloudwatch-sns"

Headers = Mapping[bytes, bytes]
Query = Mapping[str, list[str]]


class _Webhook(msgspec.Struct, frozen=True):
    """One source, ready."""

    webhook: Webhook
    reader: MappedReader


class WebhookReader:
    """Reads the bodies of all sources of kind webhook."""

    def __init__(
        self, sources: Iterable[SourceSettings], scale: SeverityScale, fetch: Fetch, max_batch: int = MAX_BATCH
    ) -> None:
        """ExpressionError for a mapping that was not checked. ``fetch``: see ``sns``."""
        self._sns = SnsReader(fetch)
        self._sources: dict[str, _Webhook] = {}
        for source in sources:
            if source.webhook is not None:
                webhook = complete(source.webhook)
                self._sources[source.name] = _Webhook(webhook, MappedReader(source, webhook, scale, max_batch))

    def has_credentials(self, name: str) -> bool:
        """Whether the source of this name proves its sender itself."""
        found = self._sources.get(name)
        if found is None:
            return False
        # What Amazon signs says only that it is Amazon's; whose it is, the topic says.
        is_signed = found.webhook.preset == SNS_PRESET and found.webhook.verify_signature and bool(found.webhook.topics)
        return is_signed or found.webhook.credentials is not None

    async def read(self, name: str, body: bytes, headers: Headers, query: Query, now: int) -> tuple[Batch, int]:
        """What is in a body, and how much of it says neither firing nor resolved.

        UnknownSource, Unauthorised; Unreadable and TooLarge for the body as a whole.
        """
        source = self._source(name)
        if source.webhook.credentials is not None:
            check_sender(source.webhook.credentials, headers, query, body)
        value = decode(body, _content_type(headers))
        if source.webhook.preset != SNS_PRESET:
            return source.reader.read(value, headers, now)
        batch, ignored = Batch(), 0
        for opened in await self._sns.open(value, source.webhook):
            if opened.message is None:
                ignored += 1
                continue
            for one in source.reader.read_items([opened.message], opened.envelope, headers, now):
                ignored += batch.take(one.alert, one.report)
        return batch, ignored

    def show(self, name: str, body: bytes, headers: Headers, now: int) -> list[Read]:
        """Item by item, for ``sources try``: nobody is asked who they are, and no signature is checked."""
        source = self._source(name)
        return show_body(source.webhook, source.reader, body, headers, now)

    def _source(self, name: str) -> _Webhook:
        found = self._sources.get(name)
        if found is None:
            known = f"; there are {', '.join(sorted(self._sources))}" if self._sources else ""
            raise UnknownSource(f"no source {name[:64]!r} takes webhooks{known}")
        return found


def show_body(webhook: Webhook, reader: MappedReader, body: bytes, headers: Headers, now: int) -> list[Read]:
    """Item by item, with what each expression gave."""
    value = decode(body, _content_type(headers))
    if webhook.preset != SNS_PRESET:
        return reader.read_each(value, headers, now)
    opened = SnsReader.peek(value)
    return [
        read
        for one in opened
        if one.message is not None
        for read in reader.read_items([one.message], one.envelope, headers, now)
    ]


def _content_type(headers: Headers) -> str:
    return headers.get(b"content-type", b"").decode("latin-1")
