"""Taking things off nodes: a service that left the file, or everything that Dynia put on a host."""

from __future__ import annotations

from collections.abc import Iterable

from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.services.actions import RemoveComponent
from dynia.services.actions.write_manifest import MANIFEST
from dynia.services.planning.compare import expected
from dynia.services.planning.components import EVERYTHING, Removal, removal, seen_on
from dynia.services.planning.places import inside
from dynia.services.planning.plan import Step
from dynia.state.model import Node

REST = "leftovers"


def left_components(node: Node, facts: NodeFacts | None, wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """What the file no longer has, and is on a node: the state says so, a push that died has left it there,
    or it is seen there although nobody remembers it."""
    found = {*node.components, *node.pushed}
    if facts is not None:
        found |= {*facts.unfinished, *seen_on(facts)}
    # A manifest that was cut is written again.
    return tuple(sorted(found.difference(wanted, (MANIFEST,))))


def remove(
    node: str,
    component: str,
    facts: NodeFacts,
    why: str,
    after: tuple[str, ...] = (),
    *,
    step: str = "",
    data: tuple[str, ...] = (),
) -> Step:
    """Irreversible for a service: its volumes go with it, and what its containers wrote into its folder.
    `data` are folders of which only they themselves were looked at."""
    taken = removal(component)
    whole = tuple(f.path for f in facts.files if f.kind == "dir" and f.path in data)
    named = (*files_below(facts.files, taken.paths), *(p for p in whole if inside(p, taken.paths)))
    action = RemoveComponent(
        node=node,
        component=component,
        paths=taken.paths,
        expected=expected(named, {f.path: f for f in facts.files}),
        deactivate=taken.deactivate,
    )
    return Step(
        id=f"{node}/{step or component}/remove",
        action=action,
        why=why,
        after=after,
        node=node,
        irreversible=component.startswith("service/"),
    )


def empty_node(node: Node, facts: NodeFacts, why: str, data: tuple[str, ...]) -> tuple[Step, ...]:
    """Everything that Dynia put on a host: the way to it first, Dynia's own folders last."""
    steps: list[Step] = []
    names = sorted(left_components(node, facts), key=lambda name: (_turn(name), name))
    for name in names:
        if removal(name) == Removal():
            continue
        after = (steps[-1].id,) if steps else ()
        steps.append(remove(node.name, name, facts, why, after, data=data))
    action = RemoveComponent(node=node.name, component=REST, paths=EVERYTHING, everything=True)
    after = (steps[-1].id,) if steps else ()
    steps.append(Step(id=f"{node.name}/{REST}/remove", action=action, why=why, after=after, node=node.name))
    return tuple(steps)


def _turn(component: str) -> int:
    order = (
        "keepalived",
        "failover",
        "haproxy",
        "caddy",
        "service",
        "registry",
        "reader",
        "node",
        "firewall",
        "docker",
    )
    kind = component.partition("/")[0]
    return order.index(kind) if kind in order else len(order)


def files_below(files: tuple[FileSeen, ...], paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f.path for f in files if f.kind != "dir" and inside(f.path, paths))
