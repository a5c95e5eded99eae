"""Which spans of time a crawl has to list: what is wanted, less what was listed before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.history.base import Span, SpanKind

MAX_ROWS = 9_900
"""Rows of one list: ``offset + limit`` beyond 10,000 is refused."""

LONGEST_MS = 150 * 86_400_000
"""One list spans at most six months; five leave room for the shortest ones."""

OVERLAP_MS = 3_600_000
"""What was new when it was listed is listed again: lists lag behind."""

_SECOND_MS = 1_000


def plan(spans: Sequence[Span], *, since: int, until: int, now: int) -> list[tuple[SpanKind, int, int]]:
    """The pieces to add. Changes are looked for from where they were looked for last, if anything was ever listed."""
    since = since // _SECOND_MS * _SECOND_MS
    until = -(-until // _SECOND_MS) * _SECOND_MS
    now = -(-now // _SECOND_MS) * _SECOND_MS
    listed = [span for span in spans if span.kind == "incidents"]
    known = [(span.since, min(span.until, max(span.since, span.made_at - OVERLAP_MS))) for span in listed]
    planned: list[tuple[SpanKind, int, int]] = []
    for start, end in _without(since, until, known):
        planned += [("incidents", piece_start, piece_end) for piece_start, piece_end in _pieces(start, end)]
    if listed:
        first_made_at = min(span.made_at for span in listed)
        heard = max((span.until for span in spans if span.kind == "changes"), default=first_made_at)
        planned += [("changes", start, end) for start, end in _pieces(max(0, min(heard, now) - OVERLAP_MS), now)]
    return planned


def middle(span: Span) -> int | None:
    """Where to split a span, in whole seconds; None if it is one second."""
    halfway = (span.since + span.until) // 2 // _SECOND_MS * _SECOND_MS
    return halfway if span.since < halfway < span.until else None


def _pieces(since: int, until: int) -> Iterable[tuple[int, int]]:
    while since < until:
        end = min(until, since + LONGEST_MS)
        yield since, end
        since = end


def _without(since: int, until: int, known: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of a span none of the known ones covers."""
    left = []
    for start, end in sorted(known):
        if start > since:
            left.append((since, min(start, until)))
        since = max(since, end)
    left.append((since, until))
    return [(start, end) for start, end in left if start < end]
