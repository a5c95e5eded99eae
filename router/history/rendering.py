"""From a report to bytes, by the name of the form."""

from __future__ import annotations

from typing import Literal, assert_never

from router.history.html import render_html
from router.history.report import Report
from router.history.texts import render_csv, render_json, render_markdown

Form = Literal["html", "markdown", "json", "csv"]
FORMS: tuple[Form, ...] = ("html", "markdown", "json", "csv")
SUFFIXES: dict[Form, str] = {"html": "html", "markdown": "md", "json": "json", "csv": "csv"}
CONTENT_TYPES: dict[Form, bytes] = {
    "html": b"text/html; charset=utf-8",
    "markdown": b"text/markdown; charset=utf-8",
    "json": b"application/json",
    "csv": b"text/csv; charset=utf-8",
}


def render(report: Report, form: Form) -> bytes:
    """The whole file."""
    match form:
        case "html":
            return render_html(report).encode()
        case "markdown":
            return render_markdown(report).encode()
        case "json":
            return render_json(report)
        case "csv":
            return render_csv(report).encode()
        case _:
            assert_never(form)
