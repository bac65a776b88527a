"""Law 5 for a node that leaves: the one that is seen to serve is not deleted while nobody else is."""

from __future__ import annotations

from dynia.services.actions import DeleteNode
from dynia.services.planning.planner import make_plan
from tests.plans import worlds

THREE = worlds.cluster(3, (worlds.service(),))
TWO = worlds.cluster(2, (worlds.service(),))


def test_the_only_node_that_is_seen_to_serve_is_not_deleted() -> None:
    given = worlds.settled(THREE)
    leaves = worlds.node_named(given, 3)
    for ordinal in (1, 2):
        given = worlds.silent(given, worlds.node_named(given, ordinal))
    plan = make_plan(worlds.wanting(given, TWO))
    assert not [s.id for s in plan.steps if isinstance(s.action, DeleteNode)]
    assert [w.reason for w in plan.waiting if w.subject == leaves] == [
        "api must be seen to serve on 1 others before it goes, and is on 0"
    ]


def test_with_the_others_serving_it_goes() -> None:
    given = worlds.settled(THREE)
    plans, _ = worlds.passes(worlds.wanting(given, TWO))
    deleted = [s.node for plan in plans for s in plan.steps if isinstance(s.action, DeleteNode)]
    assert deleted == [worlds.node_named(given, 3)]
