"""The drift report as one page that needs nothing else: no script, no remote resource, no request."""

from __future__ import annotations

from dynia.commands.screens.page_chart import chart
from dynia.commands.screens.page_findings import concerns, findings, ignored, pending, silent
from dynia.commands.screens.page_marks import Sign, shape
from dynia.commands.screens.page_markup import Child, Markup, element, joined
from dynia.commands.screens.page_picture import picture
from dynia.commands.screens.page_style import STYLE
from dynia.commands.screens.page_tables import health, serving
from dynia.commands.screens.status_view import StatusView
from dynia.commands.screens.text import count, one_line
from dynia.interfaces.durations import span
from dynia.services.planning.drift_report import DriftReport, folded
from dynia.state.lease import utc

# What the page may load: nothing. Styles are in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def drift_html(report: DriftReport, view: StatusView) -> str:
    """The whole file. `view` is the same look at the cluster as `status` shows it."""
    title = f"Drift of {report.cluster}, {utc(report.at)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", _header(report, view), element("main", _sections(report, view)), _footer(report))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(report: DriftReport, view: StatusView) -> Markup:
    sign, said = _verdict(report)
    applied = f"generation {view.generation}"
    if view.applied_at:
        applied += (
            f", applied {span(max(report.at - view.applied_at, 0))} earlier by {one_line(view.applied_by)}"
        )
        applied += f" ({view.commit})" if view.commit else ""
    return element(
        "header",
        element("h1", f"Cluster {report.cluster}"),
        element("p", shape(sign), element("span", said), class_="verdict"),
        element("p", f"{utc(report.at)} · {applied} · exit {report.exit_code}", class_="dim"),
        _tiles(report),
    )


def _verdict(report: DriftReport) -> tuple[Sign, str]:
    nodes = count(report.node_count, "node")
    if report.findings:
        grave: Sign = report.findings[0].severity
        where = {one.node for one in report.findings if one.node}
        on = f" on {len(where)} of {nodes}" if where else ""
        return grave, f"{count(len(report.findings), 'difference')}{on} from what was applied"
    if report.silent:
        return "silent", f"No drift was seen, and {len(report.silent)} of {nodes} did not answer"
    return "good", f"No drift: {nodes} as applied"


def _tiles(report: DriftReport) -> Markup:
    told = (
        (len(report.findings), "differences"),
        (len(report.silent), "not observed"),
        (len(report.concerns), "need a look soon"),
        (len(report.changes), "pending, no drift"),
    )
    return element(
        "ul",
        [
            element("li", element("b", str(number)), element("span", word), class_=None if number else "zero")
            for number, word in told
        ],
        class_="tiles",
    )


def _sections(report: DriftReport, view: StatusView) -> tuple[Markup, ...]:
    drifted = {one.node for one in report.findings if one.node}
    entries = count(len(folded(report.findings)), "entry", "entries")
    return (
        _section("Cluster", picture(view, drifted), _split(view)) if view.nodes else joined(),
        _section(f"Drift ({entries})", findings(report)) if report.findings else joined(),
        _section("Not observed: nothing is claimed", silent(report)) if report.silent else joined(),
        _section("Needs a look soon", concerns(report)) if report.concerns else joined(),
        _section("Ignored for a while", ignored(report)) if report.ignored or report.notes else joined(),
        _section("What serves", serving(view)) if view.services and view.nodes else joined(),
        _section("Disks and certificates", health(view)) if view.nodes else joined(),
        _section("Pending: in the file and not applied yet", pending(report))
        if report.changes or report.paused
        else joined(),
        _section("The last reports", chart(report.runs)) if report.runs else joined(),
    )


def _split(view: StatusView) -> Markup:
    return element("p", view.split, class_="critical") if view.split else joined()


def _section(title: str, *children: Child) -> Markup:
    return element("section", element("h2", title), children)


def _footer(report: DriftReport) -> Markup:
    said = (
        f"Written by dynia drift on {utc(report.at)}. Times are UTC. The page loads nothing and asks nobody."
    )
    return element("footer", element("p", said))
