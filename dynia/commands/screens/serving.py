"""The serving matrix as people read it: what answers for each domain, and through whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dynia.commands.screens.layout import entries, on_nodes
from dynia.commands.screens.status_view import OK, UNKNOWN, CellView, ServiceView
from dynia.commands.screens.text import one_line, paint, wrap
from dynia.interfaces.shape import Shape
from dynia.services.planning.matrix import shown

# Among the places that answer: no node has this name.
ENTRY = ""


class _Folded(Shape):
    """Domains of a service with the same answers: what answered, and through which nodes (the reserved IP is
    ENTRY)."""

    title: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def well(self) -> bool:
        return len(self.groups) == 1 and _good(self.groups[0][0])


def serving_lines(
    services: Iterable[ServiceView], everyone: Sequence[str], width: int, color: bool
) -> list[str]:
    """One line for domains that answer alike everywhere; else what is not well first, equal answers as
    one."""
    folded = [one for service in services for one in _folded(service)]
    well = [one for one in folded if one.well]
    rows = [("  ", (one.title, f"{one.groups[0][0]} {_places(one.groups[0][1], everyone)}")) for one in well]
    lines = [text for laid in entries(rows, width) for text in laid]
    for one in (one for one in folded if not one.well):
        lines += wrap(one.title, width, first="  ", rest="    ")
        answers = [(f"    {_sign(state)} ", (state, _places(where, everyone))) for state, where in one.groups]
        for (state, _), laid in zip(one.groups, entries(answers, width, hang=8), strict=True):
            lines += laid if _good(state) else [paint(text, "change", color) for text in laid]
    return lines


def _folded(service: ServiceView) -> list[_Folded]:
    if not service.rows:
        return [_Folded(title=_title(service.name, service.domains), groups=_grouped(service.on.items()))]
    alike: dict[tuple[tuple[str, tuple[str, ...]], ...], list[str]] = {}
    for row in service.rows:
        told = [(name, _answer(cell)) for name, cell in row.through.items()]
        if row.entry is not None:
            told.append((ENTRY, _answer(row.entry)))
        alike.setdefault(_grouped(told), []).append(row.domain)
    return [
        _Folded(title=_title(service.name, [d for d in domains if d]), groups=groups)
        for groups, domains in alike.items()
    ]


def _answer(cell: CellView) -> str:
    return f"{OK} {shown(cell.release)}".rstrip() if cell.state == OK else cell.state


def _good(state: str) -> bool:
    return state.split(" ")[0] == OK


def _sign(state: str) -> str:
    return " " if _good(state) else "?" if state.startswith(UNKNOWN) else "!"


def _grouped(told: Iterable[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: dict[str, list[str]] = {}
    for name, state in told:
        groups.setdefault(one_line(state), []).append(name)
    ordered = sorted(groups, key=lambda state: (state.startswith(UNKNOWN), _good(state), state))
    return tuple((state, tuple(groups[state])) for state in ordered)


def _places(where: tuple[str, ...], everyone: Sequence[str]) -> str:
    nodes = tuple(name for name in where if name != ENTRY)
    said = [on_nodes(nodes, everyone, len(everyone))] if nodes else []
    return " and ".join([*said, *(["through the reserved IP"] if ENTRY in where else [])])


def _title(name: str, domains: Sequence[str]) -> str:
    more = f" and {len(domains) - 1} more" if len(domains) > 1 else ""
    return f"{name} ({domains[0]}{more})" if domains else name
