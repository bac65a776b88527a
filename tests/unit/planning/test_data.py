"""What containers write below their service's folder: nobody's but theirs, until their service goes."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, NoEntry, Service, ShippedFile
from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.services.actions import PushComponent, RemoveComponent
from dynia.services.gather import observe_request
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.planner import make_plan
from dynia.state.model import AppliedRelease, DropComponent, SetComponent, SetPushed, change
from tests.plans import worlds

replace = msgspec.structs.replace
HOME = "/opt/dynia/services/api"
DATA = f"{HOME}/data"
SEED = f"{DATA}/seed.sql"
SEEDED = "sha256:" + "5" * 64


def api(
    data: tuple[str, ...] = ("data",), seed: bytes = b"", image: str = "registry.example/api:1"
) -> Service:
    """Its container may write into `data`; with a `seed` a file of the compose file's folder is in there."""
    made = worlds.service(image=image, volumes="per-node")
    files = (ShippedFile(path="data/seed.sql", mode=0o644, content=seed, source="seed.sql"),) if seed else ()
    return replace(made, files=files, containers=(replace(made.containers[0], data=data),))


def spec(*services: Service) -> ClusterSpec:
    return worlds.cluster(1, services, entry=NoEntry())


def running(service: Service) -> PlanningInput:
    """Its data folder is there: of what is in it a look tells nothing."""
    return seeing(worlds.settled(spec(service)), FileSeen(path=DATA, kind="dir", mode=0o700, owner="999:999"))


def seeing(given: PlanningInput, *files: FileSeen) -> PlanningInput:
    def with_files(facts: NodeFacts) -> NodeFacts:
        new = {f.path: f for f in (*facts.files, *files)}
        return replace(facts, files=tuple(new[path] for path in sorted(new)))

    return worlds.with_facts(given, worlds.node_named(given, 1), with_files)


def test_no_look_is_into_data_but_for_files_of_the_release() -> None:
    given = running(api(seed=b"create"))
    home = given.state.cluster("prod")
    request = observe_request(given.desired, {}, home)
    assert request.data == (DATA,)
    assert [path for path in request.paths if path.startswith(HOME)] == [SEED]
    left = observe_request(spec(), {}, home)
    assert (left.data, [path for path in left.paths if path.startswith(HOME)]) == ((DATA,), [SEED])


def test_data_is_no_stray() -> None:
    row = FileSeen(path=f"{DATA}/17/row", kind="file", mode=0o600, owner="999:999", digest=SEEDED)
    given = seeing(running(api()), row, replace(row, path=f"{HOME}/notes.txt"))
    (step,) = make_plan(given).steps
    assert isinstance(step.action, RemoveComponent) and step.action.paths == (f"{HOME}/notes.txt",)


def test_data_stays_data_when_nothing_writes_there_any_more() -> None:
    """As a volume does, until its service goes."""
    given = worlds.wanting(running(api()), spec(api(data=(), image="registry.example/api:2")))
    _, end = worlds.passes(given)
    assert observe_request(end.desired, {}, end.state.cluster("prod")).data == (DATA,)
    _, end = worlds.passes(worlds.wanting(end, spec()))
    assert observe_request(end.desired, {}, end.state.cluster("prod")).data == ()


@pytest.mark.parametrize("record", [SetComponent, SetPushed])
def test_the_state_remembers_data_for_as_long(record: type[SetComponent | SetPushed]) -> None:
    given = running(api())
    name, new = worlds.node_named(given, 1), AppliedRelease(component="service/api", id="new")
    state = change(given.state, record(cluster="prod", node=name, release=new))
    assert observe_request(None, {}, state.cluster("prod")).data == (DATA,)
    state = change(state, DropComponent(cluster="prod", node=name, component="service/api"))
    assert observe_request(None, {}, state.cluster("prod")).data == ()


def test_a_file_that_its_release_lost_goes_unless_containers_wrote_it() -> None:
    given = worlds.wanting(running(api(seed=b"create")), spec(api()))
    (push,) = (s.action for s in make_plan(given).steps if isinstance(s.action, PushComponent))
    assert push.delete == (SEED,)
    written = FileSeen(path=SEED, kind="file", mode=0o644, owner="root:root", digest=SEEDED)
    plans, end = worlds.passes(seeing(given, written))
    deleted = [s.action.delete for p in plans for s in p.steps if isinstance(s.action, PushComponent)]
    removed = [s.id for p in plans for s in p.steps if isinstance(s.action, RemoveComponent)]
    assert not any(deleted) and not removed
    assert make_plan(end).empty


def test_data_goes_with_its_service_and_the_plan_calls_that_irreversible() -> None:
    given = worlds.wanting(running(api(seed=b"create")), spec())
    plans, _ = worlds.passes(given)
    (step,) = (s for p in plans for s in p.steps if s.id.endswith("service/api/remove"))
    assert step.irreversible and isinstance(step.action, RemoveComponent)
    there = {e.path: (e.digest, e.mode, e.owner) for e in step.action.expected}
    assert there[DATA] == ("", 0o700, "999:999")
    assert there[SEED][0].startswith("sha256:")
