"""The door for PagerDuty's webhooks. The signature is the credential; no bearer token is asked for.

PagerDuty drops what is answered 4xx, and after three of those in a row it says nothing for a day. So 401 is for what is not
signed by one of our secrets, and nothing else: what is signed and not understood is answered 202 and left, and what we cannot
take now is answered 429 or 503, which PagerDuty repeats for up to 48 hours.
"""

from __future__ import annotations

from typing import Literal, Protocol

from router.api.exchange import Answer, Refused, Request, answer_json
from router.errors import Overloaded, StoreError

RETRY_SECONDS = 30

Result = Literal["taken", "repeated", "ignored", "unreadable", "forged", "unconfigured"]


class Webhooks(Protocol):
    """Verifies and keeps webhooks."""

    async def take(self, *, signature: str, webhook_id: str, body: bytes) -> Result:
        """What became of it. Overloaded or a StoreError when it has to come again."""
        ...


class Hooks:
    """``POST /v1/pagerduty/webhook``."""

    def __init__(self, webhooks: Webhooks) -> None:
        """Nothing to set up."""
        self._webhooks = webhooks

    async def webhook(self, request: Request) -> Answer:
        """202 once it is durable, or not wanted."""
        headers = request.headers
        try:
            result = await self._webhooks.take(
                signature=headers.get(b"x-pagerduty-signature", b"").decode("latin-1"),
                webhook_id=headers.get(b"x-webhook-id", b"").decode("latin-1"),
                body=request.body,
            )
        except Overloaded as error:
            raise Refused(429, str(error), ((b"retry-after", b"%d" % error.retry_after_seconds),)) from error
        except StoreError as error:
            raise Refused(503, f"the store cannot take it now: {error}", ((b"retry-after", b"%d" % RETRY_SECONDS),)) from error
        match result:
            case "forged":
                raise Refused(401, "X-PagerDuty-Signature is of none of pagerduty.webhook_secrets")
            case "unconfigured":
                raise Refused(503, "no pagerduty.webhook_secrets are configured", ((b"retry-after", b"%d" % RETRY_SECONDS),))
            case _:
                return answer_json({"result": result}, status=202)
