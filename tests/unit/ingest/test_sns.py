from __future__ import annotations

import json
from typing import Any

import pytest

from router.ingest.sns import SnsReader, is_amazon, split_envelopes, text_to_sign
from router.model.receipt import Unauthorised, Unreadable
from router.model.webhook import Webhook
from tests.support.signing import CERTIFICATE_URL, SUBSCRIBE_URL, Fetcher, signed
from tests.support.webhooks import sample

WEBHOOK = Webhook(preset="cloudwatch-sns")
CONFIRMING = Webhook(preset="cloudwatch-sns", confirm_subscriptions=True)
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "m",
    "TopicArn": "arn:aws:sns:eu-west-1:1:t",
    "Subject": "ALARM",
    "Message": '{"AlarmName": "x"}',
    "Timestamp": "2026-01-01T00:00:00.000Z",
}
SUBSCRIPTION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "m",
    "TopicArn": "arn:aws:sns:eu-west-1:1:t",
    "Message": "confirm",
    "Token": "x",
    "SubscribeURL": SUBSCRIBE_URL,
    "Timestamp": "2026-01-01T00:00:00.000Z",
}


async def open_one(envelope: dict[str, Any], webhook: Webhook = WEBHOOK, fetcher: Fetcher | None = None) -> Any:
    (opened,) = await SnsReader(fetcher or Fetcher()).open(envelope, webhook)
    return opened.message


@pytest.mark.parametrize("version", ["1", "2"])
async def test_a_signed_message_is_opened(version: str) -> None:
    fetcher = Fetcher()
    assert await open_one(signed(NOTIFICATION, version), fetcher=fetcher) == {"AlarmName": "x"}
    assert fetcher.asked == [CERTIFICATE_URL]


async def test_the_certificate_is_fetched_once() -> None:
    fetcher = Fetcher()
    reader = SnsReader(fetcher)
    for _ in range(3):
        await reader.open(signed(NOTIFICATION), WEBHOOK)
    assert len(fetcher.asked) == 1


@pytest.mark.parametrize("member", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn"])
async def test_a_message_that_was_changed_is_refused(member: str) -> None:
    with pytest.raises(Unauthorised, match="does not fit"):
        await open_one(signed(NOTIFICATION) | {member: "changed"})


async def test_a_message_without_a_subject_has_none_signed() -> None:
    plain = {name: value for name, value in NOTIFICATION.items() if name != "Subject"}
    assert await open_one(signed(plain)) == {"AlarmName": "x"}
    assert b"Subject" not in text_to_sign(plain)


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://evil.example#@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://s3.amazonaws.com/bucket/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com/ a.pem",
        "https://[::1]/a.pem",
        "https://[/a.pem",
        "file:///etc/passwd.pem",
        "",
    ],
)
async def test_a_certificate_from_elsewhere_is_never_fetched(address: str) -> None:
    fetcher = Fetcher()
    with pytest.raises(Unauthorised):
        await open_one(signed(NOTIFICATION) | {"SigningCertURL": address}, fetcher=fetcher)
    assert fetcher.asked == []


@pytest.mark.parametrize(
    "odd", [{"Signature": "?"}, {"Signature": None}, {"SignatureVersion": "3"}, {"SignatureVersion": None}]
)
async def test_odd_signatures_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(Unauthorised):
        await open_one(signed(NOTIFICATION) | odd)


@pytest.mark.parametrize("answers", [{}, {CERTIFICATE_URL: b"no certificate"}])
async def test_without_a_certificate_nothing_is_taken(answers: dict[str, bytes]) -> None:
    with pytest.raises(Unauthorised, match="cannot be used"):
        await open_one(signed(NOTIFICATION), fetcher=Fetcher(answers))


async def test_a_genuine_message_needs_its_genuine_certificate() -> None:
    envelope = json.loads(sample("cloudwatch-sns-alarm"))
    fetcher = Fetcher({envelope["SigningCertURL"]: Fetcher().answers[CERTIFICATE_URL]})
    with pytest.raises(Unauthorised, match="does not fit"):
        await open_one(envelope, fetcher=fetcher)


