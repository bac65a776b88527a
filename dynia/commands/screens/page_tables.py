"""The tables of the page: what serves through whom, and how full disks and how long certificates are good."""

from __future__ import annotations

from collections.abc import Sequence

from dynia.commands.screens.page_findings import nodes_named
from dynia.commands.screens.page_marks import Sign, mark
from dynia.commands.screens.page_markup import Child, Markup, element, joined
from dynia.commands.screens.status_view import (
    OK,
    UNKNOWN,
    CellView,
    NodeView,
    RowView,
    ServiceView,
    StatusView,
)
from dynia.commands.screens.text import count, one_line
from dynia.services.planning.drift_report import CERTIFICATE_DAYS, DISK_PERCENT
from dynia.services.planning.matrix import shown

# More nodes have no column of their own: equal answers are told as one.
COLUMNS = 8
ROWS = 24


def serving(view: StatusView) -> Markup:
    """One row a domain (of a worker one row), one column a node."""
    names = [node.name for node in view.nodes]
    wide = len(names) <= COLUMNS
    entry = any(row.entry is not None for service in view.services for row in service.rows)
    head = ["service", *(["reserved IP"] if entry else []), *(names if wide else ["nodes"])]
    rows = [
        _row(service, row, names, wide=wide, entry=entry)
        for service in view.services
        for row in service.rows or (None,)
    ]
    return _table(head, rows, "What answers for each domain, through each node")


def _row(
    service: ServiceView, row: RowView | None, names: Sequence[str], *, wide: bool, entry: bool
) -> list[Child]:
    if row is None:
        title = joined(service.name, element("span", service.kind, class_="sub"))
        through = {name: CellView(state=service.on.get(name, UNKNOWN)) for name in names}
        first: list[Child] = ["-"] if entry else []
    else:
        title = joined(row.domain or "every other name", element("span", service.name, class_="sub"))
        through = {name: row.through.get(name, CellView(state=UNKNOWN)) for name in names}
        first = [_cell(row.entry) if row.entry else "-"] if entry else []
    if wide:
        return [title, *first, *(_cell(through[name]) for name in names)]
    alike: dict[tuple[str, str], list[str]] = {}
    for name, cell in through.items():
        alike.setdefault((cell.state, cell.release), []).append(name)
    ordered = sorted(alike.items(), key=lambda one: one[0][0] == OK)
    groups = [
        element("p", _cell(CellView(state=state, release=release)), " on ", nodes_named(group))
        for (state, release), group in ordered
    ]
    return [title, *first, joined(groups)]


def _cell(cell: CellView) -> Markup:
    sign: Sign = "good" if cell.state == OK else "silent" if cell.state.startswith(UNKNOWN) else "high"
    release = element("span", shown(cell.release), class_="sub") if cell.release else joined()
    return joined(element("span", mark(sign, cell.state)), release)


def health(view: StatusView) -> Markup:
    """Disks and certificates; of many nodes those that are nearest to trouble."""
    nodes = [node for node in view.nodes if not node.reason]
    worst = sorted(
        nodes, key=lambda node: (node.days_left if node.certificate else 1 << 20, -node.disk_percent)
    )
    fullest = sorted(nodes, key=lambda node: -node.disk_percent)
    chosen = nodes
    if len(nodes) > ROWS:
        names = {node.name for node in (*worst[: ROWS // 2], *fullest[: ROWS // 2])}
        chosen = [node for node in nodes if node.name in names]
    ends = any(node.certificate for node in nodes)
    head = ["node", "disk used", *(["certificate"] if ends else [])]
    rows: list[list[Child]] = [
        [node.name, _disk(node), *([_certificate(node)] if ends else [])] for node in chosen
    ]
    left = len(nodes) - len(chosen)
    note = (
        element("p", f"{count(left, 'more node')}: fuller disks and nearer ends are above.", class_="dim")
        if left
        else joined()
    )
    return joined(_table(head, rows, "Disks and certificates"), note)


def _disk(node: NodeView) -> Markup:
    used = min(max(node.disk_percent, 0), 100)
    sign: Sign = "good" if used < DISK_PERCENT else "medium" if used < 95 else "high"
    bar = element("span", element("i", style=f"width:{used}%"), class_=f"bar {sign}", aria_hidden="true")
    return joined(bar, _graded(sign, f"{node.disk_percent} %"))


def _certificate(node: NodeView) -> Markup:
    if node.certificate is None:
        return mark("high", "none")
    if not node.certificate.fits:
        return mark("critical", "its key differs")
    if node.days_left < 0:
        return mark("critical", "expired")
    days = node.days_left
    sign: Sign = "high" if days < 7 else "medium" if days < CERTIFICATE_DAYS else "good"
    names = ", ".join(one_line(name) for name in node.certificate.names[:3])
    return joined(_graded(sign, f"good for {days} d"), element("span", names, class_="sub"))


def _graded(sign: Sign, said: str) -> Markup:
    return element("span", said) if sign == "good" else mark(sign, said)


def _table(head: Sequence[str], rows: Sequence[Sequence[Child]], label: str) -> Markup:
    """In a frame of its own that scrolls sideways."""
    table = element(
        "table",
        element("thead", element("tr", [element("th", name, scope="col") for name in head])),
        element(
            "tbody",
            [
                element(
                    "tr",
                    element("th", row[0], scope="row"),
                    [element("td", one) for one in row[1:]],
                )
                for row in rows
            ],
        ),
    )
    return element("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)
