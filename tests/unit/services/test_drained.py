"""An apply keeps visitors away from what it is about to disturb: before it, not longer, and from nothing else."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from dynia.interfaces.desired import Rollout
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.events import StepProgress
from dynia.interfaces.node_requests import WHOLE_NODE, GateAnswer, PushAnswer, Sent, Traffic
from dynia.interfaces.observed import NodeFacts
from dynia.services.planning.components.haproxy import Haproxy, servers_of
from dynia.services.planning.serving import serving
from dynia.services.planning.simulate import rendered_for
from tests.fakes.cloud import Cloud, Engine, applied
from tests.plans import worlds

replace = msgspec.structs.replace
OLD = worlds.cluster(3, (worlds.service(config="level = 1\n"), worlds.service("web")))
NEW = worlds.cluster(3, (worlds.service(config="level = 2\n"), worlds.service("web")))


class Killed(BaseException):
    """The runner is gone, in the middle of it."""


def names(cloud: Cloud) -> list[str]:
    return [cloud.machines[n].name for n in sorted(cloud.machines)]


def drains(cloud: Cloud) -> dict[str, list[str]]:
    """By node, what was done about its service and its drains, in order."""
    found: dict[str, list[str]] = {}
    for deed in cloud.deeds:
        node, _, what = deed.partition(" ")
        if "drain" in what or "push service/" in what:
            found.setdefault(node, []).append(what)
    return found


def said(engine: Engine) -> list[str]:
    return [event.text for event in engine.events if isinstance(event, StepProgress)]


def haproxy(
    cloud: Cloud, *, sessions: dict[str, int] | None = None, down: frozenset[str] = frozenset()
) -> None:
    """Each HAProxy sends to every node that has no flag and is not `down`; `sessions` are open."""

    def traffic(_: str) -> Traffic:
        return Traffic(
            sent=tuple(
                Sent(
                    service=service,
                    node=machine.name,
                    taking=machine.name not in down
                    and not {service, WHOLE_NODE} & set(cloud.nodes[n].drained),
                    sessions=(sessions or {}).get(machine.name, 0) if service == "api" else 0,
                )
                for n, machine in cloud.machines.items()
                for service in ("api", "web")
            )
        )

    cloud.traffic = traffic


def knowing(cloud: Cloud) -> None:
    """Each HAProxy sends to those that its own file names, and only who has containers takes it."""

    def traffic(watcher: str) -> Traffic:
        there = {machine.name: cloud.nodes[n] for n, machine in cloud.machines.items()}
        return Traffic(
            sent=tuple(
                Sent(
                    service=one.service,
                    node=one.node,
                    taking=one.node in there and takes(there[one.node], one.service),
                    sessions=0,
                )
                for one in there[watcher].servers
            )
        )

    cloud.traffic = traffic


def takes(facts: NodeFacts, service: str) -> bool:
    return any(c.project == f"dynia-{service}" for c in facts.containers) and service not in facts.drained


def without_room_for_a_flag(cloud: Cloud) -> None:
    def tick(what: str) -> None:
        if what.endswith(" drain"):
            raise DyniaError("its flag could not be changed", hint="make room there")

    cloud.tick = tick


def test_only_what_changes_is_drained_and_only_while_it_does() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    assert Engine(cloud, disk, NEW).apply().exit_code == 0
    assert drains(cloud) == {n: ["drain api", "push service/api", "undrain api"] for n in names(cloud)}


def test_a_change_that_disturbs_nobody_drains_nothing() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    more = replace(OLD, services=(*OLD.services, worlds.worker()))
    assert Engine(cloud, disk, more).apply().exit_code == 0
    assert not [deed for deed in cloud.deeds if "drain" in deed]


def test_where_nobody_else_serves_visitors_are_sent_nowhere() -> None:
    one = [worlds.cluster(1, spec.services) for spec in (OLD, NEW)]
    cloud, disk = applied(one[0])
    haproxy(cloud)
    assert Engine(cloud, disk, one[1]).apply().exit_code == 0
    assert not [deed for deed in cloud.deeds if "drain" in deed]


def test_what_is_open_is_waited_for_and_how_much_is_left_is_told() -> None:
    cloud, disk = applied(OLD)
    first = names(cloud)[1]
    left = {first: 3}
    haproxy(cloud, sessions=left)
    asked = itertools.count()

    def tick(what: str) -> None:
        if what == f"{first} traffic" and cloud.nodes[2].drained and next(asked) % 4 == 3:
            assert f"{first} push service/api" not in cloud.deeds
            left[first] = max(0, left[first] - 1)

    cloud.tick = tick
    engine = Engine(cloud, disk, NEW)
    assert engine.apply().exit_code == 0
    assert left[first] == 0
    shown = [text for text in said(engine) if text.startswith("draining")]
    assert shown[0] == "draining api: 9 sessions left", "one for each HAProxy that has some open"
    assert shown == sorted(shown, reverse=True)


def test_after_drain_timeout_it_goes_on_and_says_what_was_left() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud, sessions={names(cloud)[0]: 2})
    engine = Engine(cloud, disk, NEW)
    assert engine.apply().exit_code == 0
    assert "not drained within 30 s (6 sessions left): going on" in said(engine)
    assert drains(cloud)[names(cloud)[0]] == ["drain api", "push service/api", "undrain api"]


def test_nothing_is_disturbed_where_the_others_do_not_serve_now() -> None:
    """The plan saw three that serve; by the word of HAProxy two of them are down."""
    cloud, disk = applied(OLD)
    haproxy(cloud, down=frozenset(names(cloud)[:1]))
    done = Engine(cloud, disk, NEW).apply()
    assert done.exit_code == 7
    (failure,) = done.failures
    assert failure.node != names(cloud)[0]
    assert "sends it to 1 other node, and 2 must take it; nothing was disturbed" in failure.message
    assert not [deed for deed in cloud.deeds if "push service/" in deed]
    assert not any(facts.drained for facts in cloud.nodes.values())


def test_nothing_is_disturbed_where_haproxies_that_missed_the_others_say_nothing_any_more() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud, down=frozenset(names(cloud)[:1]))
    tell, asked = cloud.traffic, itertools.count()

    def once(node: str) -> Traffic:
        if next(asked) >= len(names(cloud)):
            raise NotObservedError(f"{node}: no answer")
        return tell(node)

    cloud.traffic = once
    done = Engine(cloud, disk, NEW).apply()
    assert done.exit_code == 7
    assert "nothing was disturbed" in done.failures[0].message
    assert not any(facts.drained for facts in cloud.nodes.values())


@pytest.mark.parametrize("fallen", [1, 2, 3, 4])
def test_of_two_that_count_on_each_other_one_is_drained_after_the_other(fallen: int) -> None:
    """Two of four may be out. Meanwhile a third one fell out, of which the plan did not know."""
    two = Rollout(max_unavailable=2)
    old, new = (worlds.cluster(4, spec.services, rollout=two) for spec in (OLD, NEW))
    cloud, disk = applied(old)
    haproxy(cloud, down=frozenset({cloud.machines[fallen].name}))
    others, at_once = {1, 2, 3, 4} - {fallen}, list[int]()
    cloud.tick = lambda what: at_once.append(sum("api" in cloud.nodes[n].drained for n in others))
    assert Engine(cloud, disk, new).apply().exit_code == 0
    assert max(at_once) == 1, "one of the four served"
    assert set(drains(cloud)) == set(names(cloud))


def test_a_drain_that_can_not_begin_names_its_node_and_disturbs_nothing() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    without_room_for_a_flag(cloud)
    done = Engine(cloud, disk, NEW).apply()
    (failure,) = done.failures
    said = f"{failure.node} · drain of api · its flag could not be changed"
    assert (done.exit_code, failure.message, failure.hint) == (7, said, "make room there")
    assert not [deed for deed in cloud.deeds if "push service/" in deed]


def test_one_whom_haproxy_sends_nothing_may_be_worked_on_whatever_the_others_do() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud, down=frozenset(names(cloud)))
    assert Engine(cloud, disk, NEW).apply().exit_code == 0


def test_a_push_that_fails_leaves_nobody_drained() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    seen: list[str] = []

    def lie(what: str, node: str) -> PushAnswer | None:
        if what == "push" and any(facts.drained for facts in cloud.nodes.values()):
            seen.append(node)
            return PushAnswer(phase="activate", output="no")
        return None

    cloud.lie = lie
    done = Engine(cloud, disk, NEW).apply()
    assert (done.exit_code, len(done.failures), len(seen)) == (7, 1, 1)
    assert drains(cloud) == {seen[0]: ["drain api", "undrain api"]}
    assert not any(facts.drained for facts in cloud.nodes.values())


def test_ctrl_c_leaves_nobody_drained() -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)
    engine = Engine(cloud, disk, NEW)

    def tick(what: str) -> None:
        if what.endswith(" drained"):
            engine.run.session.stop.set()

    cloud.tick = tick
    with pytest.raises(Exception, match="interrupted"):
        engine.apply()
    ((node, deeds),) = drains(cloud).items()
    assert deeds == ["drain api", "undrain api"], node
    assert not any(facts.drained for facts in cloud.nodes.values())


@pytest.mark.parametrize("spec", [OLD, NEW], ids=["nothing else to do", "the same change"])
def test_what_a_killed_run_left_drained_is_let_in_by_the_next(spec: worlds.ClusterSpec) -> None:
    cloud, disk = applied(OLD)
    haproxy(cloud)

    def tick(what: str) -> None:
        if what.endswith(" drained"):
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        Engine(cloud, disk, NEW).apply()
    (away,) = (cloud.machines[n].name for n, facts in cloud.nodes.items() if facts.drained == ("api",))
    cloud.tick = lambda what: None
    engine = Engine(cloud, disk, spec, who="the next")
    plan = engine.plan()
    assert engine.run.given is not None
    now = serving(spec, engine.run.given.observed, engine.store.state.nodes_of("prod"))
    assert away not in now["api"] and away in now["web"]
    (line,) = (line for line in plan.changes if line.subject == "drain of api")
    assert line.nodes == (away,)
    done = engine.apply()
    assert (done.exit_code, done.left) == (0, ())
    assert not any(facts.drained for facts in cloud.nodes.values())
    assert engine.plan().empty


def test_a_release_that_lapses_while_it_is_watched_is_not_good_and_goes_no_further() -> None:
    watched = [replace(spec, rollout=Rollout(monitor=10.0, on_failure="pause")) for spec in (OLD, NEW)]
    cloud, disk = applied(watched[0])
    haproxy(cloud)
    gates: list[str] = []
    cloud.gates.clear()

    def lie(what: str, node: str) -> GateAnswer | None:
        if what == "gate":
            gates.append(node)
            if len(gates) == 2:
                return GateAnswer(healthy=False, reason="api-web-1 keeps ending")
        return None

    cloud.lie = lie
    engine = Engine(cloud, disk, watched[1])
    done = engine.apply()
    assert (done.exit_code, gates) == (7, [done.plan.order[0]] * 2)
    assert [request.monitor_s for request in cloud.gates] == [0.0, 10.0]
    assert list(drains(cloud)) == [done.plan.order[0]], "another node was begun"
    node = engine.store.state.node("prod", gates[0])
    assert node is not None and "service/api" in node.pushed
    cloud.lie = lambda what, node: None
    again = Engine(cloud, disk, watched[1])
    mine = [s.id.partition("/")[2] for s in again.plan().steps if s.node == gates[0]]
    assert mine == ["service/api/wait", "service/api/watch"]
    assert again.apply().exit_code == 0


def test_an_apply_ends_although_haproxies_know_a_node_that_went_and_not_one_that_came() -> None:
    """A scale that was cut left their files so. Each drain would wait for the one that went, for ever."""
    four = worlds.cluster(4, OLD.services)
    cloud, disk = applied(four)
    before = Engine(cloud, disk, four)
    before.plan()
    assert before.run.given is not None
    wanted = rendered_for(before.run.given)
    assert wanted is not None
    first, second, _, fourth = wanted.topology.nodes
    then = replace(wanted.topology, nodes=(first, second, fourth))
    files = {f.path: f for f in Haproxy().recipe(then, first).release.files}
    *staying, leaves = sorted(cloud.nodes)
    for n in staying:
        facts = cloud.nodes[n]
        kept = (replace(f, digest=files[f.path].digest) if f.path in files else f for f in facts.files)
        cloud.touch(n, replace(facts, files=tuple(kept), servers=servers_of(then)))
    cloud.touch(leaves, replace(cloud.nodes[leaves], containers=()))
    knowing(cloud)
    engine = Engine(cloud, disk, NEW)
    done = engine.apply()
    assert (done.exit_code, done.left) == (0, ()), engine.events[-3:]
    assert all("push service/api" in drains(cloud)[name] for name in names(cloud))
