"""The report as one HTML file: no script, nothing loaded from elsewhere, prints on A4. Pure.

Must never do: put anything into the page that was not escaped. Titles, names and notes are what strangers wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib.resources import files

from router.history.charts import bars, share
from router.history.figures import Dimension, Figures, Times, local, zone_of
from router.history.health import RuleHealth
from router.history.objectives import Breach, Outcome
from router.history.report import Report
from router.history.wording import change_of, clean, headline, length, per_cent, safe_url

MAX_ROWS = 15
MAX_BREACHES = 5
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = files("router.history").joinpath("report.css").read_text(encoding="utf-8")


def render_html(report: Report) -> str:
    """The whole document."""
    total = report.statistics.total
    parts = [
        f"<h1>{_text(report.title)}</h1>",
        f'<p class="soft">{_text(_about(report))}</p>',
        f'<p class="lead">{_text(headline(report))}</p>',
        _tiles(total, report.before),
        _when(report),
        *(_objectives(report.outcomes) if report.outcomes else ()),
        _health(report.health),
        _groups("By team", "Team", report, "team"),
        _groups("By service", "Service", report, "service"),
        _groups("By rule", "Rule", report, "rule"),
        _kinds(report),
        _longest(report),
        _notes(report),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
        f"<title>{_text(report.title)}</title><style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _about(report: Report) -> str:
    zone = zone_of(report.zone)
    written, synced = (f"{local(at, zone):%Y-%m-%d %H:%M}" for at in (report.written_at, report.synced_until))
    waiting = f"; {report.unread} incidents were still to be read" if report.unread else ""
    return f"Times in {report.zone}. Written {written} from PagerDuty's past as of {synced}{waiting}."


def _tiles(now: Figures, before: Figures) -> str:
    def tile(name: str, value: str, change: tuple[str, str], more: str = "") -> str:
        word, judged = change
        told = f'<small>{_text(more)}{"; " if more and word else ""}<span class="{judged}">{_text(word)}</span></small>'
        return f'<div class="tile"><b>{_text(value)}</b><span>{_text(name)}</span>{told}</div>'

    def counted(name: str, read: Callable[[Figures], int]) -> str:
        share_of = f"{per_cent(read(now), now.incidents)} of all" if name != "incidents" else ""
        return tile(name, f"{read(now):,}", change_of(read(now), read(before), before.incidents > 0), share_of)

    def timed(name: str, read: Callable[[Figures], Times]) -> str:
        found, earlier = read(now), read(before)
        more = f"half within {length(found.p50, found)}, nine in ten within {length(found.p90, found)}"
        return tile(name, length(found.mean, found), change_of(found.mean, earlier.mean, earlier.count > 0), more)

    tiles = [
        counted("incidents", lambda each: each.incidents),
        timed("mean time to acknowledge", lambda each: each.to_acknowledge),
        timed("mean time to resolve", lambda each: each.to_resolve),
        counted("at night", lambda each: each.night_pages),
        counted("never acknowledged", lambda each: each.never_acknowledged),
        counted("over by themselves at once", lambda each: each.self_resolved),
        counted("fired again", lambda each: each.refired),
        counted("escalated", lambda each: each.escalated),
    ]
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _when(report: Report) -> str:
    days = bars(
        [day.date[8:].lstrip("0") for day in report.days],
        [(day.by_day, day.by_night) for day in report.days],
        names=("by day", "at night"),
        title=f"Incidents per day, {report.title}",
    )
    hours = bars([str(hour) for hour in range(24)], [(count,) for count in report.hours], names=("incidents",), title="By hour")
    key = '<p class="soft"><i class="key day"></i>by day<i class="key night"></i>at night</p>'
    return f"<h2>When</h2><h3>Each day</h3>{days}{key}<h3>Each hour of the day</h3>{hours}"


def _objectives(outcomes: Sequence[Outcome]) -> Iterable[str]:
    rows = []
    for outcome in outcomes:
        wanted = f'<b>{_text(outcome.objective.name)}</b><br><span class="soft">{_text(outcome.objective.sentence)}</span>'
        word = "better" if outcome.is_met else "worse"
        rows.append(
            f'<td class="text">{wanted}</td><td>{outcome.met:,} of {outcome.met + outcome.breached:,}</td>'
            f'<td class="{word}">{outcome.share:.1%}</td><td>{share(outcome.share, outcome.objective.goal)}</td>'
        )
    yield "<h2>What we promised</h2>" + _table(["Objective", "Met by", "Share", "Goal is the mark"], rows)
    for outcome in outcomes:
        if outcome.breaches:
            breaches = [_breach(breach) for breach in outcome.breaches[:MAX_BREACHES]]
            title = f"<h3>What breached “{_text(outcome.objective.name)}”</h3>"
            yield title + _table(["Incident", "Service", "Took"], breaches)
            more = outcome.breached - len(breaches)
            yield f'<p class="soft">… and {more} more.</p>' if more else ""


def _breach(breach: Breach) -> str:
    took = length(breach.took_ms) + ("" if breach.is_over else " so far")
    return f"{_incident(breach.number, breach.title, breach.url, breach.service)}<td>{took}</td>"


def _incident(number: int, title: str, url: str, service: str) -> str:
    """The first two cells of a row about one."""
    return f'<td>{_link(url, f"#{number} {title}")}</td><td class="text">{_text(service)}</td>'


def _health(found: Sequence[RuleHealth]) -> str:
    title = "<h2>Pages that need not have been</h2>"
    if not found:
        return f"{title}<p>No rule paged often without anybody answering.</p>"
    return title + "".join(_rule(health) for health in found[:MAX_ROWS])


def _rule(health: RuleHealth) -> str:
    within = f", half of those within {length(health.lasted_ms)}" if health.over_by_itself else ""
    sentence = (
        f"{health.never_acknowledged} of {health.pages} pages were never acknowledged; "
        f"{health.over_by_itself} ended by themselves{within}."
    )
    proposal = health.proposal
    mend = "<p>No waiting time would have removed them: look at whether it should page at all (<code>notify</code>).</p>"
    if proposal is not None:
        harm = f" It would also have removed {proposal.harms} that somebody had acknowledged." if proposal.harms else ""
        removes = f"<code>{_text(proposal.change)}</code> removes <b>{proposal.removes} of {proposal.of}</b>"
        mend = f"<p>{removes}.{harm} To see it:</p><pre><code>{_text(proposal.command)}</code></pre>"
    return f'<div class="rule"><b>{_text(health.rule)}</b><p>{_text(sentence)}</p>{mend}</div>'


def _groups(title: str, name: str, report: Report, dimension: Dimension) -> str:
    groups = report.statistics.by[dimension]
    if set(groups) <= {"none"}:
        return ""
    rows = [
        (
            f"<td>{_text(key)}</td><td>{each.incidents:,}</td><td>{length(each.to_acknowledge.mean, each.to_acknowledge)}</td>"
            f"<td>{length(each.to_resolve.mean, each.to_resolve)}</td><td>{length(each.to_resolve.p90, each.to_resolve)}</td>"
            f"<td>{each.night_pages:,}</td><td>{each.never_acknowledged:,}</td><td>{each.self_resolved:,}</td><td>{each.refired:,}</td>"
        )
        for key, each in list(groups.items())[:MAX_ROWS]
    ]
    headers = [name, "Incidents", "MTTA", "MTTR", "P90", "At night", "Never ack.", "By itself", "Again"]
    more = f'<p class="soft">… and {len(groups) - MAX_ROWS} more.</p>' if len(groups) > MAX_ROWS else ""
    return f"<h2>{title}</h2>{_table(headers, rows)}{more}"


def _kinds(report: Report) -> str:
    if not report.kinds:
        return ""
    rows = [
        f'<td>{_link(kind.url, kind.title)}</td><td class="text">{_text(kind.service)}</td><td>{kind.incidents:,}</td>'
        f'<td class="text soft">{_text(kind.resolution) or "nobody said"}</td>'
        for kind in report.kinds
    ]
    headers = ["Newest of its kind", "Service", "Times", "Last resolved by"]
    return "<h2>What came most often</h2>" + _table(headers, rows, text=3)


def _longest(report: Report) -> str:
    if not report.longest:
        return ""
    zone = zone_of(report.zone)
    rows = [
        f"{_incident(each.number, each.title, each.url, each.service)}"
        f"<td>{local(each.created_at, zone):%d %b %H:%M}</td><td>{length(each.took_ms)}</td>"
        for each in report.longest
    ]
    return "<h2>What lasted longest</h2>" + _table(["Incident", "Service", "Began", "Took"], rows)


def _notes(report: Report) -> str:
    terms, total = report.terms, report.statistics.total
    night = f"{terms.night_from // 60:02}:{terms.night_from % 60:02} to {terms.night_to // 60:02}:{terms.night_to % 60:02}"
    return (
        '<footer><h2>How this is counted</h2><p class="soft">Incidents created in the period, whatever became of them later; '
        f"{total.merged} that were merged into others are left out, {total.open} are still open and have no time to resolve. "
        f"Night is {night}, low urgency does not count. Over by itself: resolved by no person and never acknowledged within "
        f"{length(terms.self_resolved_ms)}. Fired again: the same kind within {length(terms.refired_ms)} of a resolution. "
        "Every figure is defined in docs/reference/figures.md.</p></footer>"
    )


def _table(headers: Sequence[str], rows: Iterable[str], *, text: int = 0) -> str:
    head = "".join(
        f'<th class="text">{_text(name)}</th>' if index == text or name == "Service" else f"<th>{_text(name)}</th>"
        for index, name in enumerate(headers)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _link(url: str, title: str) -> str:
    address = safe_url(url)
    return f'<a href="{escape(address)}" rel="noreferrer">{_text(title)}</a>' if address else _text(title)


def _text(value: str) -> str:
    return escape(clean(value))
