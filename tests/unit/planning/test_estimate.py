"""About how long a plan takes: medians of earlier times, along the longest way, or nothing at all."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dynia.services.actions import AnyAction, ProvideImage, PushComponent, WaitHealthy
from dynia.services.planning.closing import closing_changes
from dynia.services.planning.estimate import LOOK, SAMPLES, about, kind_of, paced
from dynia.services.planning.plan import Step
from dynia.services.planning.planner import make_plan
from dynia.state.manifest import part_of
from dynia.state.model import Cluster, Pace, PutCluster, State, change
from tests.plans import worlds
from tests.plans.cases import changed, new_image, settled

replace = msgspec.structs.replace
LOOKS = Pace(kind=LOOK[0], component=LOOK[1], seconds=(2.0,))


def push(node: str, component: str, after: tuple[str, ...] = ()) -> Step:
    return step(f"{node}/{component}/push", PushComponent(node=node, component=component, release="1"), after)


def step(name: str, action: AnyAction, after: tuple[str, ...] = ()) -> Step:
    return Step(id=name, action=action, why="", node=name.split("/")[0], after=after)


def cluster(*paces: Pace) -> Cluster:
    return Cluster(name="prod", provider="docker", paces=(LOOKS, *paces))


def of(component: str, *seconds: float, kind: str = "push_component") -> Pace:
    return Pace(kind=kind, component=component, seconds=seconds)


def test_it_is_the_median_of_the_last_times_of_that_component_and_a_look() -> None:
    home = cluster(of("caddy", 4.0, 90.0, 5.0), of("haproxy", 1.0))
    assert about(home, [(push("a", "caddy"),)]) == 5.0 + 2.0


def test_a_component_that_is_new_takes_what_others_take_for_such_a_step() -> None:
    home = cluster(of("service/api", 8.0, 9.0, 10.0), of("caddy", 3.0))
    assert about(home, [(push("a", "service/web"),)]) == 8.5 + 2.0


def test_a_kind_of_step_that_never_ended_here_leaves_the_estimate_out() -> None:
    home = cluster(of("caddy", 3.0))
    gate = WaitHealthy(node="a", service="api", component="caddy", release="1", project="", containers={})
    steps = (push("a", "caddy"), step("a/caddy/wait", gate))
    assert about(home, [steps]) is None
    assert about(Cluster(name="prod", provider="docker", paces=(of("caddy", 3.0),)), [steps[:1]]) is None
    assert about(None, [steps]) is None


def test_steps_beside_each_other_take_as_long_as_the_longest_way() -> None:
    image = step("b/image/x", ProvideImage(node="b", reference="x"))
    home = cluster(of("caddy", 3.0), of("haproxy", 4.0), of("", 20.0, kind="provide_image"))
    lane = (push("a", "caddy"), push("a", "haproxy", ("a/caddy/push",)))
    last = push("b", "caddy", ("a/haproxy/push", "b/image/x"))
    assert about(home, [(image, *lane)]) == 20.0 + 2.0
    assert about(home, [(image, *lane, last)]) == 23.0 + 2.0
    assert about(home, [(image, *lane), (push("a", "caddy"),)]) == 22.0 + 5.0


def test_a_plan_without_steps_takes_no_time() -> None:
    assert about(None, [()]) == 0.0


@given(st.lists(st.tuples(st.sampled_from(("caddy", "haproxy")), st.floats(0, 1e9)), max_size=30))
def test_the_state_keeps_the_last_few_times_of_each_kind(times: list[tuple[str, float]]) -> None:
    state = change(State(), PutCluster(cluster=Cluster(name="prod", provider="docker")))
    for component, seconds in times:
        (done,) = paced(state, "prod", kind_of(push("a", component)), seconds)
        state = change(change(state, done), done)
    (home,) = state.clusters
    assert [p.component for p in home.paces] == sorted({c for c, _ in times})
    for pace in home.paces:
        last = [s for c, s in times if c == pace.component][-SAMPLES:]
        assert list(pace.seconds) == [min(round(s, 1), 1_000_000.0) for s in last]
    # What was written can be read again.
    assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state


def test_a_cluster_that_is_gone_keeps_nothing() -> None:
    assert paced(State(), "prod", LOOK, 1.0) == ()


def test_the_times_of_a_service_go_with_it_and_no_node_is_told_any() -> None:
    world = settled(worlds.cluster())
    home = world.state.clusters[0]
    kept = (of("caddy", 1.0), of("service/api", 1.0))
    home = replace(home, paces=(*kept, of("service/gone", 1.0)))
    world = replace(world, state=change(world.state, PutCluster(cluster=home)))
    done = closing_changes(world, at=1, by="me", commit="", worked=True, whole=True)
    assert isinstance(done[0], PutCluster) and done[0].cluster.paces == kept
    assert part_of(world.state, "prod").clusters[0].paces == ()


def test_a_plan_says_it_and_is_the_same_plan_whatever_it_says() -> None:
    world = changed(settled(worlds.cluster()), services=new_image())
    slow, fast = (with_times(world.state, seconds) for seconds in (60.0, 6.0))
    first, second = (make_plan(replace(world, state=state)) for state in (slow, fast))
    # Images beside each other, then on three nodes in turn drain, service, Caddyfile, gate and undrain; then a look.
    assert (first.effect.about_s, second.effect.about_s) == (1020.0, 102.0)
    assert make_plan(world).effect.about_s is None
    assert first.digest == second.digest == make_plan(world).digest


def with_times(state: State, seconds: float) -> State:
    kinds = ("look", "provide_image", "drain", "push_component", "wait_healthy", "undrain")
    paces = tuple(Pace(kind=kind, seconds=(seconds,)) for kind in kinds)
    return change(state, PutCluster(cluster=replace(state.clusters[0], paces=paces)))
