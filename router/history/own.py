"""What our own record adds to PagerDuty's past: which team was paged, and when the alert that led to it had reached us."""

from __future__ import annotations

from router.errors import StoreError
from router.history.base import Ours
from router.model.journal import AlertReceived
from router.store.base import Reader

MAX_DECISIONS = 1_000
"""Decisions about one incident that are looked through for the first; the journal's own time of opening stands in beyond."""


class OwnRecord:
    """Fits ``history.base.Own``, over a reader of the store. A store that does not answer knows nothing."""

    def __init__(self, reader: Reader | None) -> None:
        """None: there is no store here."""
        self._reader = reader

    def of_key(self, dedup_key: str, pagerduty_id: str) -> Ours | None:
        """What we know of the incident with this dedup key."""
        try:
            return None if self._reader is None else _look_up(self._reader, dedup_key, pagerduty_id)
        except StoreError:
            return None


def _look_up(reader: Reader, dedup_key: str, pagerduty_id: str) -> Ours | None:
    incident = reader.incident(dedup_key)
    if incident is None:
        return None
    teams = [page.team for page in reader.pages(incident=incident.number) if page.pagerduty_id == pagerduty_id]
    teams = teams or list(incident.teams)
    decisions = reader.decisions(dedup_key=dedup_key, limit=MAX_DECISIONS)
    seqs = [row.decision.alert_seq for row in decisions if row.decision.alert_seq > 0]
    entry = reader.entry(min(seqs)) if seqs and len(decisions) < MAX_DECISIONS else None
    is_alert = entry is not None and isinstance(entry.fact, AlertReceived)
    alerted_at = entry.at if entry is not None and is_alert else incident.opened_at
    return Ours(team=teams[0] if len(teams) == 1 else "", alerted_at=alerted_at)
