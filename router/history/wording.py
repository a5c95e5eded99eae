"""How a report puts figures into words, the same in every form. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from router.history.figures import Times
from router.history.report import Report

MAX_TEXT = 300
NOTHING = "\u2013"


def length(value_ms: float, found: Times | None = None) -> str:
    """``3m20s``, ``2h05m``; a dash if there was nothing to measure."""
    if found is not None and not found.count:
        return NOTHING
    seconds = round(value_ms) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"


def per_cent(part: int, whole: int) -> str:
    """Of the whole, rounded; a dash where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else NOTHING


def change_of(now: float, before: float, is_known: bool) -> tuple[str, str]:  # noqa: FBT001 -- reads as it is said
    """What became of it since the period before, and whether that is ``worse`` or ``better``; all of these are better small."""
    if not is_known:
        return "", ""
    if now == before:
        return "as before", ""
    if not before:
        return "none before", "worse"
    share = 100 * (now - before) / before
    return f"{share:+.0f} %", "worse" if share > 0 else "better"


def headline(report: Report) -> str:
    """The report in a few sentences."""
    total, before = report.statistics.total, report.before
    if not total.incidents:
        return "Nothing happened that PagerDuty knows of."
    compared = ""
    if before.incidents:
        word, _ = change_of(total.incidents, before.incidents, is_known=True)
        compared = f" ({word} against the month before)" if word != "as before" else " (as many as the month before)"
    sentences = [f"{total.incidents:,} incidents{compared}, {per_cent(total.night_pages, total.incidents)} of them at night."]
    if total.to_acknowledge.count:
        answered, over = length(total.to_acknowledge.p50), length(total.to_resolve.p50, total.to_resolve)
        sentences.append(f"Half of those that were answered had somebody within {answered}; half were over within {over}.")
    removed = sum(health.proposal.removes for health in report.health if health.proposal is not None)
    if removed:
        share = per_cent(removed, total.incidents)
        sentences.append(f"Waiting a little longer in {_rules(report)} would have spared {removed:,} pages ({share}).")
    missed = [outcome.objective.name for outcome in report.outcomes if not outcome.is_met]
    if missed:
        sentences.append(f"Not kept: {', '.join(missed)}.")
    elif report.outcomes:
        sentences.append("Every objective was kept.")
    return " ".join(sentences)


def _rules(report: Report) -> str:
    count = sum(health.proposal is not None for health in report.health)
    return "one rule" if count == 1 else f"{count} rules"


def clean(text: str) -> str:
    """One line without control characters, of bounded length."""
    flat = "".join(character if character.isprintable() else " " for character in text[: 2 * MAX_TEXT])
    return flat if len(flat) <= MAX_TEXT else flat[: MAX_TEXT - 1] + "…"


def safe_url(url: str) -> str:
    """The address if it is one of the web, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"https", "http"} and parts.netloc and url.isprintable() and " " not in url else ""
