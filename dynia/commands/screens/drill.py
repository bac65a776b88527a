"""A failover drill as people read it, and as programs do."""

from __future__ import annotations

from dynia.commands.screens.machine import document
from dynia.commands.screens.text import count, join_wrapped, one_line, paint, wrap
from dynia.services.drill import ANSWER_S, DrillWish, Ground
from dynia.services.drill_report import DrillReport, Stretch


def drill_question(ground: Ground, wish: DrillWish) -> str:
    """What is asked before."""
    to = wish.node or (ground.others[0].name if len(ground.others) == 1 else "another node")
    cut = "; connections at work are cut" if wish.hard and ground.entry == "vip" else ""
    return f"Move reserved IP {ground.address} from {ground.holder.name} to {to}, and back{cut}?"


def drill_text(report: DrillReport, *, width: int, color: bool = False) -> str:
    """Who answered when, and what that means."""
    kind = "keepalived stopped" if report.hard else "handed over"
    parts = ["failover drill", f"reserved IP {report.address}", kind]
    head = join_wrapped(parts, width, first=f"{report.cluster}  ", glue=" · ")
    lines = [paint(head[0], "head", color), *head[1:], ""]
    lines += [text for stretch in report.answered for text in _stretch(stretch, width, color)]
    lines += ["", *_meaning(report, width)]
    silent = f"{report.unanswered} without an answer within {ANSWER_S:g} s" if report.unanswered else ""
    told = (count(report.probes, "question"), silent, f"slowest answer {report.slowest * 1000:.0f} ms")
    lines += wrap(", ".join(text for text in told if text) + ".", width)
    if not report.settled:
        lines += wrap(
            f"Not everything is as it was before: {one_line(report.amiss)}. See `dynia status`.", width
        )
    return "\n".join(lines)


def _stretch(stretch: Stretch, width: int, color: bool) -> list[str]:
    at = f"  {stretch.begin:6.1f} s  "
    if stretch.node:
        return wrap(f"{stretch.node} answers", width, first=at, rest=" " * len(at))
    said = wrap(f"nobody answers for {stretch.seconds:.1f} s", width, first=at, rest=" " * len(at))
    return [paint(text, "change", color) for text in said]


def _meaning(report: DrillReport, width: int) -> list[str]:
    if not report.taken:
        return wrap(f"Nobody took over from {report.holder}.", width)
    lost = f"{report.lost:.1f} s were lost" if report.lost else "no second was lost"
    back = f"{report.lost_back:.1f} s" if report.lost_back else "nothing"
    return wrap(f"{report.taken} took over from {report.holder}: {lost}. Handing it back lost {back}.", width)


def drill_json(report: DrillReport) -> bytes:
    """`dynia drill failover --json`."""
    return document("drill", drill_body(report))


def drill_body(report: DrillReport) -> dict[str, object]:
    """What it says, also where it is part of another document."""
    return {
        "cluster": report.cluster,
        "entry": report.entry,
        "reservedIp": report.address,
        "at": report.at,
        "hard": report.hard,
        "holder": report.holder,
        "taken": report.taken,
        "settled": report.settled,
        "amiss": report.amiss,
        "lostSeconds": report.lost,
        "lostBackSeconds": report.lost_back,
        "probes": report.probes,
        "unanswered": report.unanswered,
        "slowestSeconds": report.slowest,
        "answered": [
            {"node": one.node, "beginSeconds": one.begin, "endSeconds": one.end} for one in report.answered
        ],
    }
