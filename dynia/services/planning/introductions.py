"""HAProxies that do not know of all who serve: they are told before anybody is drained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from msgspec.structs import replace

from dynia.interfaces.desired import NoEntry
from dynia.interfaces.observed import NodeFacts
from dynia.services.actions import Drain, PushComponent
from dynia.services.planning.components.base import Topology
from dynia.services.planning.components.haproxy import CONFIG, names_others
from dynia.services.planning.handing_over import Entrance
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Step
from dynia.services.planning.rollout import Rolled
from dynia.services.planning.turn import Work, component

HAPROXY = "haproxy"


def introduced(
    given: PlanningInput,
    rolled: Rolled,
    works: tuple[Work, ...],
    serving: Mapping[str, Set[str]],
    topology: Topology,
    holder: str,
    door: Entrance,
) -> Rolled | None:
    """What comes before a rollout that drains, in a pass of its own: the push of each haproxy.cfg that does
    not name all who serve, one node after the other, the `holder` last. None where there is none.

    An apply that ended half way leaves such files. A drain asks each HAProxy whether others serve (law 5): it
    would wait for nodes that went, for ever, while those that came are not known. Only the names of nodes are
    told early: who is asked at another path or by another name needs the release that answers there first.
    So a file that somebody edited, or that names too few for any drain, is put right early where that of
    another node shows that services are asked as they were.
    """
    drains = [step.action for step in rolled.steps if isinstance(step.action, Drain)]
    if not drains:
        return None
    routes = domains_of(given)
    seen = [f for f in given.observed.nodes.values() if isinstance(f, NodeFacts)]
    alike = any(names_others(topology, facts, routes) for facts in seen)
    steps: list[Step] = []
    for work in sorted(works, key=lambda w: w.node == holder):
        facts = given.observed.nodes.get(work.node)
        push = next((s for s in work.steps if component(s) == HAPROXY), None)
        if push is None or not isinstance(push.action, PushComponent) or not isinstance(facts, NodeFacts):
            continue
        if not _without_visitors(push, topology, holder, door):
            continue
        # A file that is gone tells nothing; and where nobody passes a new check, all are asked anyway.
        lost = all(file.path != CONFIG for file in facts.files)
        odd = _edited(given, facts) or _never_enough(facts, drains, serving)
        early = names_others(topology, facts, routes) or (alike and odd)
        if lost or (early and _lacks(facts, serving)):
            alone = replace(work, steps=(replace(push, disturbs=(), settles=""),))
            for step in door.first(alone).steps:
                steps.append(replace(step, after=tuple(s.id for s in steps[-1:])))
    return replace(rolled, steps=tuple(steps)) if steps else None


def domains_of(given: PlanningInput) -> dict[str, tuple[str, ...]]:
    """By service, as they were applied last."""
    found: dict[str, list[str]] = {}
    for route in given.state.routes:
        if route.cluster == given.target:
            found.setdefault(route.service, []).append(route.domain)
    return {service: tuple(sorted(domains)) for service, domains in found.items()}


def _without_visitors(push: Step, topology: Topology, holder: str, door: Entrance) -> bool:
    """A reload loses nobody. One that starts again needs the address elsewhere, where there is one."""
    if not push.disturbs:
        return True
    return not isinstance(topology.spec.entry, NoEntry) and (push.node != holder or door.move is not None)


def _edited(given: PlanningInput, facts: NodeFacts) -> bool:
    """Whether no release that was ever begun has this haproxy.cfg."""
    home = given.state.cluster(given.target)
    ours = (r.files for r in (home.releases if home else ()) if r.component == HAPROXY)
    known = {file.digest for files in ours for file in files if file.path == CONFIG}
    return any(file.path == CONFIG and file.digest not in known for file in facts.files)


def _lacks(facts: NodeFacts, serving: Mapping[str, Set[str]]) -> bool:
    """Whether this HAProxy sends something to others, and not to somebody who serves it."""
    return any(serving.get(service, frozenset()) - known for service, known in _named(facts).items())


def _never_enough(facts: NodeFacts, drains: Iterable[Drain], serving: Mapping[str, Set[str]]) -> bool:
    """Whether a drain would wait for this HAProxy for ever: it knows too few of those who serve."""
    named = _named(facts)
    return any(
        name in named and len(named[name] & serving[name] - {drain.node}) < least
        for drain in drains
        for name, least in drain.least.items()
    )


def _named(facts: NodeFacts) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for one in facts.servers:
        named.setdefault(one.service, set()).add(one.node)
    return named
