"""A rollback by the real engine on a model world: from the nodes alone, killed, cut off, and said afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace as with_fields

import pytest
from msgspec.structs import replace

from dynia.interfaces.desired import ClusterSpec, EnvSource, Registry, Rollout, Ssh
from dynia.interfaces.errors import DyniaError, Interrupted, NotObservedError, Refused, Stale
from dynia.services.planning.components import secret_files
from dynia.services.reconcile import ApplyResult, Reconciler
from dynia.services.rollback import choose, gathered
from dynia.state.generation import Rollback, path_of
from dynia.state.model import Cluster, Node
from tests.fakes.cloud import Cloud, Connection, Doors, Engine, applied, fresh_disk, survived
from tests.fakes.disk import FakeDisk
from tests.fakes.time_that_jumps import run
from tests.laws.test_rebuilt_state import rebuilt
from tests.plans import worlds
from tests.plans.cases import HAPROXY
from tests.plans.templates import SMALL
from tests.unit.services.test_drained import drains, haproxy

API = "/opt/dynia/services/api"


class Died(Exception):
    """The runner is gone."""


def spec(tag: str, env: str = "", **more: object) -> ClusterSpec:
    made = worlds.service(image=f"registry.example/api:{tag}", config=f"for {tag}\n", env=env)
    return worlds.cluster(services=(made,), nodes=3, **more)


def both(api: str, mailer: str) -> ClusterSpec:
    services = (
        worlds.service(image=f"registry.example/api:{api}"),
        worlds.worker(image=f"registry.example/mailer:{mailer}"),
    )
    return worlds.cluster(services=services, nodes=3)


def history(*specs: ClusterSpec) -> tuple[Cloud, FakeDisk]:
    """A cluster on which these were applied, one after the other."""
    cloud, disk = applied(specs[0])
    for one in specs[1:]:
        done = Engine(cloud, disk, one).apply()
        assert done.exit_code == 0 and not done.left
        disk = survived(disk)
    return cloud, disk


class NoToken(Doors):
    """The vendors of somebody who has no token of the provider's."""

    async def nodes(self) -> Doors:
        raise DyniaError("there is no token")


def going_back(cloud: Cloud, disk: FakeDisk, number: int = 0, service: str = "") -> Engine:
    """A run that is to go back. No file is there, no registry, no image of the operator's, no token."""
    cloud.registry = False
    engine = Engine(cloud, disk, None)
    session = engine.run.session
    chosen = choose(engine.store, "prod", number, service)
    wanted = run(gathered(session, chosen, Ssh()))
    engine.run = Reconciler(
        with_fields(
            session,
            vendors=NoToken(cloud, engine._wanted),
            spec=wanted.spec,
            templates={**SMALL, **wanted.spec.templates},
            images=wanted.images,
            secrets=secret_files(wanted.spec, {}, ""),
            rollback=chosen.rollback,
            chosen_at=chosen.at,
        )
    )
    return engine


def roll_back(cloud: Cloud, disk: FakeDisk, number: int = 0, service: str = "") -> ApplyResult:
    return going_back(cloud, disk, number, service).apply()


def home(disk: FakeDisk) -> Cluster:
    found = Engine(Cloud(), survived(disk), None).store.state.cluster("prod")
    assert found is not None
    return found


def digests(cloud: Cloud, path: str) -> set[str]:
    return {f.digest for facts in cloud.nodes.values() for f in facts.files if f.path == path}


def file_says(cloud: Cloud, disk: FakeDisk, wanted: ClusterSpec) -> Engine:
    cloud.registry = True
    return Engine(cloud, survived(disk), wanted)


def test_the_last_good_one_comes_back_with_its_secrets_and_nothing_of_it_is_asked_elsewhere() -> None:
    cloud, disk = history(spec("1.8", env="TOKEN=old\n"), spec("1.9", env="TOKEN=new\n"))
    before = digests(cloud, f"{API}/config/app.toml")
    done = roll_back(cloud, disk)
    assert (done.exit_code, done.left, done.generation) == (0, (), 3)
    assert digests(cloud, f"{API}/config/app.toml") != before
    assert digests(cloud, f"{API}/.env") == {worlds.hmac(b"TOKEN=old\n")}
    assert [(g.number, g.of) for g in home(disk).generations] == [(1, 0), (2, 0), (3, 1)]
    assert file_says(cloud, disk, spec("1.8", env="TOKEN=old\n")).plan().empty


def test_visitors_are_kept_away_from_what_goes_back() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))
    haproxy(cloud)
    cloud.deeds.clear()
    assert roll_back(cloud, disk).exit_code == 0
    names = [machine.name for machine in cloud.machines.values()]
    assert drains(cloud) == {name: ["drain api", "push service/api", "undrain api"] for name in names}


