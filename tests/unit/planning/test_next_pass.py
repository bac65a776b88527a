"""A step of the pass before that is wanted again would be done for ever; a drain comes with whatever disturbs."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import ApplyFailed, Stale
from dynia.services.actions import Drain, Undrain
from dynia.services.planning.by_hand import NodeDrain
from dynia.services.planning.next_pass import deeds, refuse_again, refuse_unapproved
from dynia.services.planning.planner import make_plan
from tests.plans import worlds
from tests.plans.cases import changed, new_image, settled


def test_a_push_that_is_wanted_again_is_refused_and_a_drain_is_not() -> None:
    plan = make_plan(changed(settled(worlds.cluster()), services=new_image()))
    earlier = deeds(plan)
    drains = tuple(s for s in plan.steps if isinstance(s.action, Drain | Undrain))
    assert len(drains) == 6
    refuse_again(msgspec.structs.replace(plan, steps=drains), earlier)
    push = next(s for s in plan.steps if s.id.endswith("service/api/push"))
    with pytest.raises(ApplyFailed, match=f"does not settle: {push.id} was done and is still wanted"):
        refuse_again(msgspec.structs.replace(plan, steps=(*drains, push)), earlier)
    # HAProxy is told twice where somebody comes back: of another release.
    other = msgspec.structs.replace(push, action=msgspec.structs.replace(push.action, release="other"))
    refuse_again(msgspec.structs.replace(plan, steps=(*drains, other)), earlier)


def test_a_person_s_drain_that_is_wanted_again_is_refused_too() -> None:
    given = settled(worlds.cluster())
    name = worlds.node_named(given, 2)
    plan = make_plan(msgspec.structs.replace(given, by_hand=NodeDrain(node=name)))
    with pytest.raises(ApplyFailed, match=f"does not settle: {name}/drain was done and is still wanted"):
        refuse_again(plan, deeds(plan))


@pytest.mark.parametrize(("nodes", "refused"), [(3, True), (1, False)])
def test_an_interruption_that_nobody_agreed_to_is_refused(nodes: int, refused: bool) -> None:
    """On the only node of a cluster every step is one, and was agreed to."""
    approved = make_plan(changed(settled(worlds.cluster(nodes)), services=new_image()))
    quiet = msgspec.structs.replace(approved, effect=msgspec.structs.replace(approved.effect, interrupts=()))
    now = msgspec.structs.replace(
        approved, effect=msgspec.structs.replace(approved.effect, interrupts=("api",))
    )
    refuse_unapproved(now, now, {}, {})
    if refused:
        with pytest.raises(Stale, match="by now it would interrupt api"):
            refuse_unapproved(now, quiet, {}, {})
    else:
        refuse_unapproved(now, quiet, {}, {})
