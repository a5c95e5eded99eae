"""What to do about a channel that did not take a message: the usual mistakes, for the person who set it up. Pure."""

from __future__ import annotations

from router.channels.longtail import MISSING
from router.model.channel import ChannelSettings, Discord, Hook, LongTail, Mail, SlackBot, SlackHook, Teams
from router.model.delivery import Accepted, Outcome, Rejected, Throttled, Unavailable

_UNAUTHORISED, _FORBIDDEN, _NOT_FOUND, _GONE, _TOO_LARGE = 401, 403, 404, 410, 413

_SLACK_BOT = {
    "not_in_channel": "invite the app: /invite @APP in that channel",
    "channel_not_found": "invite the app, and give the channel's id (C0123ABCD) instead of its name: private ones need it",
    "is_archived": "the channel is archived: choose another",
    "missing_scope": "give the app the scope chat:write under OAuth & Permissions, then reinstall it",
    "not_allowed_token_type": "use the Bot User OAuth Token (xoxb-...)",
    "invalid_auth": "the token is not valid: copy the Bot User OAuth Token (xoxb-...) again",
    "not_authed": "the token is empty: see what the reference points at",
    "token_revoked": "the app was removed or its token revoked: reinstall it and copy the new token",
    "token_expired": "token rotation is on: turn it off under OAuth & Permissions, or make an app without it",
    "account_inactive": "the app's user was deactivated: reinstall the app and copy the new token",
    "restricted_action": "an administrator does not let apps post there: choose another channel or ask for it",
    "ekm_access_denied": "an administrator has suspended posting: ask them",
}

_WHOLE = "the address is not complete (its sig= is missing or wrong): copy all of it again"

_WORDS: dict[type, dict[str, str]] = {
    SlackBot: _SLACK_BOT,
    SlackHook: {
        "no_service": "the webhook was deleted or its address is not complete: make a new one under Incoming Webhooks",
        "no_team": "the workspace of this webhook is gone: make a new one",
        "invalid_token": "the address is not complete: copy it again",
        "channel_is_archived": "the webhook's channel is archived: make a webhook for another",
        "channel_not_found": "the webhook's channel is gone: make a webhook for another",
        "action_prohibited": "an administrator does not let webhooks post there: ask them",
        "posting_to_general_channel_denied": "an administrator does not let webhooks post to #general: choose another channel",
    },
    Discord: {
        "10015": "the webhook was deleted: make a new one under the channel's Integrations > Webhooks",
        "50027": "the address is not complete: copy it again under the channel's Integrations > Webhooks",
    },
    Teams: {
        "WorkflowNotFound": "the workflow was deleted: make a new one in Teams, under the channel's Workflows",
        "WorkflowTriggerIsNotEnabled": "the workflow is turned off: turn it on in Teams, under the channel's Workflows",
        "DirectApiAuthorizationRequired": _WHOLE,
        "AuthorizationFailed": _WHOLE,
    },
}


def remedy_of(channel: ChannelSettings, outcome: Outcome) -> str:
    """What to do; empty if nothing has to be done."""
    match outcome:
        case Accepted():
            return ""
        case Throttled():
            return "somebody else sends through it too: try again in a minute"
        case Unavailable():
            return _of_outage(channel, outcome)
        case Rejected():
            return _of_refusal(channel, outcome)


def _of_outage(channel: ChannelSettings, outcome: Unavailable) -> str:
    if "certificate is not good" in outcome.cause or "TLS with" in outcome.cause:
        hint = ", or name its authority: ca_file" if isinstance(channel, Mail) else ""
        return f"see whether the address is that of the server's certificate{hint}"
    if isinstance(channel, Mail) and ("WRONG_VERSION_NUMBER" in outcome.cause or "unexpectedly closed" in outcome.cause):
        return "the port may be that of the other kind of encryption: security: tls belongs to 465, starttls to 587"
    if isinstance(channel, LongTail):
        return "the line above is what apprise said; its own command tries the address too: apprise -vv -b test URL"
    if outcome.status:
        return "it has trouble of its own, or something in between answers in its place: try again later"
    proxy = "" if isinstance(channel, Mail) else "; behind a proxy set use_environment_proxy: true"
    return f"see whether this machine resolves and reaches that host{proxy}"


def _of_refusal(channel: ChannelSettings, outcome: Rejected) -> str:
    cause, status = outcome.cause, outcome.status
    if "cannot be read" in cause:
        return "`alert-router check` says what is wrong with the reference"
    if cause == MISSING:
        return "or use one of the other kinds"
    for word, remedy in _WORDS.get(type(channel), {}).items():
        if word in cause:
            return remedy
    if isinstance(channel, Mail):
        return _of_mail(cause, status)
    if 300 <= status < 400:  # noqa: PLR2004 -- redirects
        return "the address has moved: set the one it leads to"
    if status in {_UNAUTHORISED, _FORBIDDEN}:
        what = "see secret_headers and signing_secret" if isinstance(channel, Hook) else "copy the address or token again"
        return f"it does not know who we are: {what}"
    if status in {_NOT_FOUND, _GONE}:
        return "there is nothing at this address (any more): make a new webhook, or copy the address again"
    if status == _TOO_LARGE:
        return "it takes no bodies of this size: shorten `body`"
    return "the line above is all it said"


def _of_mail(cause: str, status: int) -> str:
    if status in {535, 534, 530} or "AUTH" in cause:
        return "user name or password are not right; providers with two factors want an app password"
    if "STARTTLS" in cause:
        return "the server offers no STARTTLS on this port: try 587, or security: tls with port 465"
    if status in {550, 551, 553, 554}:
        return "the server does not take this sender or recipient: see `from`, `to`, and whether it wants a login"
    return "the line above is all it said"