def test_what_was_rolled_back_is_pending_for_the_file_and_no_drift() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))
    roll_back(cloud, disk)
    pending = file_says(cloud, disk, spec("1.9")).plan()
    assert pending.drift == () and {line.subject for line in pending.changes} >= {"service api"}
    assert [w.subject for w in pending.waiting] == ["rollback"]
    assert file_says(cloud, disk, spec("1.9")).apply().exit_code == 0


def test_going_back_twice_goes_back_twice_and_then_there_is_no_more() -> None:
    cloud, disk = history(spec("1.7"), spec("1.8"), spec("1.9"))
    for tag, of in (("1.8", 2), ("1.7", 1)):
        assert roll_back(cloud, disk).exit_code == 0
        disk = survived(disk)
        assert home(disk).generations[-1].of == of
        assert file_says(cloud, disk, spec(tag)).plan().empty
    with pytest.raises(Refused, match="no generation before this one is kept"):
        roll_back(cloud, disk)


def test_after_an_apply_that_stopped_part_way_it_is_the_newest() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))

    def second_dies(what: str) -> None:
        if what.endswith("pushed service/api") and cloud.machines[2].name in what:
            raise Died

    cloud.tick = second_dies
    with pytest.raises(Died):
        Engine(cloud, disk, spec("2.0")).apply()
    cloud.tick = lambda what: None
    disk = survived(disk)
    assert roll_back(cloud, disk).exit_code == 0
    assert home(disk).generations[-1].of == 2
    assert file_says(cloud, disk, spec("1.9")).plan().empty


def test_only_one_service_goes_back_where_that_is_said() -> None:
    cloud, disk = history(both("1", "1"), both("2", "2"))
    assert roll_back(cloud, disk, service="api").exit_code == 0
    assert file_says(cloud, disk, both("1", "2")).plan().empty


def test_membership_is_todays_in_every_config() -> None:
    """Generation 1 had two nodes. Going back to it keeps three, and its configs name three."""
    cloud, disk = history(replace(spec("1.8"), nodes=2), spec("1.9"))
    assert roll_back(cloud, disk).exit_code == 0
    assert len(cloud.machines) == 3
    assert file_says(cloud, disk, spec("1.8")).plan().empty


def test_of_logins_that_change_no_generation_is_made() -> None:
    """They go back with none: a new token in every run must not push out those that differ."""
    registry = Registry(host="registry.example", user="ci", password=EnvSource(env="TOKEN"))
    wanted = spec("1.8", registries=(registry,))
    cloud, disk = Cloud(), fresh_disk()
    for token in ("monday", "tuesday"):
        engine = Engine(cloud, disk, wanted)
        secrets = secret_files(wanted, {"registry.example": ("ci", token)}, worlds.TOKEN)
        engine.run = Reconciler(with_fields(engine.run.session, secrets=secrets))
        assert engine.apply().done
        disk = survived(disk)
    assert [(g.number, g.last) for g in home(disk).generations] == [(1, 2)]


def test_a_smaller_number_to_keep_is_enough_for_an_apply() -> None:
    """Where a disk is full, no image comes before those of old generations went."""
    cloud, disk = history(spec("1.7"), spec("1.8"), spec("1.9"))
    assert Engine(cloud, disk, spec("1.9", keep=1)).apply().exit_code == 0
    (only,) = home(disk).generations
    assert only.number == 4 and file_says(cloud, disk, spec("1.9", keep=1)).plan().empty


def test_an_older_one_is_read_from_whichever_node_keeps_it_whole() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))
    first, second, third = cloud.generations.values()
    del first[path_of(1)]
    second[path_of(1)] = second[path_of(1)].replace(b"8080", b"8081")
    cloud.cut.add(cloud.machines[1].name)
    assert going_back(cloud, disk).run.session.rollback == Rollback(to=1)
    third[path_of(1)] = b"torn"
    with pytest.raises(NotObservedError) as caught:
        going_back(cloud, disk)
    said = caught.value.message
    assert "no node that answers keeps generation 1" in said and "it was edited or is torn" in said
    assert f"{cloud.machines[1].name}: no answer" in said


def test_a_silent_node_is_not_waited_for_where_another_one_answers() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))

    class Silent(Doors):
        async def connect(self, node: Node) -> Connection:
            if node.ordinal < 3:
                await asyncio.Event().wait()
            return await super().connect(node)

    engine = Engine(cloud, disk, None)
    session = with_fields(engine.run.session, vendors=Silent(cloud, engine._wanted))
    assert run(gathered(session, choose(engine.store, "prod", 0, ""), Ssh())).spec.nodes == 3


