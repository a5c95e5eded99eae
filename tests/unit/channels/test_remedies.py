"""Each usual mistake has its remedy, and none of them shows a secret or nothing at all."""

from __future__ import annotations

import pytest

from router.channels.longtail import MISSING
from router.channels.remedies import remedy_of
from router.model.delivery import Accepted, Rejected, Throttled, Unavailable
from tests.support.channels import COMMON
from tests.unit.channels.test_building import KINDS

HOOK, BOT, DISCORD, TEAMS, MAIL, WEBHOOK, TAIL = (kind(**COMMON, **members) for kind, members in KINDS.items())


@pytest.mark.parametrize(
    ("channel", "outcome", "said"),
    [
        (BOT, Rejected(cause="not_in_channel", status=200), "/invite"),
        (BOT, Rejected(cause="channel_not_found", status=200), "C0123ABCD"),
        (BOT, Rejected(cause="missing_scope (needs chat:write)", status=200), "reinstall"),
        (BOT, Rejected(cause="invalid_auth", status=200), "xoxb-"),
        (HOOK, Rejected(cause="HTTP 404: no_service", status=404), "deleted"),
        (HOOK, Rejected(cause="HTTP 403: invalid_token", status=403), "not complete"),
        (HOOK, Rejected(cause="HTTP 302: redirect", status=302), "moved"),
        (DISCORD, Rejected(cause="10015: Unknown Webhook", status=404), "deleted"),
        (DISCORD, Rejected(cause="50027: Invalid Webhook Token", status=401), "not complete"),
        (TEAMS, Rejected(cause="HTTP 404: WorkflowNotFound: x", status=404), "deleted"),
        (TEAMS, Rejected(cause="HTTP 400: WorkflowTriggerIsNotEnabled: x", status=400), "turned off"),
        (TEAMS, Rejected(cause="HTTP 401: DirectApiAuthorizationRequired: x", status=401), "sig="),
        (MAIL, Rejected(cause="SMTP 535: 5.7.8 no", status=535), "app password"),
        (MAIL, Rejected(cause="STARTTLS extension not supported by server."), "465"),
        (MAIL, Rejected(cause="SMTP 550: no", status=550), "recipient"),
        (MAIL, Unavailable(cause="the mail server's certificate is not good: x"), "ca_file"),
        (MAIL, Unavailable(cause="no answer: [SSL: WRONG_VERSION_NUMBER]"), "security: tls"),
        (MAIL, Unavailable(cause="no answer from x:25"), "resolves and reaches"),
        (WEBHOOK, Rejected(cause="HTTP 401: no", status=401), "secret_headers"),
        (WEBHOOK, Rejected(cause="HTTP 404: no", status=404), "nothing at this address"),
        (WEBHOOK, Rejected(cause="HTTP 413", status=413), "shorten"),
        (WEBHOOK, Rejected(cause="env:GONE cannot be read"), "alert-router check"),
        (WEBHOOK, Rejected(cause="HTTP 422: no", status=422), "all it said"),
        (WEBHOOK, Unavailable(cause="TLS with https://x failed: certificate has expired"), "certificate"),
        (WEBHOOK, Unavailable(cause="cannot connect"), "use_environment_proxy"),
        (WEBHOOK, Unavailable(cause="HTTP 503", status=503), "later"),
        (WEBHOOK, Throttled(), "minute"),
        (TAIL, Rejected(cause=MISSING), "other kinds"),
        (TAIL, Unavailable(cause="apprise: not sent"), "apprise -vv"),
    ],
)  # fmt: skip
def test_the_usual_mistakes(channel, outcome, said):
    assert said in remedy_of(channel, outcome)


def test_what_went_well_needs_no_remedy():
    assert remedy_of(BOT, Accepted()) == ""
