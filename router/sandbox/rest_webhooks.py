"""REST on webhook subscriptions. The secret is told in the answer to creating one and in no other."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from router.sandbox.rest_request import RestProblem, RestRequest, invalid, paged, reference_id
from router.sandbox.webhook_body import EVENT_TYPES
from router.sandbox.webhooks import Subscription, WebhookBook

_FILTERS = ("account_reference", "service_reference", "team_reference")
_REDACTED = "<redacted>"


class SubscriptionHandlers:
    """The calls under ``/webhook_subscriptions``."""

    def __init__(self, book: WebhookBook) -> None:
        self._book = book

    def list(self, request: RestRequest) -> dict[str, Any]:
        """All subscriptions, without their secrets."""
        kind, filter_id = request.one("filter_type"), request.one("filter_id")
        found = [
            one
            for one in self._book.subscriptions.values()
            if (not kind or one.filter_type == f"{kind}_reference") and (not filter_id or one.filter_id == filter_id)
        ]
        page = paged(request, "webhook_subscriptions", found)
        rows = page["webhook_subscriptions"]
        page["webhook_subscriptions"] = [_picture(one, request.now) for one in rows]
        return page

    def get(self, request: RestRequest) -> dict[str, Any]:
        """One subscription, without its secret."""
        return {"webhook_subscription": _picture(self._found(request), request.now)}

    def create(self, request: RestRequest) -> dict[str, Any]:
        """A new subscription; this answer tells the secret."""
        wanted = request.wrapped("webhook_subscription")
        method = wanted.get("delivery_method")
        if not isinstance(method, dict) or method.get("type") != "http_delivery_method":
            raise invalid("delivery_method.type must be http_delivery_method")
        url = method.get("url")
        if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise invalid("delivery_method.url must be an http or https address")
        filter_type, filter_id = _filter(request, wanted)
        try:
            made = self._book.subscribe(
                url=url,
                events=_events(wanted),
                filter_type=filter_type,
                filter_id=filter_id,
                description=str(wanted.get("description") or ""),
                custom_headers=_custom_headers(method),
                active=wanted.get("active", True) is True,
            )
        except OverflowError as error:
            raise RestProblem(400, 2019, "Product Limit Reached") from error
        return {"webhook_subscription": _picture(made, request.now, secret=made.secret)}

    def update(self, request: RestRequest) -> dict[str, Any]:
        """Change everything but the delivery method: a new address means a new subscription."""
        found, wanted = self._found(request), request.wrapped("webhook_subscription")
        if "delivery_method" in wanted:
            raise invalid("delivery_method cannot be changed")
        if "events" in wanted:
            found.events = _events(wanted)
        if "filter" in wanted:
            found.filter_type, found.filter_id = _filter(request, wanted)
        if "description" in wanted:
            found.description = str(wanted["description"] or "")
        if "active" in wanted:
            found.active = wanted["active"] is True
        return {"webhook_subscription": _picture(found, request.now)}

    def delete(self, request: RestRequest) -> None:
        """No such subscription any more."""
        self._book.remove(self._found(request).id)

    def ping(self, request: RestRequest) -> None:
        """Send a test webhook."""
        self._book.ping(self._found(request), request.now)

    def enable(self, request: RestRequest) -> dict[str, Any]:
        """Lift a temporary disablement."""
        found = self._found(request)
        found.disabled_until = 0
        return {"webhook_subscription": _picture(found, request.now)}

    def _found(self, request: RestRequest) -> Subscription:
        found = self._book.subscriptions.get(request.path[1])
        if found is None:
            raise RestProblem(404, 2100, "Not Found")
        return found


def _events(wanted: dict[str, Any]) -> list[str]:
    events = wanted.get("events")
    if not isinstance(events, list) or not events:
        raise invalid("events cannot be empty")
    wrong = [name for name in events if name not in EVENT_TYPES]
    if wrong:
        raise invalid(f"events knows no {wrong[0]!r}")
    return list(events)


def _filter(request: RestRequest, wanted: dict[str, Any]) -> tuple[Any, str]:
    found = wanted.get("filter")
    if not isinstance(found, dict) or found.get("type") not in _FILTERS:
        raise invalid("filter.type must be one of " + ", ".join(_FILTERS))
    if found["type"] == "account_reference":
        return found["type"], ""
    filter_id = reference_id(wanted, "filter")
    if found["type"] == "service_reference" and filter_id not in request.world.services:
        raise RestProblem(404, 5002, "Service Not Found")
    return found["type"], filter_id


def _custom_headers(method: dict[str, Any]) -> list[tuple[str, str]]:
    rows = method.get("custom_headers") or []
    try:
        pairs = [(str(row["name"]), str(row["value"])) for row in rows]
    except (TypeError, KeyError) as error:
        raise invalid("custom_headers must have a name and a value each") from error
    names = [name.lower() for name, _ in pairs]
    if len(set(names)) != len(names) or any(set(text) & set("\r\n") for pair in pairs for text in pair):
        raise invalid("custom_headers must be unique and on one line")
    return pairs


def _picture(found: Subscription, now: int, secret: str | None = None) -> dict[str, Any]:
    return {
        "id": found.id,
        "type": "webhook_subscription",
        "active": found.active,
        "description": found.description,
        "delivery_method": {
            "id": found.id,
            "type": "http_delivery_method",
            "url": found.url,
            "secret": secret,
            "temporarily_disabled": now < found.disabled_until,
            "custom_headers": [{"name": name, "value": _REDACTED} for name, _ in found.custom_headers],
        },
        "events": list(found.events),
        "filter": {"type": found.filter_type, "id": found.filter_id or None},
    }
