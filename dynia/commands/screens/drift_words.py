"""The words that the text, the Markdown and the page of a drift report share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from dynia.commands.screens.text import count
from dynia.interfaces.durations import span
from dynia.services.planning.drift_report import Concern, DriftReport, Folded, Silent


def verdict(report: DriftReport) -> str:
    """What was found, in one line."""
    silent = f"; {len(report.silent)} not observed" if report.silent else ""
    if not report.findings:
        return f"no drift{silent}"
    touched = len({one.node for one in report.findings if one.node})
    where = f" on {count(touched, 'node')}" if touched else ""
    return f"{count(len(report.findings), 'difference')}{where} from what was applied{silent}"


def head(report: DriftReport) -> str:
    return f"{at(report.at)} · generation {report.generation} · exit {report.exit_code}"


def at(moment: int) -> str:
    """A moment as a report says it, wherever it is read."""
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{moment} s after 1970"


def since(one: Folded, now: int) -> str:
    """Since when, by the thing's own word or by the first report that saw it; empty where it is new."""
    said = [f"since {at(one.since)} ({span(now - one.since)} ago)"] if one.since else []
    if one.runs > 1:
        said.append(f"in {one.runs} reports on end, first at {at(one.first_seen)}")
    return ", ".join(said)


def evidence(one: Folded) -> list[str]:
    return [f"{e.text} ({at(e.at)})" if e.at else e.text for e in one.evidence]


def answers(one: Folded) -> str:
    """Before the commands."""
    more = len(one.all) - 1
    return f"for {one.first.node}, and in the same way for {count(more, 'more node')}" if more else ""


def silent(found: Iterable[Silent]) -> list[tuple[str, tuple[str, ...], Silent]]:
    """Reason, the nodes with it, and the first of them."""
    groups: dict[str, list[Silent]] = {}
    for one in found:
        groups.setdefault(one.reason, []).append(one)
    return [(reason, tuple(one.node for one in group), group[0]) for reason, group in groups.items()]


def concerns(found: Iterable[Concern]) -> list[tuple[Concern, tuple[str, ...]]]:
    """Equal ones of several nodes as one."""
    groups: dict[tuple[str, str, str], list[Concern]] = {}
    for one in found:
        groups.setdefault((one.kind, one.severity, one.detail), []).append(one)
    return [(group[0], tuple(one.node for one in group)) for group in groups.values()]


def some(names: Sequence[str], most: int = 50) -> str:
    """Names for people who may have to look at each."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
