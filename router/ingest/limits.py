"""The limits on one alert and one batch, and the checks that name what is over them. Documented in docs/reference/http.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.model.receipt import TooLarge

MAX_BATCH = 10_000
"""Alerts in one request, unless configured otherwise."""
MAX_LABELS = 256
MAX_LABEL_NAME = 256
"""Characters."""
MAX_LABEL_VALUE = 8_192
"""Characters."""
MAX_ANNOTATIONS = 256
MAX_ANNOTATION_VALUE = 32_768
"""Characters."""
MAX_ALERT_BYTES = 65_536
"""One alert as it was sent, in JSON."""
MAX_KEY = 255
"""Characters of a dedup key; PagerDuty's limit."""
MAX_LINKS = 32
"""Links, and images, of one alert."""
MAX_DEPTH = 32
"""Levels of lists and objects inside ``details``: whoever handles them later need not fear for the stack."""

_SHOWN = 48


class TooMuch(ValueError):
    """Over a limit, or empty where something is needed; ``field`` is where."""

    def __init__(self, field: str, message: str) -> None:
        """Keep the field's path beside the text."""
        super().__init__(message)
        self.field = field


def shorten(text: str) -> str:
    """A text fit for an error message."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def check_labels(labels: Mapping[str, str], field: str = "labels") -> None:
    """Not too many, no empty name, nothing too long."""
    if len(labels) > MAX_LABELS:
        raise TooMuch(field, f"expected at most {MAX_LABELS} labels, found {len(labels)}")
    for name, value in labels.items():
        if not name:
            raise TooMuch(field, "expected label names that are not empty")
        if len(name) > MAX_LABEL_NAME:
            raise TooMuch(field, f"expected names of at most {MAX_LABEL_NAME} characters, {shorten(name)} has {len(name)}")
        if len(value) > MAX_LABEL_VALUE:
            raise TooMuch(f"{field}.{name}", f"expected a value of at most {MAX_LABEL_VALUE} characters, found {len(value)}")


def check_annotations(annotations: Mapping[str, str], field: str = "annotations") -> None:
    """Not too many, no empty name, nothing too long."""
    if len(annotations) > MAX_ANNOTATIONS:
        raise TooMuch(field, f"expected at most {MAX_ANNOTATIONS} annotations, found {len(annotations)}")
    for name, value in annotations.items():
        if not name or len(name) > MAX_LABEL_NAME:
            raise TooMuch(field, f"expected annotation names of 1 to {MAX_LABEL_NAME} characters, found {shorten(name)}")
        if len(value) > MAX_ANNOTATION_VALUE:
            raise TooMuch(
                f"{field}.{name}", f"expected a value of at most {MAX_ANNOTATION_VALUE} characters, found {len(value)}"
            )


def check_batch(found: int, most: int) -> None:
    """How many alerts one body holds."""
    if found > most:
        raise TooLarge(f"expected at most {most} alerts in one request, found {found}")


def check_depth(value: Any, field: str) -> None:
    """Free JSON of a sender, not nested too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH):
        members = [member for one in level for member in (one.values() if isinstance(one, dict) else one)]
        level = [member for member in members if isinstance(member, dict | list)]
        if not level:
            return
    raise TooMuch(field, f"expected at most {MAX_DEPTH} levels of nesting, found more")


def check_size(size: int) -> None:
    """One alert's JSON."""
    if size > MAX_ALERT_BYTES:
        raise TooMuch("", f"expected at most {MAX_ALERT_BYTES} bytes for one alert, found {size}")
