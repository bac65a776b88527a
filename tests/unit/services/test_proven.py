"""An apply has succeeded when every domain showed its release, through every node and through the reserved IP."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, NoEntry, Service
from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.events import Note, RunEnded
from dynia.interfaces.node_requests import Question, ServiceAnswer
from dynia.services.ask_services import SETTLE_S
from tests.fakes.cloud import Cloud, Engine, applied, fresh_disk, yes
from tests.fakes.time_that_jumps import run
from tests.plans import worlds

replace = msgspec.structs.replace
OLD = worlds.cluster(3, (worlds.service(config="level = 1\n"), worlds.service("web")))
NEW = worlds.cluster(3, (worlds.service(config="level = 2\n"), worlds.service("web")))
SICK = ServiceAnswer(status=503)
SILENT = ServiceAnswer(said="no answer in time", silent=True)


def at(
    node: str, host: str, heard: ServiceAnswer, times: int = 1000
) -> Callable[[str, Question], ServiceAnswer | None]:
    """Another answer than the true one through one node's own Caddy (empty: through the address)."""
    left = times

    def answers(asker: str, question: Question) -> ServiceAnswer | None:
        nonlocal left
        own = question.port == 8080
        if question.host != host or (asker != node or not own if node else own):
            return None
        left -= 1
        return heard if left >= 0 else None

    return answers


def second(cloud: Cloud) -> str:
    return cloud.machines[2].name


def generation(engine: Engine) -> int:
    home = engine.store.state.cluster("prod")
    assert home is not None
    return home.generation


@pytest.mark.parametrize("spec", [NEW, OLD], ids=["a change", "nothing to do"])
def test_one_cell_that_shows_something_else_is_named_and_is_exit_7(spec: ClusterSpec) -> None:
    cloud, disk = applied(OLD)
    cloud.answers = at(second(cloud), "api.example.com", SICK)
    before = generation(Engine(cloud, disk, spec))
    engine = Engine(cloud, disk, spec)
    result = engine.apply()
    assert result.exit_code == 7 and not result.failures
    ((subject, reason),) = result.left
    assert subject == "api.example.com"
    assert reason.startswith(f"HTTP 503 through {second(cloud)}, where release ")
    assert reason.endswith(f"must answer: `dynia logs api --node {second(cloud)}`")
    assert generation(engine) == before, "nothing new was finished"
    ended = [event.result for event in engine.events if isinstance(event, RunEnded)]
    assert ended == (["undone"] if spec is NEW else [])
    cloud.answers = lambda node, question: None
    engine = Engine(cloud, disk, spec)
    assert engine.apply().exit_code == 0


@pytest.mark.parametrize(
    ("heard", "code"),
    [(ServiceAnswer(status=200, release="0badc0ffee12a3b4"), 7), (ServiceAnswer(status=503), 7), (SILENT, 4)],
)
def test_the_reserved_ip_is_a_cell_too_and_its_silence_claims_nothing(
    heard: ServiceAnswer, code: int
) -> None:
    cloud, disk = applied(OLD)
    cloud.answers = at("", "web.example.com", heard)
    result = Engine(cloud, disk, NEW).apply()
    assert result.exit_code == code
    ((subject, reason),) = result.left
    assert subject == "web.example.com" and " through the reserved IP, where release " in reason


def test_what_has_only_just_begun_is_asked_again() -> None:
    """An election, a claim at the cloud: for a few seconds, and it is said."""
    cloud, disk = applied(OLD)
    cloud.answers = at("", "web.example.com", SILENT, times=5)
    engine = Engine(cloud, disk, NEW)
    assert engine.apply().exit_code == 0
    (note,) = [event.text for event in engine.events if isinstance(event, Note)]
    assert note.startswith(f"asked again for up to {SETTLE_S:g} s: web.example.com: no answer in time")


def test_a_node_that_is_lost_before_it_was_asked_claims_nothing() -> None:
    cloud, disk = applied(OLD)

    def breaks(node: str, question: Question) -> ServiceAnswer | None:
        if node == second(cloud):
            raise NotObservedError("the connection broke")
        return None

    cloud.answers = breaks
    result = Engine(cloud, disk, NEW).apply()
    assert result.exit_code == 4
    assert [reason.split(",")[0] for _, reason in result.left] == [
        f"the connection broke through {second(cloud)}" for _ in ("api", "web")
    ]


def test_sync_proves_it_too() -> None:
    cloud, disk = applied(OLD)
    cloud.answers = at(second(cloud), "api.example.com", SICK)
    engine = Engine(cloud, disk, NEW)
    assert run(engine.run.apply(yes, restrict=True)).exit_code == 7
    cloud.answers = lambda node, question: None
    assert run(Engine(cloud, disk, NEW).run.apply(yes, restrict=True)).exit_code == 0


@pytest.mark.parametrize(
    "services", [(worlds.service(),), tuple(worlds.service(f"s{n}") for n in range(12)), (worlds.worker(),)]
)
def test_each_node_is_asked_once_however_much_there_is_to_ask(services: tuple[Service, ...]) -> None:
    cloud = Cloud()
    spec = replace(OLD, services=services)
    assert Engine(cloud, fresh_disk(), spec).apply().exit_code == 0
    routed = any(one.target for one in services)
    assert cloud.asked == ({machine.name: 1 for machine in cloud.machines.values()} if routed else {})


def test_without_a_reserved_ip_the_nodes_are_all_there_is() -> None:
    cloud, asked = Cloud(), []
    cloud.answers = lambda node, question: asked.append(question.port)
    assert Engine(cloud, fresh_disk(), replace(OLD, entry=NoEntry())).apply().exit_code == 0
    assert set(asked) == {8080}


def test_what_is_destroyed_is_not_asked() -> None:
    cloud, disk = applied(OLD)
    assert Engine(cloud, disk, None).apply().exit_code == 0
    assert not cloud.asked
