"""What the page tells of each entry: what differs, since when, by what evidence, and how to answer it."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.commands.screens import drift_words
from dynia.commands.screens.page_marks import Sign, mark
from dynia.commands.screens.page_markup import Markup, element, joined, lines
from dynia.commands.screens.text import count, one_line
from dynia.interfaces.durations import span
from dynia.services.planning.drift_report import DriftReport, Folded, folded
from dynia.state.lease import utc

# So many nodes are named; of more the rest is folded away.
NAMED = 6


def findings(report: DriftReport) -> tuple[Markup, ...]:
    """The gravest first, equal ones of several nodes as one."""
    return tuple(_finding(one, report) for one in folded(report.findings))


def silent(report: DriftReport) -> tuple[Markup, ...]:
    """Equal reasons as one."""
    return tuple(
        _entry(
            "silent",
            "not observed",
            nodes_named(nodes),
            (),
            (reason,),
            (_answers(first.commands, len(nodes)),),
        )
        for reason, nodes, first in drift_words.silent(report.silent)
    )


def concerns(report: DriftReport) -> tuple[Markup, ...]:
    return tuple(
        _entry(
            first.severity,
            first.severity,
            _titled(first.kind, nodes),
            (),
            (first.detail,),
            (_answers((first.command,), len(nodes)),),
        )
        for first, nodes in drift_words.concerns(report.concerns)
    )


def ignored(report: DriftReport) -> tuple[Markup, ...]:
    """No findings for a while, and what of that is over."""
    rows = [
        element(
            "li",
            _titled(one.what, one.nodes),
            f": {one_line(one.detail)}; until {one_line(one.until)}: {one_line(one.because)}",
        )
        for one in report.ignored
    ]
    rows += [element("li", one_line(note)) for note in report.notes]
    return (element("ul", rows, class_="facts"),)


def pending(report: DriftReport) -> tuple[Markup, ...]:
    """What the file asks for and was not applied: no drift."""
    rows = [
        element("li", f"{one.sign} {one.subject}", _why(one.nodes, one.everywhere, one.why))
        for one in report.changes
    ]
    rows += [element("li", f"paused: {one.subject}: {one.reason}") for one in report.paused]
    return (element("ul", rows, class_="facts"),) if rows else ()


def nodes_named(names: Sequence[str]) -> Markup:
    """All of them; many are folded away."""
    if len(names) <= NAMED:
        return joined(", ".join(one_line(name) for name in names))
    return joined(f"{len(names)} nodes")


def _titled(what: str, nodes: Sequence[str]) -> Markup:
    return (
        joined(what, element("span", " on ", nodes_named(nodes), class_="where")) if nodes else joined(what)
    )


def _finding(one: Folded, report: DriftReport) -> Markup:
    first, nodes = one.first, one.nodes
    where = _titled(first.what, nodes)
    facts = [first.detail]
    if one.since:
        facts.append(f"changed {utc(one.since)}, {span(report.at - one.since)} before this report")
    if one.first_seen and one.first_seen < report.at:
        facts.append(f"first seen {utc(one.first_seen)}; in {count(one.runs, 'report')} on end")
    elif one.first_seen:
        facts.append("first seen in this report")
    facts += [f"{seen.text}{f' ({utc(seen.at)})' if seen.at else ''}" for seen in one.evidence[:NAMED]]
    if first.remedy:
        facts.append(f"at the next apply: {first.remedy}")
    more = [_all_nodes(nodes)] if len(nodes) > NAMED else []
    if first.diff:
        more.append(_diff(first.diff, first.what))
    return _entry(
        first.severity,
        first.severity,
        where,
        (first.category, first.why),
        facts,
        (*more, _answers(first.commands, len(one.all))),
    )


def _entry(
    sign: Sign, word: str, title: Markup, tags: Sequence[str], facts: Sequence[str], more: Sequence[Markup]
) -> Markup:
    kind, why = (*tags, "", "")[:2]
    return element(
        "article",
        element(
            "header",
            mark(sign, word),
            element("h3", title),
            element("span", kind, class_="tag") if kind else "",
        ),
        element("p", why, class_="dim") if why else "",
        element("ul", [element("li", fact) for fact in facts if fact], class_="facts"),
        more,
        class_=f"entry e-{sign}",
    )


def _all_nodes(nodes: Sequence[str]) -> Markup:
    return element(
        "details",
        element("summary", f"all {len(nodes)} nodes"),
        element("p", ", ".join(one_line(name) for name in nodes)),
    )


def _answers(commands: Sequence[str], entries: int) -> Markup:
    if not commands:
        return joined()
    said = "Answers" if entries == 1 else "Answers (each entry by its own name; of the first one)"
    return joined(
        element("p", f"{said}:", class_="dim"),
        element("pre", element("code", lines("\n".join(one_line(c) for c in commands))), class_="say"),
    )


def _diff(text: str, what: str) -> Markup:
    kinds = {"+": "plus", "-": "minus", "@": "hunk"}
    rows = [element("span", lines(f"{line}\n"), class_=kinds.get(line[:1])) for line in text.split("\n")]
    return element(
        "pre", element("code", rows), tabindex=0, role="region", aria_label=f"what changed in {what}"
    )


def _why(nodes: Sequence[str], everywhere: bool, why: str) -> Markup:
    where = " on all nodes" if everywhere else joined(" on ", nodes_named(nodes)) if nodes else ""
    return joined(where, f", {why}" if why else "")
