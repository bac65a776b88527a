"""`dynia node drain` and `undrain`, done: one flag that applies, reboots and lost states leave where it is."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.errors import Refused
from dynia.interfaces.events import RunStarted
from dynia.interfaces.node_requests import WHOLE_NODE
from dynia.services.planning.by_hand import NodeDrain
from tests.fakes.cloud import Cloud, Engine, applied, fresh_disk, recorded
from tests.plans import worlds
from tests.unit.services.test_drained import NEW, OLD, Killed, haproxy, names, said, without_room_for_a_flag

replace = msgspec.structs.replace


def away(cloud: Cloud) -> list[str]:
    return [cloud.machines[n].name for n, facts in sorted(cloud.nodes.items()) if WHOLE_NODE in facts.drained]


def flags(cloud: Cloud) -> list[str]:
    return [deed for deed in cloud.deeds if "drain" in deed]


def test_it_is_drained_and_undrained_and_the_state_says_nothing_of_it() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    name = names(cloud)[2]
    engine = Engine(cloud, disk, OLD)
    state, generation = recorded(engine.store.state), engine.store.state.clusters[0].generation
    done = engine.apply(NodeDrain(node=name))
    assert (done.exit_code, done.left, away(cloud)) == (0, (), [name])
    assert flags(cloud) == [f"{name} drain {WHOLE_NODE}"]
    assert [e.title for e in engine.events if isinstance(e, RunStarted)] == [f"node drain {name}"]
    assert (recorded(engine.store.state), engine.store.state.clusters[0].generation) == (state, generation)
    assert Engine(cloud, disk, OLD).apply(NodeDrain(node=name)).done == 0, "it is so already"
    assert Engine(cloud, disk, OLD).apply(NodeDrain(node=name, back=True)).exit_code == 0
    assert away(cloud) == [] and Engine(cloud, disk, OLD).plan().empty


def test_an_apply_keeps_it_and_so_does_a_state_that_was_lost() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    name = names(cloud)[2]
    Engine(cloud, disk, OLD).apply(NodeDrain(node=name))
    allow = replace(NEW, rollout=replace(NEW.rollout, max_unavailable=2))
    assert Engine(cloud, disk, allow).apply().exit_code == 0
    assert away(cloud) == [name] and not [d for d in flags(cloud) if d.startswith(f"{name} undrain")]
    plan = Engine(cloud, disk, allow).plan()
    assert plan.empty and plan.away == (name,)
    fresh = Engine(cloud, fresh_disk(), allow)
    assert not fresh.store.state.nodes and away(cloud) == [name]


def test_what_is_open_is_waited_for_and_told() -> None:
    cloud, disk = applied(OLD)
    name = names(cloud)[2]
    haproxy(cloud, sessions={name: 2})
    engine = Engine(cloud, disk, OLD)
    assert engine.apply(NodeDrain(node=name)).exit_code == 0
    assert "draining api, web: 6 sessions left" in said(engine)
    assert "not drained within 30 s (6 sessions left): going on" in said(engine)
    assert away(cloud) == [name]


@pytest.mark.parametrize("lost", [1, 2], ids=["one other", "all others"])
def test_nobody_is_drained_where_haproxy_does_not_send_to_the_others(lost: int) -> None:
    """The plan saw containers; by the word of HAProxy they do not pass."""
    cloud, disk = applied(OLD)
    haproxy(cloud, down=frozenset(names(cloud)[:lost]))
    done = Engine(cloud, disk, OLD).apply(NodeDrain(node=names(cloud)[2]))
    (failure,) = done.failures
    assert done.exit_code == 7 and "must take it; nothing was disturbed" in failure.message
    assert away(cloud) == [] and not flags(cloud)


def test_a_haproxy_that_knows_nobody_else_is_no_reason_to_go_on_without() -> None:
    two = worlds.cluster(2, OLD.services)
    cloud, disk = applied(two)
    haproxy(cloud)
    everybody, name = cloud.traffic, names(cloud)[1]
    cloud.traffic = lambda node: replace(
        everybody(node), sent=tuple(s for s in everybody(node).sent if s.node == name)
    )
    done = Engine(cloud, disk, two).apply(NodeDrain(node=name))
    assert done.exit_code == 7 and "sends it to 0 other nodes" in done.failures[0].message
    assert away(cloud) == []


def test_a_caddyfile_that_looks_at_no_flag_is_an_error_and_not_a_drain() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    cloud.blind = True
    done = Engine(cloud, disk, OLD).apply(NodeDrain(node=names(cloud)[2]))
    (failure,) = done.failures
    assert done.exit_code == 7 and "its Caddyfile looks at no flag; nothing was disturbed" in failure.message
    assert "`dynia apply`" in failure.hint and away(cloud) == []


def test_a_flag_that_can_not_be_set_is_told_with_what_it_was_for() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    without_room_for_a_flag(cloud)
    name = names(cloud)[2]
    (failure,) = Engine(cloud, disk, OLD).apply(NodeDrain(node=name)).failures
    assert failure.message == f"{name} · drain of the whole node · its flag could not be changed"


@pytest.mark.parametrize("moment", [" drain", " drained", " traffic"])
def test_a_killed_run_leaves_it_drained_or_not_and_both_verbs_go_on_from_there(moment: str) -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    name = names(cloud)[2]
    seen: list[str] = []

    def tick(what: str) -> None:
        seen.append(what)
        asked_since = any(one.endswith(" drained") for one in seen) or moment != " traffic"
        if what.endswith(moment) and asked_since:
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        Engine(cloud, disk, OLD).apply(NodeDrain(node=name))
    cloud.tick = lambda what: None
    there = [] if moment == " drain" else [name]
    assert away(cloud) == there
    assert Engine(cloud, disk, OLD).apply().exit_code == 0
    assert away(cloud) == there, "an apply neither ends nor begins it"
    assert Engine(cloud, disk, OLD).apply(NodeDrain(node=name)).exit_code == 0
    assert away(cloud) == [name]
    assert Engine(cloud, disk, OLD).apply(NodeDrain(node=name, back=True)).exit_code == 0
    assert away(cloud) == [] and Engine(cloud, disk, OLD).plan().empty


def test_a_second_one_is_refused_before_anything_is_asked_of_a_node() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    first, second = names(cloud)[1:]
    Engine(cloud, disk, OLD).apply(NodeDrain(node=first))
    with pytest.raises(Refused, match=f"{second}/drain would leave api on 1 of 3 nodes"):
        Engine(cloud, disk, OLD).apply(NodeDrain(node=second))
    assert away(cloud) == [first]
