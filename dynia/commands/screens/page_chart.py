"""The last reports as a small chart, drawn when the page is written, and the same as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynia.commands.screens.page_markup import Markup, element, joined
from dynia.commands.screens.text import count
from dynia.services.planning.drift_runs import Run
from dynia.state.lease import utc

MOST, MOST_NARROW = 30, 12
CLASSES = ("split", "tampered", "orphan")
_HIGH, _LEFT, _BAR = 150, 40, 24


def chart(runs: Sequence[Run]) -> Markup:
    """Twice, for wide and for narrow screens, of which a reader gets one; and a table."""
    shown = tuple(runs[-MOST:])
    return joined(
        _drawn(shown, _LEFT + MOST * _BAR, "wide"),
        _drawn(shown[-MOST_NARROW:], _LEFT + MOST_NARROW * _BAR, "narrow"),
        _legend(),
        _as_table(shown),
    )


def _drawn(runs: Sequence[Run], width: int, kind: str) -> Markup:
    """One bar a report, the newest on the right; a report in which all was well is a dot on the line."""
    most = max((_found(run) + len(run.silent) for run in runs), default=0)
    parts = [
        element("line", x1=_LEFT, y1=_HIGH, x2=width, y2=_HIGH, class_="axis"),
        element("text", "0", x=_LEFT - 8, y=_HIGH + 4, text_anchor="end", class_="s"),
    ]
    if most:
        parts += [
            element("line", x1=_LEFT, y1=14, x2=width, y2=14, class_="axis", stroke_dasharray="2 4"),
            element("text", str(most), x=_LEFT - 8, y=18, text_anchor="end", class_="s"),
        ]
    for at, run in enumerate(runs):
        # From the right: with few reports there is room on the left.
        parts += _bar(run, width - (len(runs) - at) * _BAR + 4, most)
    ends = [(width, "end", runs[-1])] if runs else []
    if len(runs) * _BAR > 2 * 90:
        ends.append((width - len(runs) * _BAR + 4, "start", runs[0]))
    parts += [
        element("text", utc(run.at)[:10], x=x, y=_HIGH + 20, text_anchor=anchor, class_="s")
        for x, anchor, run in ends
    ]
    said = f"{count(len(runs), 'report')}; the last one: {_said(runs[-1])}" if runs else "no report"
    return element(
        "svg",
        parts,
        viewBox=f"0 0 {width + 4} {_HIGH + 26}",
        role="img",
        aria_label=said,
        class_=f"chart {kind}",
    )


def _found(run: Run) -> int:
    return len(run.items)


def _bar(run: Run, x: float, most: int) -> list[Markup]:
    if not run.items and not run.silent:
        return [element("circle", element("title", _title(run)), cx=x + 8, cy=_HIGH, r=5, class_="c-well")]
    found, y = [], float(_HIGH)
    numbers = [(name, sum(1 for one in run.items if one.category == name)) for name in CLASSES]
    for name, number in (*numbers, ("silent", len(run.silent))):
        if number:
            high = max(math.floor(number / most * (_HIGH - 14)), 4)
            y -= high
            found.append(element("rect", x=x, y=y, width=16, height=high - 1, rx=2, class_=f"c-{name}"))
    return [element("g", element("title", _title(run)), found)]


def _title(run: Run) -> str:
    return f"{utc(run.at)}: {_said(run)}"


def _said(run: Run) -> str:
    parts = [
        f"{number} {name}"
        for name in CLASSES
        if (number := sum(1 for one in run.items if one.category == name))
    ]
    parts += [f"{len(run.silent)} not observed"] if run.silent else []
    return ", ".join(parts) or "no drift"


def _legend() -> Markup:
    words = {"c-well": "no drift", "c-split": "split", "c-tampered": "tampered", "c-orphan": "orphan"}
    signs = {**words, "c-silent": "not observed"}
    return element(
        "ul",
        [
            element(
                "li",
                element(
                    "svg",
                    element("circle", cx=8, cy=8, r=5, class_=kind)
                    if kind == "c-well"
                    else element("rect", x=2, y=2, width=12, height=12, rx=2, class_=kind),
                    viewBox="0 0 16 16",
                    aria_hidden="true",
                ),
                word,
            )
            for kind, word in signs.items()
        ],
        class_="legend",
    )


def _as_table(runs: Sequence[Run]) -> Markup:
    rows = [
        element(
            "tr",
            element("th", utc(run.at), scope="row"),
            element("td", _said(run)),
            element("td", f"exit {run.code}"),
        )
        for run in reversed(runs)
    ]
    head = element("tr", [element("th", name, scope="col") for name in ("report", "found", "exit code")])
    table = element("table", element("thead", head), element("tbody", rows))
    return element(
        "details",
        element("summary", "the same as a table"),
        element("div", table, class_="scroll", tabindex=0, role="region", aria_label="The last reports"),
    )
