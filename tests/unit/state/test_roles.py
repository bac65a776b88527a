"""A node's role in the state is what its priority gives it at rest, whoever came and went before."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dynia.services.planning.names import priority
from dynia.state.model import DropNode, Node, PutNode, State, change
from tests.plans import worlds
from tests.plans.cases import changed, settled


def node(cluster: str, ordinal: int, role: str = "BACKUP") -> Node:
    return Node(
        cluster=cluster,
        name=f"n{ordinal}",
        ordinal=ordinal,
        provider_id=f"box-{cluster}-{ordinal}",
        address="198.18.7.1",
        private_ip="198.18.7.1",
        host_key="",
        priority=priority(ordinal),
        role=role,
    )


clusters, roles = st.sampled_from(("prod", "staging")), st.sampled_from(("MASTER", "BACKUP"))
puts = st.builds(lambda c, o, r: PutNode(node=node(c, o, r)), clusters, st.integers(1, 6), roles)
drops = st.builds(lambda c, o: DropNode(cluster=c, name=f"n{o}"), clusters, st.integers(1, 6))


@given(st.lists(puts | drops, max_size=12))
def test_the_highest_priority_of_each_cluster_is_master_and_nobody_else(
    done: list[PutNode | DropNode],
) -> None:
    state = State()
    for one in done:
        state = change(state, one)
    for cluster in ("prod", "staging"):
        found = {n.priority: n.role for n in state.nodes_of(cluster)}
        top = max(found, default=0)
        assert found == {p: "MASTER" if p == top else "BACKUP" for p in found}


def test_the_role_moves_on_when_the_oldest_node_is_made_again() -> None:
    world = settled(worlds.cluster(3))
    oldest = worlds.node_named(world, 1)
    world = worlds.passes(worlds.machine(world, oldest, None))[1]
    assert [(n.ordinal, n.role) for n in world.state.nodes_of("prod")] == [
        (2, "MASTER"),
        (3, "BACKUP"),
        (4, "BACKUP"),
    ]


def test_the_preview_records_the_roles_that_the_state_will_have() -> None:
    world = worlds.passes(changed(settled(worlds.cluster(1)), nodes=3))[1]
    real = State(lineage=world.state.lineage, clusters=world.state.clusters)
    for one in world.state.nodes:
        real = change(real, PutNode(node=msgspec.structs.replace(one, role="BACKUP")))
    assert real.nodes == world.state.nodes
