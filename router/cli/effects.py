"""An effect of rules as people and programs read it: text for a terminal, Markdown for a pull request, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import click

from router.cli.formats import clip, severity
from router.rehearsal.comparing import Effect, Listed, Side

SHOWN = 20
"""Lost and new pages shown to people; JSON has all that were kept."""

RULES_SHOWN = 15


def verdict(effect: Effect) -> str:
    """The most important thing, in one sentence."""
    if effect.before is None:
        return f"{_count(effect.after.pages, 'page')}, {effect.after.at_night} of them at night."
    if effect.lost_acknowledged or effect.lost_critical:
        parts = []
        if effect.lost_acknowledged:
            parts.append(f"{_count(effect.lost_acknowledged, 'page')} that somebody acknowledged")
        if effect.lost_critical:
            parts.append(f"{_count(effect.lost_critical, 'critical page')}")
        return f"LOST: {' and '.join(parts)}. {_totals(effect)}"
    return _totals(effect)


def _totals(effect: Effect) -> str:
    assert effect.before is not None
    return (
        f"{effect.before.pages:,} before, {effect.after.pages:,} after: {effect.lost_pages:,} lost, {effect.new_pages:,} new."
    )


def print_text(effect: Effect, names: tuple[str, str], zone: tzinfo) -> None:
    """One screen, what is lost first."""
    click.secho(verdict(effect), bold=True, fg=None if effect.is_safe else "red")
    when = f"{_instant(effect.since, zone)} to {_instant(effect.until, zone)}"
    click.echo(f"{effect.entries:,} journal entries, {when}")
    _print_listed("lost: paged before, nobody now", effect.lost, effect.lost_pages, zone)
    _print_listed("new: nobody before, paged now", effect.new, effect.new_pages, zone)
    click.echo()
    rows = _rows(effect)
    headings = ["", *(names if effect.before is not None else names[1:]), *([""] if effect.before is not None else [])]
    widths = [max(len(row[place]) for row in [headings, *rows]) for place in range(len(headings))]
    for row in [headings, *rows]:
        first, *numbers = [cell.ljust(width) if not place else cell.rjust(width)
                           for place, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        click.echo("  ".join([first, *numbers]).rstrip())
    click.echo(f"\npages by hour of the day ({zone})")
    if effect.before is not None:
        click.echo(f"  {names[0]:>12}  {_bars(effect.before)}")
    click.echo(f"  {names[1]:>12}  {_bars(effect.after)}")
    click.echo(f"  {'':>12}  0     6     12    18   23")


def _print_listed(title: str, listed: Sequence[Listed], count: int, zone: tzinfo) -> None:
    if not count:
        return
    click.secho(f"\n{title} ({count:,})", bold=True)
    for page in listed[:SHOWN]:
        taken = click.style("  ACKNOWLEDGED", fg="red") if page.acknowledged else ""
        click.echo(
            f"  {_instant(page.opened_at, zone)}  {severity(page.severity.word):8}  {page.team}  "
            f"{clip(page.summary or page.service, 70)}  ({page.rule or 'storm'}){taken}"
        )
    if count > SHOWN:
        click.echo(f"  … {count - SHOWN:,} more")


def markdown(effect: Effect, names: tuple[str, str], zone: tzinfo) -> str:
    """Fit for a comment on a pull request."""
    lines = [f"### Pages: {_escape(verdict(effect))}", ""]
    columns = list(names) if effect.before is not None else [names[1]]
    heading = ["", *columns, *(["change"] if effect.before is not None else [])]
    lines += [_row(heading), _row(["---", *["---:"] * (len(heading) - 1)])]
    lines += [_row([_escape(cell) for cell in row]) for row in _rows(effect)]
    for title, listed, count in (("Lost", effect.lost, effect.lost_pages), ("New", effect.new, effect.new_pages)):
        if not count:
            continue
        lines += ["", f"<details{' open' if title == 'Lost' else ''}><summary>{title}: {count:,}</summary>", ""]
        lines += [_row(["when", "team", "severity", "what", "rule"]), _row(["---"] * 5)]
        for page in listed[:SHOWN]:
            taken = " **acknowledged**" if page.acknowledged else ""
            cells = [_instant(page.opened_at, zone), page.team, page.severity.word, clip(page.summary or page.service, 100)]
            lines.append(_row([*[_escape(cell) for cell in cells], _escape(page.rule or "storm") + taken]))
        if count > SHOWN:
            lines += ["", f"and {count - SHOWN:,} more"]
        lines += ["", "</details>"]
    when = f"{_instant(effect.since, zone)} to {_instant(effect.until, zone)} ({zone})"
    lines += ["", f"{effect.entries:,} journal entries replayed, {when}. Night is 22:00 to 07:00."]
    return "\n".join(lines) + "\n"


def as_json(effect: Effect, zone: tzinfo) -> dict[str, Any]:
    """Everything, with severities as words and times in ms UTC."""
    return {
        "since": effect.since,
        "until": effect.until,
        "zone": str(zone),
        "entries": effect.entries,
        "safe": effect.is_safe,
        "before": None if effect.before is None else _side(effect.before),
        "after": _side(effect.after),
        "lost": {
            "pages": effect.lost_pages,
            "critical": effect.lost_critical,
            "acknowledged": effect.lost_acknowledged,
            "items": [_listed(page) for page in effect.lost],
        },
        "new": {"pages": effect.new_pages, "items": [_listed(page) for page in effect.new]},
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "pages": side.pages,
        "at_night": side.at_night,
        "storms": side.storms,
        "by_team": dict(side.by_team),
        "at_night_by_team": dict(side.at_night_by_team),
        "by_severity": dict(side.by_severity),
        "by_rule": dict(side.by_rule),
        "by_channel": dict(side.by_channel),
        "by_hour": side.by_hour,
    }


def _listed(page: Listed) -> dict[str, Any]:
    return {
        "opened_at": page.opened_at,
        "team": page.team,
        "rule": page.rule,
        "service": page.service,
        "name": page.name,
        "severity": page.severity.word,
        "summary": page.summary,
        "dedup_key": page.dedup_key,
        "acknowledged": page.acknowledged,
    }


def _rows(effect: Effect) -> list[list[str]]:
    """Label, before, after, change; without a before only what is."""
    before, after = effect.before or Side(), effect.after
    rows: list[tuple[str, int, int]] = [
        ("pages", before.pages, after.pages),
        ("at night", before.at_night, after.at_night),
    ]
    if before.storms or after.storms:
        rows.append(("storm digests", before.storms, after.storms))
    for team in sorted({*before.by_team, *after.by_team}):
        rows.append((f"team {team}", before.by_team[team], after.by_team[team]))
        if before.at_night_by_team[team] or after.at_night_by_team[team]:
            rows.append((f"team {team}, at night", before.at_night_by_team[team], after.at_night_by_team[team]))
    rows += [
        (word, before.by_severity[word], after.by_severity[word])
        for word in ("critical", "error", "warning", "info")
        if before.by_severity[word] or after.by_severity[word]
    ]
    rows += [
        (f"told {channel}", before.by_channel[channel], after.by_channel[channel])
        for channel in sorted({*before.by_channel, *after.by_channel})
    ]
    rows += [(f"rule {rule or '(team limits)'}", was, now) for rule, was, now in _changed_rules(before, after)]
    if effect.before is None:
        return [[label, f"{now:,}"] for label, _, now in rows]
    return [[label, f"{was:,}", f"{now:,}", _change(was, now)] for label, was, now in rows]


def _changed_rules(before: Side, after: Side) -> list[tuple[str, int, int]]:
    """The rules whose pages change most."""
    rules = sorted({*before.by_rule, *after.by_rule})
    changes = [(rule, before.by_rule[rule], after.by_rule[rule]) for rule in rules]
    changed = [change for change in changes if change[1] != change[2]]
    changed.sort(key=lambda change: -abs(change[1] - change[2]))
    return changed[:RULES_SHOWN]


def _change(was: int, now: int) -> str:
    return "" if was == now else f"{now - was:+,}"


def _bars(side: Side) -> str:
    highest = max(side.by_hour)
    if not highest:
        return "no pages"
    levels = " ▁▂▃▄▅▆▇█"
    return "".join(levels[-(-count * (len(levels) - 1) // highest)] for count in side.by_hour) + f"  at most {highest:,}"


def _instant(at: int, zone: tzinfo) -> str:
    if at <= 0:
        return "the beginning"
    return datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M")


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    """Text that Markdown leaves alone."""
    escaped = "".join(f"\\{character}" if character in "\\`*_[]<>|#~@" else character for character in clip(text, 300))
    return escaped.replace("&", "&amp;")
