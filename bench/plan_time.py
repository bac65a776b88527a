"""Plan time without I/O: 100, 1,000 and 10,000 nodes x at least 12 files, with nothing, one and all nodes changed.

Prints a table and the growth as a slope on a log-log scale. `python -m bench.plan_time [--nodes 100,1000,10000]`
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import time

import msgspec

from dynia.interfaces.cli import GARBAGE_AFTER
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import apply_steps, rendered_for
from tests.plans import worlds

FILES = 12
TO_REACH_S, TO_REACH_SLOPE = 3.0, 1.1


def world(nodes: int) -> PlanningInput:
    """A settled cluster. Built from a small one, since only its size matters here."""
    api = worlds.service(config="level = 1\n")
    given = _grown(worlds.settled(worlds.cluster(1, (api,))), nodes)
    assert files_of(given) >= FILES
    return given


def files_of(given: PlanningInput) -> int:
    facts = next(iter(given.observed.nodes.values()))
    assert isinstance(facts, NodeFacts)
    return len(facts.files)


def _grown(given: PlanningInput, nodes: int) -> PlanningInput:
    """The same cluster with many nodes: the first one copied, then settled in two simulated passes."""
    replace = msgspec.structs.replace
    first = given.state.nodes[0]
    facts = given.observed.nodes[first.name]
    assert isinstance(facts, NodeFacts) and given.desired is not None
    listed = given.observed.provider_nodes
    assert isinstance(listed, tuple)
    state_nodes, machines, seen = [], [], {}
    for ordinal in range(1, nodes + 1):
        name, where = f"node-{ordinal}", f"198.18.{ordinal // 250}.{ordinal % 250 + 1}"
        state_nodes.append(
            replace(first, name=name, ordinal=ordinal, provider_id=name, address=where, private_ip=where)
        )
        machines.append(replace(listed[0], provider_id=name, name=name, ordinal=ordinal, private_ip=where))
        mine = facts.addresses if ordinal == 1 else ()
        seen[name] = replace(facts, hostname=name, addresses=mine, vrrp="MASTER" if mine else "BACKUP")
    observed = replace(given.observed, nodes=seen, provider_nodes=tuple(machines))
    home = replace(given.state.clusters[0], next_ordinal=nodes + 1)
    state = replace(given.state, nodes=tuple(state_nodes), clusters=(home,))
    desired = replace(given.desired, nodes=nodes)
    grown = replace(given, desired=desired, state=state, observed=observed)
    settled = grown
    for _ in range(2):  # the second one writes the manifests
        settled = apply_steps(settled, make_plan(settled).steps, rendered_for(settled))
    left = make_plan(settled)
    assert not left.steps, [s.id for s in left.steps[:5]]
    return settled


def one_changed(given: PlanningInput) -> PlanningInput:
    name = next(iter(given.observed.nodes))
    return worlds.with_facts(given, name, worlds.edited("/opt/dynia/haproxy/haproxy.cfg"))


def all_changed(given: PlanningInput) -> PlanningInput:
    """A new image and a new file of the service: every node is pushed to."""
    assert given.desired is not None
    service = worlds.service(image="registry.example/api:1.9", config="level = 2\n")
    return worlds.wanting(given, msgspec.structs.replace(given.desired, services=(service,)))


def seconds(given: PlanningInput, rounds: int = 3) -> tuple[float, int]:
    """The best of some rounds, and how many steps the plan has."""
    best, steps = math.inf, 0
    for _ in range(rounds):
        gc.collect()
        began = time.process_time()
        plan = make_plan(given)
        best = min(best, time.process_time() - began)
        steps = len(plan.steps)
    return best, steps


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", default="100,1000,10000")
    gc.set_threshold(GARBAGE_AFTER)  # as the program does
    sizes = [int(n) for n in options.parse_args().nodes.split(",")]
    measured: dict[str, list[float]] = {}
    print("plan time without I/O (CPU time, best of 3)")
    print(f"{'nodes':>8} {'files':>8} {'changed':>8} {'steps':>8} {'seconds':>8} {'us/node':>8}")
    for nodes in sizes:
        settled = world(nodes)
        for label, given in (
            ("nothing", settled),
            ("one", one_changed(settled)),
            ("all", all_changed(settled)),
        ):
            took, steps = seconds(given)
            measured.setdefault(label, []).append(took)
            print(
                f"{nodes:>8} {files_of(given):>8} {label:>8} {steps:>8} {took:>8.3f} {took / nodes * 1e6:>8.0f}"
            )
    good = True
    for label, times in measured.items():
        if len(times) > 1:
            slope = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
            good = good and slope <= TO_REACH_SLOPE
            print(f"growth ({label}): slope {slope:.2f} (to reach: <= {TO_REACH_SLOPE})")
        if sizes[-1] == 10_000:
            good = good and times[-1] <= TO_REACH_S
    print("reached" if good else "NOT reached")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
