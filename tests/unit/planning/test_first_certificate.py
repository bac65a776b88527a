"""The first certificate of a new cluster: on the node that the approved plan named, whoever has the address by then."""

from __future__ import annotations

import msgspec

from dynia.interfaces.desired import ApiEntry, DigitalOceanProvider, SelfSignedTls
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import allowed_in_preview, simulate
from tests.plans import worlds


def owned(world: PlanningInput, by: int) -> PlanningInput:
    """The provider put the new address on this machine at once."""
    listed, machines = world.observed.addresses, world.observed.provider_nodes
    assert isinstance(listed, tuple) and isinstance(machines, tuple)
    addresses = tuple(msgspec.structs.replace(a, owner=machines[by].provider_id) for a in listed)
    return msgspec.structs.replace(
        world, observed=msgspec.structs.replace(world.observed, addresses=addresses)
    )


def test_the_second_pass_is_the_approved_one_whoever_got_the_address() -> None:
    spec = worlds.cluster(
        nodes=2, provider=DigitalOceanProvider(region="lon1"), entry=ApiEntry(), tls=SelfSignedTls()
    )
    world = worlds.start(spec)
    approved = make_plan(world)
    for by in (0, 1):
        after = owned(worlds.real(simulate(world, approved)), by)
        for _ in range(4):
            following = make_plan(after)
            extra = [s.id for s in following.steps if not allowed_in_preview(s, approved)]
            assert extra == []
            after = worlds.real(simulate(after, following))
