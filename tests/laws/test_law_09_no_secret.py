"""Law 9, but for what nodes do: a secret shows as changed, and its value is in no plan, state or report."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from dynia.commands.recording import Recorder
from dynia.interfaces.desired import (
    ApiEntry,
    ClusterSpec,
    EnvSource,
    NoEntry,
    Registry,
    SelfSignedTls,
    ShippedFile,
)
from dynia.interfaces.node_requests import GateAnswer, PushAnswer
from dynia.interfaces.observed import NodeFacts
from dynia.services.gather import observe_request
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import simulate
from dynia.state.manifest import Sealer
from tests.fakes.cloud import HOME, Engine
from tests.fakes.cloud import applied as cloud_of
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.plans.cases import changed, settled
from tests.unit.services.test_drained import haproxy

replace = msgspec.structs.replace
OLD, NEW = "TOKEN=first-secret\n", "TOKEN=second-secret\n"
DOTENV = "/opt/dynia/services/api/.env"


def applied() -> PlanningInput:
    return settled(worlds.cluster(services=(worlds.service(env=OLD),)))


def test_a_changed_secret_is_pushed_and_shown_without_its_value() -> None:
    world = changed(applied(), services=(worlds.service(env=NEW),))
    plan = make_plan(world)
    assert ("secret", ".env (changed)") in plan.changes[0].details
    assert plan.drift == ()
    pushes = [s for s in plan.steps if s.id.endswith("service/api/push")]
    assert len(pushes) == 3 and all(s.action.write == (DOTENV,) for s in pushes)  # type: ignore[union-attr]
    assert b"secret\n" not in msgspec.json.encode(plan)
    after = simulate(world, plan)
    for raw in (msgspec.json.encode(plan), msgspec.json.encode(after.state), repr(world).encode()):
        assert b"first-secret" not in raw and b"second-secret" not in raw


def test_without_its_source_a_secret_is_left_for_apply_and_the_rest_goes_on() -> None:
    world = changed(applied(), services=(worlds.service(env=OLD, domains=("v2.example.com",)),))
    world = msgspec.structs.replace(world, secrets={})
    for node in world.state.nodes_of("prod"):
        world = worlds.with_facts(world, node.name, lambda f: msgspec.structs.replace(f, secrets={}))
    plan = make_plan(world)
    assert {s.id.partition("/")[2] for s in plan.steps} == {"caddy/push", "haproxy/push"}
    assert [w for w in plan.waiting if "compared at apply" in w.reason]


def test_a_secret_file_that_was_edited_is_written_again() -> None:
    world = applied()
    name = worlds.node_named(world, 2)

    def edit(facts: NodeFacts) -> NodeFacts:
        files = tuple(
            msgspec.structs.replace(f, digest="hmac:" + "e" * 64) if f.path == DOTENV else f
            for f in facts.files
        )
        return msgspec.structs.replace(facts, files=files)

    plan = make_plan(worlds.with_facts(world, name, edit))
    steps = ("drain", "service/api/push", "service/api/wait", "undrain")
    assert [s.id for s in plan.steps] == [f"{name}/{step}" for step in steps]


def everything_secret() -> ClusterSpec:
    """Each kind of file with a secret: an `.env`, a file that is called a secret, logins, a token, a key."""
    mounted = ShippedFile(path="db.pass", mode=0o644, content=b"first-secret", source="db.pass", secret=True)
    login = Registry(host="ghcr.io", user="acme", password=EnvSource(env="T"))
    api = replace(worlds.service(env=OLD), files=(mounted,))
    return worlds.cluster(1, (api,), entry=ApiEntry(), registries=(login,), tls=SelfSignedTls())


def test_what_leaves_the_file_is_looked_at_as_the_secret_that_it_is() -> None:
    """A plain hash of it would stand in what its removal expects, so in saved plans and the journal."""
    given = worlds.settled(everything_secret())
    home = given.state.cluster("prod")
    assert home is not None
    held = {
        file.path
        for release in home.releases
        for file in release.files
        if not file.digest.startswith("sha256:")
    }
    assert {path.rpartition("/")[2] for path in held} >= {".env", "db.pass", "token.conf", "cluster.pem"}
    for spec in (given.desired, worlds.cluster(1, (), entry=NoEntry()), None):
        assert held <= {*observe_request(spec, {}, home).secret_paths}
    for spec in (worlds.cluster(1, ()), None):
        named = observe_request(spec, {}, None).secret_paths
        assert [path.rpartition("/")[2] for path in named] == ["token.conf", "config.json", "cluster.pem"]


def test_no_secret_is_in_what_a_node_keeps_of_the_cluster() -> None:
    """The manifest is for everybody on the node. That the search can find something is shown by a name."""
    kept = Sealer(applied().state, "prod").content("node-1", serial=1, fencing=1)
    assert DOTENV.encode() in kept
    assert b"first-secret" not in kept and b"hmac:" not in kept and b"PRIVATE" not in kept


SPOKEN = "correct-horse-battery"


@pytest.mark.parametrize("what", ["gate", "push"])
def test_what_a_failing_release_said_is_told_without_its_secrets(what: str) -> None:
    """Containers and programs say anything: by then it is on the screen, in the log of a CI job, in the journal."""

    def spec(level: int) -> ClusterSpec:
        env = f"DATABASE_URL='postgres://app:{SPOKEN}@db'\nPASSWORD={SPOKEN}\nLEVEL=info\n"
        return worlds.cluster(3, (worlds.service(config=f"level = {level}\n", env=env),))

    cloud, disk = cloud_of(spec(1))
    haproxy(cloud)
    said = f"api-1 | can't reach postgres://app:{SPOKEN}@db at level info"
    answers: dict[str, GateAnswer | PushAnswer] = {
        "gate": GateAnswer(healthy=False, reason="GET /healthz → 500", output=said),
        "push": PushAnswer(phase="activate", output=said),
    }
    cloud.lie = lambda asked, node: answers[what] if asked == what else None
    engine = Engine(cloud, disk, spec(2))
    session = engine.run.session
    recorder = Recorder(session, "apply", print)
    engine.run.session = dataclasses.replace(session, emit=recorder.heard(session.emit))

    async def approve(plan: Plan) -> bool:
        recorder.begin(plan)
        return True

    done = run(engine.run.apply(approve))
    assert done.failures
    recorder.end(done)
    history = b"".join(disk.files(HOME / ".dynia" / "history" / "prod").values()).decode()
    # What anything else said is not even kept where it holds nothing that is known to be secret.
    assert "step_failed" in history
    assert "at level info" not in history and SPOKEN not in history
    kept = b"".join(disk.files(HOME / ".dynia" / "journal" / "prod").values()).decode()
    for told in (repr(done.failures), repr(engine.events)):
        assert "at level info" in told and SPOKEN not in told
    assert SPOKEN not in kept