async def test_topics_are_looked_at_first() -> None:
    fetcher = Fetcher()
    for topics in (("arn:aws:sns:eu-west-1:1:t",), ("arn:aws:sns:*:1:*",)):
        assert await open_one(signed(NOTIFICATION), Webhook(preset="cloudwatch-sns", topics=topics)) is not None
    with pytest.raises(Unauthorised, match="topics"):
        await open_one(signed(NOTIFICATION), Webhook(preset="cloudwatch-sns", topics=("arn:aws:sns:*:2:*",)), fetcher)
    assert fetcher.asked == []


async def test_a_subscription_is_confirmed_when_allowed() -> None:
    fetcher = Fetcher()
    assert await open_one(signed(SUBSCRIPTION), CONFIRMING, fetcher) is None
    assert fetcher.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]


@pytest.mark.parametrize(
    ("webhook", "changes", "words"),
    [
        (WEBHOOK, {}, "confirm_subscriptions"),
        (CONFIRMING, {"SubscribeURL": "https://evil.example/?Action=ConfirmSubscription"}, "does not lead"),
        (CONFIRMING, {"SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Publish"}, "does not lead"),
        (CONFIRMING, {"SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&x=1"}, "no route"),
    ],
)
async def test_a_subscription_is_confirmed_nowhere_else(webhook: Webhook, changes: dict[str, str], words: str) -> None:
    fetcher = Fetcher()
    with pytest.raises(Unauthorised, match=words):
        await open_one(signed(SUBSCRIPTION | changes), webhook, fetcher)
    assert all(address.startswith("https://sns.eu-west-1.amazonaws.com/") for address in fetcher.asked)


async def test_an_unsigned_subscription_is_never_confirmed() -> None:
    unchecked = Webhook(preset="cloudwatch-sns", confirm_subscriptions=True, verify_signature=False)
    fetcher = Fetcher()
    with pytest.raises(Unauthorised, match="only if its signature"):
        await open_one(SUBSCRIPTION, unchecked, fetcher)
    with pytest.raises(Unauthorised):
        await open_one(json.loads(sample("cloudwatch-sns-subscription-confirmation")), CONFIRMING, fetcher)
    assert SUBSCRIBE_URL not in fetcher.asked


@pytest.mark.parametrize("member", ["SubscribeURL", "Token", "TopicArn", "Message", "MessageId", "Timestamp", ""])
async def test_a_forged_subscription_is_never_confirmed(member: str) -> None:
    """Also one whose link leads to Amazon: it may be the forger's own topic."""
    fetcher = Fetcher()
    link = SUBSCRIBE_URL + "&Token=forged"
    forged = signed(SUBSCRIPTION) | {member: link if member == "SubscribeURL" else "forged"} if member else SUBSCRIPTION
    with pytest.raises(Unauthorised, match="does not fit" if member else "is not signed"):
        await open_one(forged, CONFIRMING, fetcher)
    assert not set(fetcher.asked) & {SUBSCRIBE_URL, link}


async def test_the_end_of_a_subscription_is_only_noted() -> None:
    assert await open_one(signed(SUBSCRIPTION | {"Type": "UnsubscribeConfirmation"})) is None


async def test_a_message_that_is_no_object_is_a_text() -> None:
    assert await open_one(signed(NOTIFICATION | {"Message": "hello"})) == {"text": "hello"}
    assert await open_one(signed(NOTIFICATION | {"Message": "[1]"})) == {"text": "[1]"}


@pytest.mark.parametrize(
    "body", [[], {}, {"Type": "Notification"}, {"Type": "x", "TopicArn": "t"}, {"Records": [{}]}, "text", None]
)
def test_what_is_not_of_sns_is_refused(body: Any) -> None:
    with pytest.raises(Unreadable, match="raw message delivery"):
        split_envelopes(body)


def test_messages_passed_on_by_a_function_are_several() -> None:
    assert len(split_envelopes(json.loads(sample("cloudwatch-lambda-sns-multiple-metrics")))) == 1


def test_hosts_of_amazon() -> None:
    assert is_amazon("https://sns.cn-north-1.amazonaws.com.cn/a.pem")
    assert is_amazon("https://SNS.eu-west-1.amazonaws.com:443/a.pem")
    assert not is_amazon("https://sns.amazonaws.com.evil/a.pem")
