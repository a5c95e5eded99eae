"""What Alertmanager's receivers do beside PagerDuty, as channels: Slack, mail, webhooks, Discord, Teams.

Addresses that let anybody post, and passwords, are secrets: a channel refers to an environment variable that a person has to
fill, or to the file the original names. Texts are the router's own; what else has no counterpart is told in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from router.importing.names import Names
from router.importing.notes import Notes
from router.importing.source import is_true, mapping
from router.yamldoc import Path

Channel = dict[str, Any]
_TEXTS = frozenset(
    {
        *("title", "text", "html", "headers", "fallback", "pretext", "title_link", "fields", "actions", "footer", "color"),
        *("username", "icon_emoji", "icon_url", "image_url", "thumb_url", "short_fields", "callback_id", "link_names"),
        *("mrkdwn_in", "content", "summary", "message", "subject", "max_alerts", "avatar_url", "hello", "http_config"),
        *("tls_config", "channel", "timeout"),
    }
)
_SMTPS = "465"


class Reader:
    """Reads the configurations of one kind after the other; gives the channels their names."""

    def __init__(self, settings: dict[str, Any], notes: Notes) -> None:
        """``settings`` are Alertmanager's ``global`` ones."""
        self._global = settings
        self._notes = notes
        self._names = Names()
        self.channels: dict[str, Channel] = {}
        self.lines: dict[str, int] = {}

    def read(self, receiver: str, kind: str, config: dict[str, Any], path: Path) -> str | None:
        """The name of the channel that does the same; None, with a note, if there is none."""
        build = _KINDS.get(kind)
        if build is None:
            why = "nothing is sent there; a channel of kind apprise may reach it"
            self._notes.add("lost", path, f"{kind} of {receiver!r}: {why}")
            return None
        name = self._names.take(f"{receiver}-{kind}")
        channel = build(self, name, config, path)
        if channel is None:
            return None
        own = sorted(key for key in config if key in _TEXTS)
        if own:
            text = f"{', '.join(own)}: the channel is told the rule's summary and details"
            self._notes.add("lost", path, text)
        self.channels[name] = channel
        self.lines[name] = self._notes.line(path)
        return name

    def _secret(self, name: str, what: str, config: dict[str, Any], key: str, path: Path) -> str:
        """A reference to what stands under ``key``, here or among the global settings."""
        for settings, place in ((config, path), (self._global, ("global",))):
            own = key if settings is config else f"{_PREFIX[what]}{key}"
            if settings.get(f"{own}_file"):
                return f"file:{settings[f'{own}_file']}"
            if settings.get(own):
                owner = "" if settings is not config else "_" + re.sub(r"[^A-Z0-9]+", "_", name.upper())
                variable = f"{what}{owner}"
                self._notes.add("to do", (*place, own), f"put this into the environment variable {variable} of the router")
                return f"env:{variable}"
        return ""

    def slack(self, name: str, config: dict[str, Any], path: Path) -> Channel | None:
        """By its incoming webhook."""
        url = self._secret(name, "SLACK_URL", config, "api_url", path)
        if not url:
            self._notes.add("error", path, "there is no address of an incoming webhook")
            return None
        return {"kind": "slack", "url": url}

    def email(self, name: str, config: dict[str, Any], path: Path) -> Channel | None:
        """By the same mail server."""
        server, sender = (str(config.get(key) or self._global.get(f"smtp_{key}") or "") for key in ("smarthost", "from"))
        to = [address.strip() for address in str(config.get("to") or "").split(",") if address.strip()]
        if not server or not sender or not to or any("{{" in each for each in (server, sender, *to)):
            self._notes.add("lost", path, "mail without a server, sender or receiver that is known now: nothing is sent there")
            return None
        channel: Channel = {"kind": "email", "server": server, "from": sender, "to": to}
        wants_tls = config.get("require_tls", self._global.get("smtp_require_tls", "true"))
        if server.endswith(f":{_SMTPS}"):
            channel["security"] = "tls"
        elif not is_true(wants_tls):
            channel["security"] = "none"
        username = config.get("auth_username") or self._global.get("smtp_auth_username")
        password = self._secret(name, "SMTP_PASSWORD", config, "auth_password", path)
        return channel | ({"username": str(username), "password": password} if username and password else {})

    def webhook(self, name: str, config: dict[str, Any], path: Path) -> Channel | None:
        """To the same address, with another body."""
        url = self._secret(name, "WEBHOOK_URL", config, "url", path)
        if not url:
            self._notes.add("error", path, "there is no url")
            return None
        text = "what is sent has the router's own form; body: {…} gives it another"
        self._notes.add("differs", path, text)
        return {"kind": "webhook", "url": url}

    def discord(self, name: str, config: dict[str, Any], path: Path) -> Channel | None:
        """By its webhook."""
        url = self._secret(name, "DISCORD_URL", config, "webhook_url", path)
        return {"kind": "discord", "url": url} if url else None

    def teams(self, name: str, config: dict[str, Any], path: Path) -> Channel | None:
        """By its workflow."""
        url = self._secret(name, "TEAMS_URL", config, "webhook_url", path)
        return {"kind": "teams", "url": url} if url else None


_PREFIX = {
    "SLACK_URL": "slack_",
    "SMTP_PASSWORD": "smtp_",
    "WEBHOOK_URL": "webhook_",
    "DISCORD_URL": "discord_",
    "TEAMS_URL": "teams_",
}
_KINDS: dict[str, Callable[[Reader, str, dict[str, Any], Path], Channel | None]] = {
    "slack": Reader.slack,
    "email": Reader.email,
    "webhook": Reader.webhook,
    "discord": Reader.discord,
    "msteamsv2": Reader.teams,
}
USED_GLOBALS = frozenset({"slack_api_url", "slack_api_url_file", "smtp_smarthost", "smtp_from", "smtp_require_tls"}) | {
    f"smtp_auth_{key}" for key in ("username", "password", "password_file")
}


def globals_of(data: dict[str, Any]) -> dict[str, Any]:
    """Alertmanager's global settings."""
    return mapping(data.get("global"))
