"""A rehearsal as people read it, and as programs do."""

from __future__ import annotations

from dynia.commands.screens.layout import entries
from dynia.commands.screens.machine import document
from dynia.commands.screens.text import clean, count, one_line, paint, wrap
from dynia.interfaces.durations import span
from dynia.interfaces.shape import Shape
from dynia.services.rehearsal import Act
from dynia.services.rehearsed import Replaced


class RehearsalReport(Shape):
    """`elsewhere` is where this process wanted to go and was refused."""

    cluster: str
    nodes: int
    replaced: tuple[Replaced, ...]
    acts: tuple[Act, ...]
    elsewhere: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(act.ok for act in self.acts)


def rehearsal_text(report: RehearsalReport, *, width: int, color: bool = False) -> str:
    """What was replaced, what was seen, and what that means."""
    head = f"Rehearsal of cluster {report.cluster} · {count(report.nodes, 'node')} · on this machine"
    lines = [paint(line, "head", color) for line in wrap(head, width)]
    if report.replaced:
        lines += ["", paint("Replaced", "head", color)]
        rows = [("  ", (one_line(one.what), one_line(one.by))) for one in report.replaced]
        lines += [line for row in entries(rows, width) for line in row]
    lines += ["", paint("Seen", "head", color)]
    seen = [
        (f"  {'ok' if act.ok else 'NO':<3}", (act.name, f"{act.seconds:.0f} s", one_line(clean(act.said))))
        for act in report.acts
    ]
    lines += [line for row in entries(seen, width) for line in row]
    if report.elsewhere:
        names = ", ".join(dict.fromkeys(report.elsewhere))
        lines += ["", *wrap(f"Refused on the way out: {one_line(names)}.", width)]
    total = span(sum(act.seconds for act in report.acts))
    if report.ok:
        last = f"It holds: all of it in {total}. What a rehearsal cannot show: docs/operating.md."
    else:
        failed = next(act for act in report.acts if not act.ok)
        last = f"It does not hold: {failed.name} failed after {total}. Nothing outside was touched."
    return "\n".join([*lines, "", *wrap(last, width)])


def rehearsal_json(reports: tuple[RehearsalReport, ...]) -> bytes:
    """`dynia rehearse --json`."""
    return document(
        "rehearsal",
        {
            "ok": all(report.ok for report in reports),
            "clusters": [
                {
                    "name": report.cluster,
                    "nodes": report.nodes,
                    "ok": report.ok,
                    "replaced": [{"what": one.what, "by": one.by} for one in report.replaced],
                    "acts": [
                        {"name": act.name, "seconds": act.seconds, "ok": act.ok, "said": act.said}
                        for act in report.acts
                    ],
                    "elsewhere": list(report.elsewhere),
                }
                for report in reports
            ],
        },
    )
