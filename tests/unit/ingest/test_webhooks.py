from __future__ import annotations

import json

import pytest

from router.ingest.sources import SourceSettings
from router.ingest.webhooks import WebhookReader
from router.model.receipt import Unauthorised, UnknownSource
from router.model.severity import SeverityScale
from router.model.webhook import Credentials, Webhook
from tests.support.signing import Fetcher, signed
from tests.support.webhooks import NOW, sample

SECRET = "correct-horse-battery"
TOPIC = "arn:aws:sns:eu-west-1:1:t"


def source(name: str, webhook: Webhook) -> SourceSettings:
    return SourceSettings(name=name, kind="webhook", resolve_timeout_ms=0, webhook=webhook)


def make() -> WebhookReader:
    sources = [
        SourceSettings(name="prometheus", kind="alertmanager"),
        source("web", Webhook(preset="pingdom", credentials=Credentials(secret=SECRET))),
        source("open", Webhook(preset="pingdom")),
        source("aws", Webhook(preset="cloudwatch-sns", topics=(TOPIC,))),
        source("any-aws", Webhook(preset="cloudwatch-sns")),
    ]
    return WebhookReader(sources, SeverityScale(), Fetcher())


async def test_who_does_not_show_the_secret_is_refused_before_the_body_is_read() -> None:
    with pytest.raises(Unauthorised):
        await make().read("web", b"{", {}, {}, NOW)
    batch, ignored = await make().read("web", sample("pingdom-down"), {}, {"token": [SECRET]}, NOW)
    assert (len(batch.reports), ignored) == (1, 0)
    assert batch.reports[0].alert.source == "web"


@pytest.mark.parametrize("name", ["prometheus", "nobody"])
async def test_other_names_are_no_webhooks(name: str) -> None:
    with pytest.raises(UnknownSource, match="there are any-aws, aws, open, web"):
        await make().read(name, b"{}", {}, {}, NOW)


def test_which_sources_need_no_token_of_ours() -> None:
    reader = make()
    assert [name for name in ("web", "open", "aws", "any-aws", "nobody") if reader.has_credentials(name)] == ["web", "aws"]


async def test_messages_of_sns_are_opened_first() -> None:
    alarm = json.loads(sample("cloudwatch-sns-alarm"))
    envelope = {name: alarm[name] for name in ("Type", "MessageId", "Subject", "Message", "Timestamp")} | {"TopicArn": TOPIC}
    batch, ignored = await make().read("aws", json.dumps(signed(envelope)).encode(), {}, {}, NOW)
    assert (batch.reports[0].alert.name, ignored) == ("bucketbytesAlarm", 0)
    ending = signed(
        {name: value for name, value in envelope.items() if name != "Subject"} | {"Type": "UnsubscribeConfirmation"}
    )
    batch, ignored = await make().read("aws", json.dumps(ending).encode(), {}, {}, NOW)
    assert (batch.reports, batch.events, ignored) == ([], [], 1)
    with pytest.raises(Unauthorised):
        await make().read("aws", sample("cloudwatch-sns-alarm"), {}, {}, NOW)


def test_a_body_can_be_shown_without_asking_who_sent_it() -> None:
    assert make().show("web", sample("pingdom-down"), {}, NOW)[0].alert is not None
    assert make().show("aws", sample("cloudwatch-sns-alarm"), {}, NOW)[0].alert is not None
