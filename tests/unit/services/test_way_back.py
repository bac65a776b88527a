"""A release that fails is left again on every node, in the same run: or it is said who could not be brought back."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, Rollout
from dynia.interfaces.errors import NotObservedError, Refused
from dynia.interfaces.events import RunEnded
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.services.apply_result import ApplyResult, Back
from dynia.services.planning.components.caddy import CONFIG as CADDYFILE
from dynia.services.planning.planner import make_plan
from dynia.state.generation import Rollback
from tests.fakes.cloud import Cloud, Engine, applied, survived
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.plans.cases import HAPROXY
from tests.unit.services.test_drained import drains, haproxy
from tests.unit.services.test_rollback import home, roll_back

replace = msgspec.structs.replace
FAILS = GateAnswer(healthy=False, reason="GET /healthz → 500", output="api-1 | panic: no column")


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class Killed(BaseException):
    """The runner is gone, in the middle of it."""


def spec(level: int, **rollout: object) -> ClusterSpec:
    services = (worlds.service(config=f"level = {level}\n"), worlds.service("web"))
    return worlds.cluster(3, services, rollout=Rollout(**rollout))  # type: ignore[arg-type]


def sick_on(cloud: Cloud, level: int, *numbers: int) -> None:
    """The gate of the service says no on these nodes, in their turn, while they run that content."""
    nodes = {cloud.machines[n].name: n for n in numbers}
    wanted = digest(f"level = {level}\n")

    def lie(what: str, node: str) -> GateAnswer | PushAnswer | None:
        if what != "gate" or node not in nodes:
            return None
        running = {f.digest for f in cloud.nodes[nodes[node]].files if f.path.endswith("api/config/app.toml")}
        return FAILS if running == {wanted} else None

    cloud.lie = lie


def contents(cloud: Cloud) -> set[str]:
    return {
        f.digest
        for facts in cloud.nodes.values()
        for f in facts.files
        if f.path.endswith("api/config/app.toml")
    }


def went_back(result: ApplyResult) -> Back:
    assert result.back is not None
    return result.back


@pytest.fixture
def start() -> tuple[Cloud, FakeDisk]:
    cloud, disk = applied(spec(1))
    haproxy(cloud)
    return cloud, disk


@pytest.mark.parametrize("sick", [(1,), (2,), (3,), (1, 2, 3)])
def test_every_node_is_on_what_it_had_and_that_is_no_success(
    start: tuple[Cloud, FakeDisk], sick: tuple[int, ...]
) -> None:
    cloud, disk = start
    sick_on(cloud, 2, *sick)
    engine = Engine(cloud, disk, spec(2))
    done = engine.apply()
    back = went_back(done)
    assert (done.exit_code, back.to, back.whole, len(back.nodes)) == (8, 1, True, 3)
    assert "GET /healthz → 500" in done.failures[0].message and "panic" in done.failures[0].message
    assert contents(cloud) == {digest("level = 1\n")}
    (end,) = (event for event in engine.events if isinstance(event, RunEnded))
    assert (end.result, end.exit_code) == ("rolled_back", 8)
    assert not [n for n in cloud.nodes.values() if n.drained]
    cloud.lie = lambda what, node: None
    assert Engine(cloud, survived(disk), spec(1)).plan().empty


def test_the_way_back_goes_through_the_same_drains_one_node_after_the_other(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 1)
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 8
    first, second, last = (cloud.machines[n].name for n in (2, 3, 1))
    turn = ["drain api", "push service/api", "undrain api"]
    assert drains(cloud) == {first: turn * 2, second: turn * 2, last: turn * 2}
    pushes = [deed.split()[0] for deed in cloud.deeds if deed.endswith("push service/api")]
    assert pushes == [first, second, last, last, first, second], "who serves nothing goes first"


def test_it_is_no_generation_of_its_own_however_often_it_happens(start: tuple[Cloud, FakeDisk]) -> None:
    """Else five bad releases would push out every good generation."""
    cloud, disk = start
    for level in (2, 3):
        sick_on(cloud, level, 2)
        assert Engine(cloud, disk, spec(level)).apply().exit_code == 8
        disk = survived(disk)
    (home,) = Engine(cloud, disk, spec(1)).store.state.clusters
    assert [(g.number, g.of) for g in home.generations] == [(1, 0)] and home.rollback is None
    assert [hold.service for hold in home.holds] == ["api", "api"]


def test_the_same_content_is_refused_until_it_changes(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    Engine(cloud, disk, spec(2)).apply()
    cloud.deeds.clear()
    again = Engine(cloud, survived(disk), spec(2))
    assert [w.subject for w in again.plan().waiting] == ["service api"]
    with pytest.raises(Refused, match="on hold") as caught:
        again.apply()
    assert "dynia unhold api" in caught.value.message and not cloud.deeds
    other = Engine(cloud, survived(disk), spec(3))
    assert other.plan().waiting == () and other.apply().exit_code == 0
    (home,) = other.store.state.clusters
    assert home.holds == ()


@pytest.mark.parametrize("why", ["pause", "new", "trouble"])
def test_it_stays_where_it_stopped(start: tuple[Cloud, FakeDisk], why: str) -> None:
    """Where the file says so, where there was nothing before, and where the node is in trouble itself."""
    cloud, disk = start
    wanted = spec(2, on_failure="pause") if why == "pause" else spec(2)
    sick_on(cloud, 2, 2)
    if why == "new":
        wanted = replace(spec(1), services=(*spec(1).services, worlds.worker()))
        cloud.lie = lambda what, node: FAILS if what == "gate" else None
    if why == "trouble":
        hangs = replace(FAILS, reason="docker does not answer")
        cloud.lie = lambda what, node: hangs if what == "gate" else None
    engine = Engine(cloud, disk, wanted)
    done = engine.apply()
    assert (done.exit_code, done.back) == (7, None)
    (home,) = engine.store.state.clusters
    assert home.holds == () and home.rollback is None


def test_who_does_not_answer_and_was_changed_is_not_called_back(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 3)
    lie = cloud.lie
    first = cloud.machines[2].name

    def cuts(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            cloud.cut.add(first)
        return answer

    cloud.lie = cuts
    done = Engine(cloud, disk, spec(2)).apply()
    back = went_back(done)
    assert (done.exit_code, back.astray) == (9, (first,)) and first not in back.nodes
    cloud.cut.clear()
    cloud.lie = lambda what, node: None
    engine = Engine(cloud, survived(disk), spec(1))
    (home,) = engine.store.state.clusters
    assert home.rollback == Rollback(to=1, failed=True), "`dynia rollback` goes on"
    assert engine.apply().exit_code == 0 and contents(cloud) == {digest("level = 1\n")}


def cuts_off(cloud: Cloud, sick: int, cut: int) -> str:
    """When the gate of the one says no, nobody reaches the other any more."""
    sick_on(cloud, 2, sick)
    lie, name = cloud.lie, cloud.machines[cut].name

    def cuts(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            cloud.cut.add(name)
        return answer

    cloud.lie = cuts
    return name


def sent_to(engine: Engine) -> dict[str, set[str]]:
    """By service, the nodes that HAProxy sends it to, by the file that was rendered last."""
    recipe = next(iter((engine.back or engine.run).recipes.values()))["haproxy"]
    found: dict[str, set[str]] = {}
    service = ""
    for line in recipe.release.files[0].content.decode().splitlines()[1:]:
        word = line.split()[0]
        if line.startswith("  "):
            found[service].add(word)
        else:
            service = word
            found[service] = set()
    return found


def test_one_that_is_cut_off_serves_nobody_until_it_is_seen_on_something_else(
    start: tuple[Cloud, FakeDisk],
) -> None:
    cloud, disk = start
    away = cuts_off(cloud, sick=3, cut=2)
    nodes = {machine.name for machine in cloud.machines.values()}
    engine = Engine(cloud, disk, spec(2))
    assert engine.apply().exit_code == 9 and engine.back is not None
    assert sent_to(engine) == {"api": nodes - {away}, "web": nodes}
    (told,) = (w for w in engine.back.given and make_plan(engine.back.given).waiting if w.subject == away)
    assert "HAProxy sends it nothing" in told.reason
    have = {f.digest for n, facts in cloud.nodes.items() if n != 2 for f in facts.files if f.path == HAPROXY}
    assert have == {engine.back.recipes[away]["haproxy"].release.files[0].digest}
    disk = survived(disk)
    still = Engine(cloud, disk, spec(1))
    still.apply()
    assert sent_to(still) == {"api": nodes - {away}, "web": nodes}
    cloud.cut.clear()
    cloud.lie = lambda what, node: None
    cloud.deeds.clear()
    engine = Engine(cloud, survived(disk), spec(1))
    plan = engine.plan()
    others = {f"{name}/haproxy/push" for name in nodes - {away}}
    assert others.isdisjoint(s.id for s in plan.steps) and others <= {s.id for s in plan.later}
    done = engine.apply()
    assert (done.exit_code, contents(cloud)) == (0, {digest("level = 1\n")})
    pushes = [
        d.replace(" push ", " ") for d in cloud.deeds if d.endswith(("push haproxy", "push service/api"))
    ]
    first = pushes.index(f"{away} service/api")
    assert not [push for push in pushes[:first] if not push.startswith(away)], "it was let in too early"
    assert sent_to(engine) == {"api": nodes, "web": nodes}
    (known,) = engine.store.state.clusters
    assert known.kept_out == () and engine.plan().empty


def test_a_push_that_got_no_answer_may_have_been_done(start: tuple[Cloud, FakeDisk]) -> None:
    """A gate says no on one node while another one is cut off in the middle of its push."""
    wide = spec(1, max_unavailable=2, canary=False)
    cloud, disk = applied(wide)
    sick_on(cloud, 2, 2)
    other = cloud.machines[3].name
    cloud.slow[other] = 5.0

    def tick(what: str) -> None:
        if what == f"{other} pushed service/api":
            cloud.cut.add(other)
            raise NotObservedError(f"{other}: the connection broke")

    cloud.tick = tick
    engine = Engine(cloud, disk, spec(2, max_unavailable=2, canary=False))
    done = engine.apply()
    assert len(done.failures) == 3, done.failures
    assert (done.exit_code, went_back(done).astray) == (9, (other,))
    assert other not in sent_to(engine)["api"]


def test_nodes_that_came_with_it_stay_and_are_on_what_the_others_had(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    done = Engine(cloud, disk, replace(spec(2), nodes=4)).apply()
    assert (done.exit_code, len(went_back(done).nodes), went_back(done).left) == (8, 4, ())
    assert contents(cloud) == {digest("level = 1\n")}


def test_a_release_that_lapses_while_it_is_watched_is_left_and_the_former_one_is_watched_too() -> None:
    cloud, disk = applied(spec(1, monitor=10.0))
    haproxy(cloud)
    sick_on(cloud, 2, 2)
    lie = cloud.lie
    cloud.lie = lambda what, node: lie(what, node) if cloud.gates and cloud.gates[-1].monitor_s else None
    cloud.gates.clear()
    done = Engine(cloud, disk, spec(2, monitor=10.0)).apply()
    assert (done.exit_code, went_back(done).whole) == (8, True)
    assert done.failures[0].step.endswith("service/api/watch")
    assert [request.monitor_s for request in cloud.gates] == [0.0, 10.0] * (len(cloud.gates) // 2)
    assert len(cloud.gates) == 4, "there and back, on the canary alone"


def test_a_rollback_goes_on_with_what_was_begun_and_ends_it_as_that(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    lie = cloud.lie

    def cuts(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            cloud.cut.add(node)
        return answer

    cloud.lie = cuts
    assert Engine(cloud, disk, spec(2)).apply().exit_code == 9
    cloud.cut.clear()
    cloud.lie = lambda what, node: None
    disk = survived(disk)
    assert roll_back(cloud, disk).exit_code == 0 and contents(cloud) == {digest("level = 1\n")}
    found = home(disk)
    assert [(g.number, g.of) for g in found.generations] == [(1, 0)] and found.rollback is None
    assert [hold.service for hold in found.holds] == ["api"]


def test_who_does_not_answer_and_was_not_changed_is_no_failure(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    lie, last = cloud.lie, cloud.machines[1].name

    def cuts(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS:
            cloud.cut.add(last)
        return answer

    cloud.lie = cuts
    done = Engine(cloud, disk, spec(2)).apply()
    assert (done.exit_code, went_back(done).silent) == (8, (last,))


def test_a_former_release_that_fails_too_is_said(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    cloud.lie = lambda what, node: FAILS if what == "gate" and node == cloud.machines[2].name else None
    done = Engine(cloud, disk, spec(2)).apply()
    back = went_back(done)
    assert done.exit_code == 9 and back.failures and not back.whole


def edits(cloud: Cloud) -> None:
    """Somebody mends the file of a node by hand, after the yes."""
    facts = cloud.nodes[3]
    files = tuple(
        replace(f, digest=digest("mine\n")) if f.path.endswith("api/config/app.toml") else f
        for f in facts.files
    )
    cloud.nodes[3] = replace(facts, files=files)


def test_what_a_person_edited_meanwhile_is_not_written_over(start: tuple[Cloud, FakeDisk]) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    lie = cloud.lie
    once: list[Callable[[Cloud], None]] = [edits]

    def meanwhile(what: str, node: str) -> GateAnswer | PushAnswer | None:
        answer = lie(what, node)
        if answer is FAILS and once:
            once.pop()(cloud)
        return answer

    cloud.lie = meanwhile
    done = Engine(cloud, disk, spec(2)).apply()
    (failure,) = went_back(done).failures
    assert done.exit_code == 9 and "changed since plan" in failure.message
    assert digest("mine\n") in contents(cloud)


def test_what_a_person_edited_and_a_push_was_refused_for_is_not_written_over(
    start: tuple[Cloud, FakeDisk],
) -> None:
    """On one of two nodes at once the release fails, on the other one its Caddyfile was edited in that moment."""
    cloud, disk = start
    sick_on(cloud, 2, 2)
    third, mine = cloud.machines[3].name, digest("respond mine\n")
    # With one thing more to do there the other node is at its gate by then.
    cloud.touch(3, worlds.edited("/opt/dynia/node.env")(cloud.nodes[3]))

    def tick(what: str) -> None:
        caddyfile = {f.path: f for f in cloud.nodes[3].files}[CADDYFILE]
        if what == f"{third} push" and digest("level = 2\n") in {f.digest for f in cloud.nodes[3].files}:
            others = (f for f in cloud.nodes[3].files if f.path != CADDYFILE)
            cloud.nodes[3] = replace(cloud.nodes[3], files=(*others, replace(caddyfile, digest=mine)))

    cloud.tick = tick
    done = Engine(cloud, disk, spec(2, max_unavailable=2, canary=False)).apply()
    assert {failure.node for failure in done.failures} == {cloud.machines[n].name for n in (2, 3)}
    assert done.exit_code == 9 and "changed since plan" in went_back(done).failures[0].message
    assert mine in {f.digest for f in cloud.nodes[3].files}


@pytest.mark.parametrize("at", range(1, 40, 4))
def test_a_runner_that_is_killed_on_the_way_back_leaves_what_the_next_run_ends(
    start: tuple[Cloud, FakeDisk], at: int
) -> None:
    cloud, disk = start
    sick_on(cloud, 2, 2)
    engine = Engine(cloud, disk, spec(2))
    left = at

    def tick(what: str) -> None:
        nonlocal left
        if engine.back is not None:
            left -= 1
            if not left:
                raise Killed

    cloud.tick = tick
    with contextlib.suppress(Killed):
        engine.apply()
    cloud.tick = lambda what: None
    cloud.lie = lambda what, node: None
    with pytest.raises(Refused, match="on hold"):
        Engine(cloud, survived(disk), spec(2)).apply()
    ended = Engine(cloud, survived(disk), spec(1)).apply()
    assert ended.exit_code == 0 and contents(cloud) == {digest("level = 1\n")}
    assert not [n for n in cloud.nodes.values() if n.drained]