def test_where_no_node_has_the_newest_the_one_before_it_is_today() -> None:
    """An apply was killed when the state knew its end and no node had its manifest yet."""
    cloud, disk = history(both("1", "1"), both("2", "2"), both("3", "3"), both("4", "4"))
    for kept in cloud.generations.values():
        del kept[path_of(4)]
    assert roll_back(cloud, disk, 1, "api").exit_code == 0
    assert file_says(cloud, disk, both("1", "3")).plan().empty


def test_a_generation_that_differs_by_a_secret_alone_is_one() -> None:
    """No digest tells it: it is known by what the apply wrote."""
    cloud, disk = history(spec("1.8", env="TOKEN=old\n"), spec("1.8", env="TOKEN=new\n"))
    assert [g.number for g in home(disk).generations] == [1, 2]
    assert roll_back(cloud, disk).exit_code == 0
    assert digests(cloud, f"{API}/.env") == {worlds.hmac(b"TOKEN=old\n")}


def test_that_a_secret_was_written_is_known_to_who_ends_what_was_cut() -> None:
    old, new = spec("1.8", env="TOKEN=old\n"), spec("1.8", env="TOKEN=new\n")
    cloud, disk = history(old)

    def last_dies(what: str) -> None:
        if what.endswith("pushed service/api") and len(digests(cloud, f"{API}/.env")) == 1:
            raise Died

    cloud.tick = last_dies
    with pytest.raises(Died):
        Engine(cloud, disk, new).apply()
    cloud.tick, disk = lambda what: None, survived(disk)
    assert digests(cloud, f"{API}/.env") == {worlds.hmac(b"TOKEN=new\n")}
    assert Engine(cloud, disk, new).apply().exit_code == 0
    disk = survived(disk)
    assert [g.number for g in home(disk).generations] == [1, 2]
    assert roll_back(cloud, disk).exit_code == 0
    assert digests(cloud, f"{API}/.env") == {worlds.hmac(b"TOKEN=old\n")}


def test_a_secret_that_changes_with_the_number_of_nodes_makes_one() -> None:
    """Machines come in the first pass, files in the second."""
    _, disk = history(spec("1.8", env="A=1\n"), replace(spec("1.8", env="A=2\n"), nodes=4))
    assert [(g.number, g.last) for g in home(disk).generations] == [(1, 1), (2, 2)]


def test_a_node_that_comes_is_given_secrets_and_makes_no_generation_of_them() -> None:
    cloud, disk = history(spec("1.8", env="A=1\n"), spec("1.9", env="A=1\n"))
    assert Engine(cloud, disk, replace(spec("1.9", env="A=1\n"), nodes=4)).apply().exit_code == 0
    assert [(g.number, g.last) for g in home(disk).generations] == [(1, 1), (2, 3)]


def test_an_apply_that_only_mends_makes_none() -> None:
    cloud, disk = history(spec("1.8"))
    cloud.touch(2, worlds.edited(HAPROXY)(cloud.nodes[2]))
    done = Engine(cloud, disk, spec("1.8")).apply()
    assert (done.exit_code, done.generation) == (0, 2)
    assert [(g.number, g.last) for g in home(disk).generations] == [(1, 2)]


def test_a_state_that_was_lost_is_made_again_with_its_generations() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))
    cloud.registry = False
    _, again = rebuilt(cloud, spec("1.9"))
    assert home(again).generations == home(disk).generations
    assert roll_back(cloud, again).exit_code == 0
    assert file_says(cloud, again, spec("1.8")).plan().empty


def test_a_silent_node_keeps_it_from_ending_and_the_next_one_goes_on_to_the_same() -> None:
    two_out = Rollout(max_unavailable=2)
    cloud, disk = history(spec("1.8", rollout=two_out), spec("1.9", rollout=two_out))
    cloud.cut.add(cloud.machines[3].name)
    done = roll_back(cloud, disk)
    assert done.exit_code == 4
    disk = survived(disk)
    assert home(disk).rollback == Rollback(to=1)
    cloud.cut.clear()
    said = file_says(cloud, disk, spec("1.9", rollout=two_out)).plan().waiting
    assert "was begun and has not ended" in said[-1].reason
    done = roll_back(cloud, disk)
    assert (done.exit_code, done.left) == (0, ())
    assert home(disk).rollback is None and home(disk).generations[-1].of == 1
    assert file_says(cloud, disk, spec("1.8", rollout=two_out)).plan().empty


