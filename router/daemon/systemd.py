"""Telling systemd how we are (``sd_notify``), in the few lines it takes.

Source: sd_notify(3): datagrams to ``$NOTIFY_SOCKET``; a leading ``@`` means the abstract namespace. The watchdog wants a
sign of life at least every ``$WATCHDOG_USEC`` microseconds, and half of that is the advised pace.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


class Notifier:
    """Does nothing at all when the process was not started by systemd."""

    def __init__(self, environment: Mapping[str, str], *, process_id: int) -> None:
        """Read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` from this environment."""
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(process_id)) == str(process_id)
        self.watchdog_seconds: float | None = int(microseconds) / 2_000_000 if microseconds.isdigit() and mine else None

    def notify(self, message: str) -> None:
        """Send one message; a systemd that has gone away is not our trouble."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(self._address)
            channel.send(message.encode())

    def ready(self, status: str) -> None:
        """Start-up is complete: the doors are open."""
        self.notify(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload has begun."""
        self.notify("STATUS=reloading")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self.notify(f"STATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self.notify("WATCHDOG=1")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self.notify("STOPPING=1\nSTATUS=stopping")
