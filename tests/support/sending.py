"""Load from a thread: alerts one batch after another, remembering what was answered."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Self

from tests.support.daemon import Daemon, alert

BATCH = 5


class Sender:
    """Posts until stopped or cut off; ``accepted`` are the instances answered 2xx, ``statuses`` every answer seen.

    ``sent`` holds every instance that went out, answered or not; ``pause_seconds`` between two batches keeps the load small.
    """

    def __init__(self, daemon: Daemon, run: str, *, pause_seconds: float = 0.0, ends_in: int = 600) -> None:
        """``run`` begins the name of every instance; the alerts' end lies ``ends_in`` seconds from now."""
        self.accepted: list[str] = []
        self.sent: list[str] = []
        self.statuses: set[int] = set()
        self._daemon = daemon
        self._run = run
        self._pause_seconds = pause_seconds
        self._ends_in = str(ends_in)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._post)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop after the request under way."""
        self._stopped.set()
        self._thread.join()

    def _post(self) -> None:
        number = 0
        connection = http.client.HTTPConnection("127.0.0.1", self._daemon.port, timeout=10)
        while not self._stopped.is_set():
            batch = [alert(instance=f"{self._run}-{number + i}", ends_in=self._ends_in) for i in range(BATCH)]
            number += BATCH
            self.sent += [one["labels"]["instance"] for one in batch]
            try:
                connection.request("POST", "/api/v2/alerts", json.dumps(batch), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                break
            self.statuses.add(answer.status)
            if answer.status < 300:
                self.accepted += [one["labels"]["instance"] for one in batch]
            if self._pause_seconds:
                self._stopped.wait(self._pause_seconds)
        connection.close()