def test_killed_at_any_moment_the_next_one_ends_where_it_would_have() -> None:
    old = spec("1.8", env="A=1\n")
    start, disk = history(old, spec("1.9", env="A=2\n"))
    moments = 0

    def count(what: str) -> None:
        nonlocal moments
        moments += 1

    whole = start.copied()
    engine = going_back(whole, survived(disk))
    whole.tick = count
    assert engine.apply().exit_code == 0
    assert moments > 30
    for moment in range(1, moments):
        cloud, kept, left = start.copied(), survived(disk), moment
        engine = going_back(cloud, kept)

        def die(what: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Died

        cloud.tick = die
        with pytest.raises(Died):
            engine.apply()
        cloud.tick = lambda what: None
        kept = survived(kept)
        # Before its first step nothing was begun: the last good one is the same. Once it is recorded it has
        # ended, but for manifests, which any apply writes.
        ended = home(kept).generations[-1].of == 1
        again = file_says(cloud, kept, old) if ended else going_back(cloud, kept)
        done = again.apply()
        assert (done.exit_code, done.left) == (0, ()), moment
        assert cloud.truth() == whole.truth(), moment
        ended_as = again.store.state.cluster("prod")
        assert ended_as is not None and ended_as.rollback is None and ended_as.generations[-1].of == 1


def test_one_that_is_interrupted_says_which_verb_goes_on() -> None:
    """The other one would follow the file."""
    cloud, disk = history(spec("1.8"), spec("1.9"))
    engine = going_back(cloud, disk)
    cloud.tick = lambda what: engine.run.session.stop.set()
    with pytest.raises(Interrupted) as caught:
        engine.apply()
    assert caught.value.hint == "run `dynia rollback` again to go on"


def test_an_apply_ends_a_rollback_that_was_begun() -> None:
    """The file is what somebody asks for now."""
    two_out = Rollout(max_unavailable=2)
    cloud, disk = history(spec("1.8", rollout=two_out), spec("1.9", rollout=two_out))
    cloud.cut.add(cloud.machines[3].name)
    roll_back(cloud, disk)
    cloud.cut.clear()
    done = file_says(cloud, survived(disk), spec("1.9", rollout=two_out))
    assert done.apply().exit_code == 0
    state = done.store.state.cluster("prod")
    assert state is not None and state.rollback is None and state.generations[-1].of == 0


def test_an_apply_that_was_begun_after_it_ends_it_though_it_is_cut() -> None:
    """Else a rollback would go on to where nobody wants to go any more."""
    two_out = Rollout(max_unavailable=2)
    cloud, disk = history(spec("1.8", rollout=two_out), spec("1.9", rollout=two_out))
    cloud.cut.add(cloud.machines[3].name)
    roll_back(cloud, disk)
    assert home(disk).rollback is not None
    cloud.cut.clear()

    def first_dies(what: str) -> None:
        if what.endswith("swapped service/api"):
            raise Died

    cloud.tick, cloud.registry = first_dies, True
    disk = survived(disk)
    with pytest.raises(Died):
        Engine(cloud, disk, spec("1.9", rollout=two_out)).apply()
    assert home(disk).rollback is None


def test_what_another_run_wrote_since_it_was_chosen_stops_it() -> None:
    """It was worked out for the nodes that there were."""
    cloud, disk = history(spec("1.8"), spec("1.9"))
    late = going_back(cloud, disk)
    cloud.registry = True
    assert Engine(cloud, disk, replace(spec("1.9"), nodes=4)).apply().exit_code == 0
    before = list(cloud.deeds)
    with pytest.raises(Stale, match="another run wrote the state"):
        late.apply()
    assert cloud.deeds == before


def test_a_number_that_is_not_kept_is_refused_with_those_that_are() -> None:
    cloud, disk = history(*(spec(f"1.{n}", keep=2) for n in range(1, 5)))
    assert [g.number for g in home(disk).generations] == [3, 4]
    with pytest.raises(Refused, match=r"generation 2 is not kept \(kept: 3, 4\)"):
        going_back(cloud, disk, 2)
    with pytest.raises(Refused, match="the state knows no generation"):
        choose(Engine(Cloud(), fresh_disk(), None).store, "prod", 0, "")


def test_nothing_is_done_where_somebody_says_no() -> None:
    cloud, disk = history(spec("1.8"), spec("1.9"))
    engine = going_back(cloud, disk)
    before = (list(cloud.deeds), engine.store.state)

    async def no(_: object) -> bool:
        return False

    with pytest.raises(Refused):
        run(engine.run.apply(no))
    assert (cloud.deeds, engine.store.state) == before
