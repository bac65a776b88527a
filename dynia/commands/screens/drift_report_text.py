"""The drift report as plain text, for a mail or a terminal."""

from __future__ import annotations

from dynia.commands.screens.drift_words import (
    answers,
    at,
    concerns,
    evidence,
    head,
    silent,
    since,
    some,
    verdict,
)
from dynia.commands.screens.status import status_text
from dynia.commands.screens.status_view import StatusView
from dynia.commands.screens.text import clean, count, one_line, shorten, wrap
from dynia.services.planning.drift_report import DriftReport, Folded, folded
from dynia.services.planning.plan import Line

WIDTH = 100
MOST_SHOWN = 10


def report_text(report: DriftReport, status: StatusView, *, width: int = WIDTH) -> str:
    """`drift.txt`. Everything that was seen is in it; equal drift of several nodes is one entry."""
    lines = [f"{report.cluster}: {verdict(report)}", head(report)]
    for one in folded(report.findings):
        lines += ["", *_entry(one, report.at, width)]
    if report.silent:
        lines += ["", "Not observed (nothing is claimed)"]
        for reason, nodes, first in silent(report.silent):
            lines += wrap(f"{some(nodes)}: {reason}", width, first="  ? ", rest="    ")
            lines += [f"    {one_line(command)}" for command in first.commands]
    if report.concerns:
        lines += ["", "Near the end"]
        for concern, nodes in concerns(report.concerns):
            said = f"{concern.severity} · {concern.kind} on {some(nodes)}: {concern.detail}"
            lines += wrap(said, width, first="  ! ", rest="    ")
            lines.append(f"    {one_line(concern.command)}")
    if report.ignored:
        lines += ["", "Ignored for a while (`dynia apply` puts it back all the same)"]
    for left in report.ignored:
        where = f" on {some(left.nodes)}" if left.nodes else ""
        said = f"{left.what}{where}: {left.detail}; until {left.until}: {left.because}"
        lines += wrap(said, width, first="  · ", rest="    ")
    for note in report.notes:
        lines += ["", *wrap(f"Note: {one_line(note)}", width, rest="  ")]
    if report.changes:
        lines += ["", *wrap(pending(report), width, rest="  ")]
        lines += [
            f"  {change.sign} {one_line(change.subject)} {_on(change)}".rstrip() for change in report.changes
        ]
    for waits in report.paused:
        lines += ["", *wrap(f"Paused: {waits.subject}: {waits.reason}", width, rest="  ")]
    lines += ["", status_text(status, width=width, now=report.at)]
    if len(report.runs) > 1:
        lines += ["", "Last reports"]
        lines += [
            f"  {at(run.at)}  exit {run.code}  {count(len(run.items), 'difference')}"
            for run in report.runs[-MOST_SHOWN:]
        ]
    return "\n".join(lines) + "\n"


def pending(report: DriftReport) -> str:
    found = count(len(report.changes), "change")
    return f"Pending (no drift): {found} not applied yet; see `dynia plan --cluster {report.cluster}`"


def _on(change: Line) -> str:
    return f"on {one_line(some(change.nodes, 3))}" if change.nodes else ""


def _entry(one: Folded, now: int, width: int) -> list[str]:
    first = one.first
    where = f" on {count(len(one.nodes), 'node')}" if len(one.nodes) > 1 else ""
    where = f" on {first.node}" if len(one.nodes) == 1 else where
    title = f"{first.severity} · {first.category} · {first.what}{where}: {first.detail}"
    lines = wrap(title, width, first="! ", rest="  ")
    for text in filter(None, (since(one, now), first.why, *evidence(one), first.remedy)):
        lines += wrap(text, width, first="    ", rest="    ")
    if len(one.nodes) > 1:
        lines += wrap(some(one.nodes), width, first="    on ", rest="       ")
    lines += [f"    | {shorten(text, width - 6)}" for text in clean(first.diff).splitlines()]
    if first.commands:
        said = answers(one)
        lines += wrap(f"Answer {said}".rstrip() + ":", width, first="    ", rest="    ")
        lines += [f"      {one_line(command)}" for command in first.commands]
    return lines
