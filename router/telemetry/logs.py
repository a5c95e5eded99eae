"""Structured logs: JSON lines for machines, aligned text on a terminal, and never a secret.

A line costs about 17 µs, so nothing on an alert's ordinary way logs; decisions are in the store, counts in the metrics.
Event names are past-tense snake_case constants (``delivery_failed``), keys are the model's field names.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, Literal, TextIO

import msgspec
import structlog

LogFormat = Literal["auto", "json", "console"]
Logger = structlog.typing.FilteringBoundLogger

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_SHORTEST_SECRET = 6


class Redactor:
    """Replaces every secret it was told by ``***``, wherever in a line it stands: the last line of defence."""

    def __init__(self) -> None:
        """Knows nothing yet."""
        self._secrets: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these texts show nowhere. Shorter than six characters would mangle ordinary words: not taken."""
        known = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        self._secrets = tuple(sorted(known | set(self._secrets), key=len, reverse=True))

    def clean(self, text: str) -> str:
        """The text without any known secret."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, "***")
        return text

    def _clean_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {self._clean_value(key): self._clean_value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean_value(item) for item in value]
        if isinstance(value, int | float | bool) or value is None:
            return value
        return self.clean(str(value))

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a structlog processor."""
        return {key: self._clean_value(value) for key, value in line.items()}


def _make_visible(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For terminals: control characters in what others wrote become dots; only tracebacks have line breaks."""
    return {key: _flatten_each_line(value) if key == "exception" else _flatten(value) for key, value in line.items()}


def _flatten(value: Any) -> Any:
    """One line; what is no text is shown by ``repr``, which has escapes for whatever is not printable."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(one if one.isprintable() else "·" for one in value)
    return value


def _flatten_each_line(text: str) -> str:
    return "\n".join(map(_flatten, text.split("\n")))


def _encode(line: Any, **_: Any) -> str:
    # structlog passes `default=`, which msgspec does not know.
    return msgspec.json.encode(line, enc_hook=repr).decode()


def set_up(
    *, log_format: LogFormat = "auto", level: str = "info", stream: TextIO | None = None, redactor: Redactor | None = None
) -> Redactor:
    """Configure structlog for the process; ``auto`` is text on a terminal and JSON elsewhere."""
    stream = stream or sys.stderr
    redactor = redactor or Redactor()
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if console
        else structlog.processors.JSONRenderer(serializer=_encode)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            redactor,
            *([_make_visible] if console else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    # Libraries that log through the standard library: warnings only. httpx writes whole URLs at INFO.
    logging.basicConfig(level=logging.WARNING, stream=stream, force=True, format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_RedactingFilter(redactor))
    return redactor


class _RedactingFilter(logging.Filter):
    """The same for what libraries log: no secret, and one line, whatever they quote of others; only tracebacks have more."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _flatten(self._redactor.clean(record.getMessage())), ()
        if record.exc_info:
            record.exc_text = _flatten_each_line(self._redactor.clean(logging.Formatter().formatException(record.exc_info)))
        return True


def logger(room: str) -> Logger:
    """A logger that names its room on every line.

    Modules make theirs when they are imported, before ``set_up``: it must stay lazy, because ``bind`` would fix it for ever to
    structlog's own defaults, without the redactor.
    """
    lazy: Logger = structlog.get_logger(room=room)
    return lazy
