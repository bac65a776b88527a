"""The cluster as a picture: the reserved IP, who has it, who is MASTER, who did not answer."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dynia.commands.screens.page_markup import Markup, element
from dynia.commands.screens.status_view import OK, NodeView, StatusView
from dynia.commands.screens.text import count, listing, one_line, shorten
from dynia.interfaces.shape import Shape

# More nodes are told as one: nobody looks at two hundred boxes.
MOST = 12
_GAP, _HIGH, _TOP = 18, 92, 96


class _Box(Shape):
    """A node as it is drawn: its name, one line below it, and how it is."""

    name: str
    role: str
    said: str
    look: str
    wire: str


def picture(view: StatusView, drifted: Collection[str]) -> Markup:
    """Twice: for wide and for narrow screens, of which a reader gets one. `drifted` are nodes with drift."""
    boxes = _boxes(view, drifted)
    return element(
        "div",
        _drawn(view, boxes, columns=min(4, max(len(boxes), 1)), wide=236, kind="wide"),
        _drawn(view, boxes, columns=1, wide=330, kind="narrow"),
    )


def words(view: StatusView) -> str:
    """What the picture shows, for whoever does not see it."""
    parts = [f"{count(len(view.nodes), 'node')}"]
    if view.reserved_ip:
        has = [node.name for node in view.nodes if node.holds_address]
        parts.append(f"reserved IP {view.reserved_ip} on {listing(has) or 'no node'}")
        parts.append(f"MASTER: {listing(view.entry.masters) or 'nobody'}")
    silent = [node.name for node in view.nodes if node.reason]
    if silent:
        parts.append(f"no answer from {listing(silent)}")
    if view.split:
        parts.append(view.split)
    return "; ".join(parts)


def _boxes(view: StatusView, drifted: Collection[str]) -> list[_Box]:
    """Those that are worth most a look, in their order, and one for all others."""
    made = [_box(node, drifted, split=bool(view.split)) for node in view.nodes]
    if len(made) <= MOST:
        return made
    ranked = sorted(range(len(made)), key=lambda at: (-_worth(view.nodes[at], drifted), at))
    shown, others = sorted(ranked[: MOST - 1]), ranked[MOST - 1 :]
    amiss = sum(made[at].look == "bad" for at in others)
    silent = sum(made[at].look == "off" for at in others)
    rest = _Box(
        name=count(len(others), "more node"),
        role=f"{amiss} not as applied" if amiss else "as applied where observed",
        said=f"{silent} without an answer" if silent else "all of them answered",
        look="",
        wire="",
    )
    return [*(made[at] for at in shown), rest]


def _worth(node: NodeView, drifted: Collection[str]) -> int:
    """The holder, who is MASTER, who is silent, who is not well, who drifted; then the others."""
    well = all(state == OK for state in node.parts.values())
    signs = (node.holds_address, node.role == "MASTER", bool(node.reason), not well, node.name in drifted)
    return next((len(signs) - at for at, sign in enumerate(signs) if sign), 0)


def _box(node: NodeView, drifted: Collection[str], *, split: bool) -> _Box:
    if node.reason:
        return _Box(name=node.name, role="no answer", said=node.reason, look="off", wire="")
    amiss = [f"{part} {state}" for part, state in node.parts.items() if state != OK]
    said = ", ".join(amiss) or ("drifted" if node.name in drifted else "")
    role = "MASTER" if node.role == "MASTER" else node.role.lower() or "-"
    if node.holds_address:
        role += " · reserved IP"
    if node.drained:
        role += " · drained"
    leads = node.holds_address or node.role == "MASTER"
    wire = ("split" if split or not node.holds_address else "has") if leads else ""
    look = "bad" if amiss or node.name in drifted else "has" if node.holds_address else ""
    return _Box(name=node.name, role=role, said=said, look=look, wire=wire)


def _drawn(view: StatusView, boxes: Sequence[_Box], *, columns: int, wide: int, kind: str) -> Markup:
    number = len(boxes)
    rows = max(-(-number // columns), 1)
    left = 30 if kind == "narrow" else 0
    width = left + columns * wide + (columns - 1) * _GAP + 4
    top = _TOP if view.reserved_ip else 4
    height = top + rows * (_HIGH + _GAP) - _GAP + 4
    places = [
        (left + 2 + (at % columns) * (wide + _GAP), top + (at // columns) * (_HIGH + _GAP))
        for at in range(number)
    ]
    parts: list[Markup] = []
    if view.reserved_ip:
        parts += _wires(boxes, places, wide, width, left)
        parts += _address(view, width, left)
    parts += [part for box, (x, y) in zip(boxes, places, strict=True) for part in _node(box, x, y, wide)]
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=words(view),
        class_=f"picture {kind}",
        style=f"max-width:{round(width * 1.1)}px",
    )


def _address(view: StatusView, width: int, left: int) -> list[Markup]:
    wide = min(300, width - 4)
    x = 2 if left else (width - wide) / 2
    has = [node.name for node in view.nodes if node.holds_address]
    who = f"on {listing(has)}" if has else "on no node that answered"
    if view.entry.probe and not view.split:
        who += ", answers"
    elif view.entry.silence:
        who += ", no answer here"
    return [
        element("rect", x=x, y=2, width=wide, height=56, rx=28, class_="box ip"),
        _text(f"reserved IP {view.reserved_ip}", x + 24, 26, "b"),
        _text(shorten(one_line(who), 40), x + 24, 45, "s"),
    ]


def _wires(
    boxes: Sequence[_Box], places: Sequence[tuple[int, int]], wide: int, width: int, left: int
) -> list[Markup]:
    """To each node that has the address or says so; the others get none, since nothing leads there."""
    found = []
    for box, (x, y) in zip(boxes, places, strict=True):
        if not box.wire:
            continue
        if left:
            way = f"M16 56V{y + _HIGH / 2}H{x}"
        else:
            middle = x + wide / 2
            way = f"M{width / 2} 58V{_TOP - 18}H{middle}V{y}"
        found.append(element("path", d=way, class_=f"wire {box.wire}"))
    return found


def _node(box: _Box, x: int, y: int, wide: int) -> list[Markup]:
    room = wide // 9
    tone = {"off": "t-silent", "bad": "t-bad"}.get(box.look, "s")
    role = "t-good" if box.wire == "has" else "t-silent" if box.look == "off" else "t-bad" if box.wire else ""
    return [
        element("rect", x=x, y=y, width=wide, height=_HIGH, rx=10, class_=f"box {box.look}".strip()),
        _text(shorten(one_line(box.name), room), x + 14, y + 28, "b"),
        _text(shorten(one_line(box.role), room + 3), x + 14, y + 51, role or "s"),
        _text(shorten(one_line(box.said), room + 3), x + 14, y + 73, tone),
    ]


def _text(said: str, x: float, y: float, kind: str) -> Markup:
    return element("text", said, x=x, y=y, class_=kind)
