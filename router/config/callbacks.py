"""Which sources are told what became of their alerts, and by which channel."""

from __future__ import annotations

from collections.abc import Mapping

from router.config.channels import check_channel
from router.config.findings import Findings
from router.config.schema import Configuration
from router.model.ruleset import Callback, ChannelPolicy


def build_callbacks(value: Configuration, policies: Mapping[str, ChannelPolicy], findings: Findings) -> dict[str, Callback]:
    """By the name of the source; complaints about channels that are none, or cannot say what a source understands."""
    callbacks: dict[str, Callback] = {}
    for name, section in value.sources.items():
        if section.callback is None:
            continue
        written = section.callback
        path = ("sources", name, "callback", "channel")
        check_channel(path, written.channel, policies, findings)
        channel = value.channels.get(written.channel)
        if channel is not None and channel.kind != "webhook":
            message = f"channel {written.channel!r} is of kind {channel.kind}: a source takes a request of its own form"
            findings.complain(path, "no-webhook", message, "name a channel of kind webhook, with a body the source understands")
        elif channel is not None and channel.digest is not None:
            message = f"channel {written.channel!r} collects: each alert has to be told by itself"
            findings.complain(path, "no-webhook", message, "name a channel without digest")
        callbacks[name] = Callback(channel=written.channel, on=tuple(dict.fromkeys(written.on)))
    return callbacks
