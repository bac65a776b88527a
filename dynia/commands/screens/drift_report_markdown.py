"""The drift report as Markdown, for an issue: folded over nodes, details collapsed, never too long."""

from __future__ import annotations

from dynia.commands.screens.drift_report_text import pending
from dynia.commands.screens.drift_words import (
    at,
    concerns,
    evidence,
    head,
    silent,
    since,
    some,
    verdict,
)
from dynia.commands.screens.markdown import MOST, Section, block, code, fitted, marker
from dynia.commands.screens.status import status_text
from dynia.commands.screens.status_view import StatusView
from dynia.commands.screens.text import count
from dynia.services.planning.drift_report import DriftReport, Folded, Silent, folded

MOST_SHOWN = 30
_STATUS_LINES = 120
# A command is of use only whole.
_COMMAND = 1000
_NAMES = 2000
_DIFF_LINES, _DIFF_WIDE = 60, 200


def report_markdown(report: DriftReport, status: StatusView, *, most: int = MOST) -> str:
    """`drift.md`, with at most `most` characters. What others said stands in it as code alone."""
    found = folded(report.findings)
    lead = f"## Drift of {code(report.cluster)}: {verdict(report)}\n\n{head(report)}"
    sections = [Section(lead=lead, blocks=tuple(_entry(one, report.at) for one in found))]
    if report.silent:
        blocks = tuple(_silent(*one) for one in silent(report.silent))
        sections.append(Section(lead="### Not observed (nothing is claimed)", blocks=blocks))
    if report.concerns:
        blocks = tuple(
            f"- **{one.severity}** · {one.kind}: {code(one.detail)} on {code(some(nodes), _NAMES)}\n\n"
            f"  {code(one.command, _COMMAND)}"
            for one, nodes in concerns(report.concerns)
        )
        sections.append(Section(lead="### Near the end", blocks=blocks))
    if report.ignored or report.notes:
        blocks = tuple(
            f"- {code(one.what)}{f' on {code(some(one.nodes), _NAMES)}' if one.nodes else ''}: "
            f"{code(one.detail)}, until {code(one.until)}: {code(one.because)}"
            for one in report.ignored
        )
        notes = tuple(f"- {code(note, _NAMES)}" for note in report.notes)
        sections.append(Section(lead="### Ignored for a while", blocks=(*blocks, *notes)))
    if report.changes:
        blocks = tuple(
            f"- {code(f'{change.sign} {change.subject}')}"
            + (f" on {code(some(change.nodes, 3))}" if change.nodes else "")
            for change in report.changes
        )
        said = f"{count(len(blocks), 'change')} not applied yet"
        sections.append(Section(lead=pending(report), blocks=blocks, summary=said))
    for one in report.paused[:MOST_SHOWN]:
        sections.append(Section(lead=f"Paused: {code(one.subject)}: {code(one.reason)}"))
    text = status_text(status, width=100, now=report.at)
    blocks = (block(text, "text", _STATUS_LINES),)
    sections.append(Section(lead="### The cluster", blocks=blocks, summary="Nodes, and what serves"))
    if len(report.runs) > 1:
        lines = [
            f"{at(run.at)}  exit {run.code}  {count(len(run.items), 'difference')}"
            for run in reversed(report.runs[-MOST_SHOWN:])
        ]
        blocks = (block("\n".join(lines), "text"),)
        sections.append(Section(lead="### Last reports", blocks=blocks, summary=f"The last {len(lines)}"))
    return fitted(marker("drift", report.cluster), sections, most=most)


def _entry(one: Folded, now: int) -> str:
    """One block: a line that is always seen, and what is collapsed below it."""
    first, number = one.first, len(one.nodes)
    where = f" on {count(number, 'node')}" if number > 1 else f" on {code(first.node)}" if number else ""
    told = f" · {since(one, now)}" if since(one, now) else ""
    title = (
        f"- **{first.severity}** · {first.category} · {code(first.what)}{where}: {code(first.detail)}{told}"
    )
    said = [f"{first.why}."]
    said += [f"- {code(text)}" for text in (*evidence(one), first.remedy) if text]
    if number > 1:
        said.append(f"On {code(some(one.nodes), _NAMES)}")
    if first.diff:
        said.append(block(first.diff, "diff", most=_DIFF_LINES, wide=_DIFF_WIDE))
    if first.commands:
        more = len(one.all) - 1
        alike = f" for {code(first.node)}, and in the same way for {count(more, 'more node')}" if more else ""
        said.append(f"Answer{alike}:")
        said.append(block("\n".join(first.commands), "sh", wide=_COMMAND))
    inside = "\n\n".join(said)
    folds = f"<details><summary>Evidence and answers</summary>\n\n{inside}\n\n</details>"
    return f"{title}\n\n{_indented(folds)}"


def _silent(reason: str, nodes: tuple[str, ...], first: Silent) -> str:
    commands = "\n\n".join(f"  {code(text, _COMMAND)}" for text in first.commands)
    where = (
        code(nodes[0]) if len(nodes) == 1 else f"{count(len(nodes), 'node')} ({code(some(nodes), _NAMES)})"
    )
    return f"- {where}: {code(reason)}\n\n{commands}".rstrip()


def _indented(text: str) -> str:
    """Below the item of a list."""
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))
