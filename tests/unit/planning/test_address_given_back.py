"""When the reserved IP is given back: not while a node that is not observed may hold it."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import NoEntry, VipEntry
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import changed, settled, three

replace = msgspec.structs.replace
OURS, STRAY = "reserved-ip/release", "reserved-ip/address-1/release"


def ids(plan: Plan) -> list[str]:
    return [s.id for s in (*plan.steps, *plan.later)]


def told(plan: Plan) -> dict[str, str]:
    return {w.subject: w.reason for w in plan.waiting}


@pytest.mark.parametrize("ordinal", [1, 2])
def test_it_is_kept_while_a_node_that_runs_keepalived_is_silent(ordinal: int) -> None:
    """Be it the one that had it, or one that took it over when keepalived ended on the others."""
    given = changed(three(), entry=NoEntry())
    name = worlds.node_named(given, ordinal)
    plan = make_plan(worlds.silent(given, name))
    assert sum(step.endswith("/keepalived/remove") for step in ids(plan)) == 2
    assert OURS not in ids(plan)
    reason = f"is given back when {name} is observed: keepalived may hold it there"
    assert told(plan) == {"reserved IP 198.18.7.5": reason}
    assert not [line for line in plan.changes if line.subject == "reserved IP"]


def test_it_is_given_back_once_keepalived_left_every_node() -> None:
    given = changed(three(), entry=NoEntry())
    name = worlds.node_named(given, 1)
    silent = worlds.silent(given, name)
    _, end = worlds.passes(silent)
    home = end.state.cluster("prod")
    assert home is not None and home.reserved_ip is not None
    nodes = {**end.observed.nodes, name: given.observed.nodes[name]}
    plan = make_plan(replace(end, observed=replace(end.observed, nodes=nodes)))
    assert ids(plan) == [f"{name}/keepalived/remove", OURS]
    assert plan.steps[-1].after == (f"{name}/keepalived/remove",)


def test_one_that_leaves_and_is_off_holds_nothing_once_it_is_deleted() -> None:
    given = changed(settled(worlds.cluster(3)), entry=NoEntry(), nodes=2)
    name = worlds.node_named(given, 3)
    plan = make_plan(worlds.machine(given, name, "off"))
    (release,) = (s for s in (*plan.steps, *plan.later) if s.id == OURS)
    assert f"{name}/delete" in release.after


def test_the_former_address_is_kept_too_while_a_node_was_not_told_of_the_new_one() -> None:
    given = changed(three(), entry=VipEntry(address="198.18.7.99"))
    name = worlds.node_named(given, 1)
    plans, end = worlds.passes(worlds.silent(given, name))
    assert STRAY not in [step for plan in plans for step in ids(plan)]
    assert "198.18.7.5" in "".join(told(make_plan(end)))
