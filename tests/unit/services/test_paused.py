"""A new release goes to its first node and waits there: nobody else has it until a person says so."""

from __future__ import annotations

import msgspec
import pytest

from dynia.interfaces.desired import ClusterSpec, Rollout
from dynia.interfaces.errors import Stale
from dynia.interfaces.events import RunEnded
from dynia.services.actions import PushComponent
from dynia.services.apply_result import ApplyResult
from dynia.services.planning.by_hand import Promote, Restart
from dynia.services.planning.plan import Plan
from dynia.services.planning.planner import make_plan
from dynia.services.planning.simulate import rendered_for
from dynia.services.planning.stale import Reviewed
from dynia.services.saved_plan import SavedPlan, decode, encode
from dynia.state.model import Cluster
from tests.fakes.cloud import Cloud, Engine, applied, fresh_disk, survived, yes
from tests.fakes.time_that_jumps import run
from tests.plans import worlds
from tests.unit.services.test_drained import haproxy
from tests.unit.services.test_rollback import roll_back
from tests.unit.services.test_way_back import Killed, sick_on

replace = msgspec.structs.replace
PAUSED = 10


def spec(level: int, nodes: int = 3, **rollout: object) -> ClusterSpec:
    services = (worlds.service(config=f"level = {level}\n"), worlds.service("web"), worlds.worker())
    how = Rollout(pause_after_canary=True, **rollout)  # type: ignore[arg-type]
    return worlds.cluster(nodes, services, rollout=how)


class Team:
    """A cluster that was applied, and whoever runs Dynia on it: each time another process."""

    def __init__(self) -> None:
        self.cloud, self.disk = applied(spec(1))
        haproxy(self.cloud)

    def engine(self, wanted: ClusterSpec) -> Engine:
        self.disk = survived(self.disk)
        return Engine(self.cloud, self.disk, wanted)

    def apply(self, wanted: ClusterSpec, **how: object) -> ApplyResult:
        return run(self.engine(wanted).run.apply(yes, **how))  # type: ignore[arg-type]

    def plan(self, wanted: ClusterSpec, *, resume: bool = False) -> Plan:
        return run(self.engine(wanted).run.plan(resume=resume))

    def roll_back(self) -> ApplyResult:
        self.disk = survived(self.disk)
        done = roll_back(self.cloud, self.disk)
        self.cloud.registry = True
        return done

    def pushed(self, component: str = "service/api") -> list[str]:
        return [deed.split()[0] for deed in self.cloud.deeds if deed.endswith(f"push {component}")]

    @property
    def home(self) -> Cluster:
        (found,) = self.engine(spec(1)).store.state.clusters
        return found


@pytest.fixture
def team() -> Team:
    return Team()


def test_the_canary_alone_has_it_until_a_person_lets_it_go_on(team: Team) -> None:
    engine = team.engine(spec(2))
    (canary,) = engine.plan().order
    others = {machine.name for machine in team.cloud.machines.values()} - {canary}
    done = run(engine.run.apply(yes))
    assert (done.exit_code, team.pushed()) == (PAUSED, [canary])
    (waits,) = done.last.waiting
    assert waits.subject == "service api" and canary in waits.reason
    assert all(name in waits.reason for name in others) and "dynia apply --resume" in waits.reason
    (end,) = (event for event in engine.events if isinstance(event, RunEnded))
    assert (end.result, end.exit_code) == ("paused", PAUSED)
    assert [g.number for g in team.home.generations] == [1], "it is no generation yet"
    assert team.apply(spec(2), resume=True).exit_code == 0
    assert set(team.pushed()) == {canary, *others} and len(team.pushed()) == 3
    assert team.home.resumed == {} and team.home.generation == 2
    assert team.plan(spec(2)).empty


def test_another_apply_without_that_word_changes_nothing_and_says_the_same(
    team: Team,
) -> None:
    first = team.apply(spec(2))
    before = team.cloud.truth()
    again = team.apply(spec(2))
    assert (again.exit_code, again.done, again.last.waiting) == (PAUSED, 0, first.last.waiting)
    assert team.cloud.truth() == before
    plan = team.plan(spec(2))
    assert plan.empty and plan.changes and plan.paused and not plan.drift


def test_another_content_is_another_canary_whoever_said_resume(team: Team) -> None:
    """What somebody looked at is not what would go on."""
    team.apply(spec(2))
    assert team.apply(spec(3), resume=True).exit_code == PAUSED
    assert len(set(team.pushed())) == 1, "both releases came to the canary alone"
    assert team.apply(spec(3), resume=True).exit_code == 0
    assert len(set(team.pushed())) == 3


def test_what_was_good_before_is_no_news(team: Team) -> None:
    """A revert of the file at three in the morning waits for nobody."""
    team.apply(spec(2))
    assert team.apply(spec(1)).exit_code == 0
    team.apply(spec(2))
    assert team.apply(spec(2), resume=True).exit_code == 0
    assert team.apply(spec(1)).exit_code == 0


def test_neither_a_rollback_nor_a_restart_waits(team: Team) -> None:
    team.apply(spec(2))
    assert team.roll_back().exit_code == 0
    assert team.plan(spec(1)).empty
    assert team.apply(spec(1), by_hand=Restart(service="api")).exit_code == 0


def cut_at_the_second(cloud: Cloud, engine: Engine, component: str) -> None:
    """Killed when two nodes have it."""
    seen: list[str] = []

    def tick(what: str) -> None:
        seen.extend([what] if what.endswith(f"pushed {component}") else [])
        if len(seen) == 2:
            raise Killed

    cloud.tick = tick
    with pytest.raises(Killed):
        run(engine.run.apply(yes))
    cloud.tick = lambda what: None


def test_a_first_deploy_waits_for_nobody_even_where_it_was_cut() -> None:
    cloud, disk = Cloud(), fresh_disk()
    cut_at_the_second(cloud, Engine(cloud, disk, spec(1)), "service/api")
    assert Engine(cloud, survived(disk), spec(1)).apply().exit_code == 0


def test_one_node_has_nobody_to_wait_for_it() -> None:
    cloud, disk = applied(spec(1, nodes=1))
    assert Engine(cloud, disk, spec(2, nodes=1)).apply().exit_code == 0


def test_where_it_serves_nowhere_nobody_is_led_to_what_would_wait(team: Team) -> None:
    for n, facts in team.cloud.nodes.items():
        gone = tuple(c for c in facts.containers if c.project != "dynia-api")
        team.cloud.nodes[n] = replace(facts, containers=gone)
    assert team.apply(spec(2)).exit_code == 0 and len(team.pushed()) == 3


def test_a_service_that_comes_new_has_nobody_to_harm(team: Team) -> None:
    wanted = replace(spec(1), services=(*spec(1).services, worlds.service("new")))
    cut_at_the_second(team.cloud, team.engine(wanted), "service/new")
    assert team.apply(wanted).exit_code == 0


def test_a_worker_waits_and_the_others_go_on_with_what_is_theirs(team: Team) -> None:
    changed = replace(worlds.worker(), compose=worlds.worker().compose + b"# news\n")
    services = tuple(changed if s.name == changed.name else s for s in spec(1).services)
    name = f"service/{changed.name}"
    wanted = replace(spec(1), services=(*services, worlds.service("new")))
    assert team.apply(wanted).exit_code == PAUSED
    assert len(team.pushed(name)) == 1 and len(team.pushed("service/new")) == 3


def test_what_else_visitors_come_to_goes_on_and_the_others_lead_on_to_what_they_run(team: Team) -> None:
    """A new domain, too: HAProxy sends it to all, so all must know it."""
    both = ("also.example.com", "api.example.com")
    services = (worlds.service(config="level = 2\n", domains=both), *spec(2).services[1:])
    wanted = replace(spec(2), services=(*services, worlds.service("new")))
    engine = team.engine(wanted)
    done = run(engine.run.apply(yes))
    assert (done.exit_code, len(team.pushed())) == (PAUSED, 1), done.left
    assert len(team.pushed("service/new")) == 3
    for recipes in engine.run.recipes.values():
        assert "also.example.com" in recipes["caddy"].release.files[0].content.decode()
    assert len({recipes["caddy"].release.id for recipes in engine.run.recipes.values()}) == 2
    assert team.plan(wanted).empty
    assert team.apply(wanted, resume=True).exit_code == 0


def test_a_node_that_comes_meanwhile_is_not_given_it(team: Team) -> None:
    team.apply(spec(2))
    assert team.apply(spec(2, nodes=4)).exit_code == PAUSED
    assert len(team.pushed()) == 1
    assert team.apply(spec(2, nodes=4), resume=True).exit_code == 0
    assert len(team.pushed()) == 4


def test_who_leaves_meanwhile_leaves(team: Team) -> None:
    """Nodes of the state, and of nothing that is wanted; who holds the address stays, and has nobody to wait for."""
    team.apply(spec(1), by_hand=Promote(node=team.cloud.machines[3].name))
    team.apply(spec(2))
    assert team.apply(spec(2, nodes=2)).exit_code == PAUSED
    assert len(team.cloud.machines) == 2 and len(set(team.pushed())) == 1
    assert team.apply(spec(2, nodes=1)).exit_code == 0
    assert list(team.cloud.machines) == [3]


def test_a_canary_that_fails_goes_back_and_one_that_failed_later_waits_again(
    team: Team,
) -> None:
    sick_on(team.cloud, 2, 1, 2, 3)
    assert team.apply(spec(2)).exit_code == 8
    assert len(team.pushed()) == 2, "there and back"
    team.cloud.lie = lambda what, node: None
    team.cloud.deeds.clear()
    assert team.apply(spec(3)).exit_code == PAUSED
    canary = team.pushed()[0]
    sick_on(team.cloud, 3, next(n for n, m in team.cloud.machines.items() if m.name != canary))
    assert team.apply(spec(3), resume=True).exit_code == 8
    assert team.home.resumed == {}


@pytest.mark.parametrize("gone", [1, 2, 3])
def test_where_a_machine_is_gone_another_one_comes_and_only_the_canary_s_place_is_taken(
    team: Team, gone: int
) -> None:
    team.apply(spec(2))
    lost = team.cloud.machines[gone].name
    del team.cloud.machines[gone]
    del team.cloud.nodes[gone]
    assert team.apply(spec(2)).exit_code == PAUSED
    assert len(team.cloud.nodes) == 3 and len(set(team.pushed()) - {lost}) == 1
    assert team.apply(spec(2), resume=True).exit_code == 0


@pytest.mark.parametrize("moment", ["drained", "swapped service/api", "pushed service/api", "gate"])
def test_killed_at_the_canary_or_after_it_nobody_else_is_given_it(team: Team, moment: str) -> None:

    def tick(what: str) -> None:
        if what.endswith(moment):
            raise Killed

    team.cloud.tick = tick
    with pytest.raises(Killed):
        team.apply(spec(2))
    team.cloud.tick = lambda what: None
    assert team.apply(spec(2)).exit_code == PAUSED
    assert len(set(team.pushed())) == 1


def test_killed_after_the_word_it_goes_on_without_another_one(team: Team) -> None:
    team.apply(spec(2))
    seen = len(team.pushed())

    def tick(what: str) -> None:
        if what.endswith("pushed service/api"):
            raise Killed

    team.cloud.tick = tick
    with pytest.raises(Killed):
        team.apply(spec(2), resume=True)
    team.cloud.tick = lambda what: None
    assert len(team.pushed()) == seen + 1
    assert team.apply(spec(2)).exit_code == 0


def test_a_saved_plan_says_whether_it_resumes(team: Team) -> None:
    team.apply(spec(2))
    kept = SavedPlan(by="me", at=1, commit="", tool="1", plan=team.plan(spec(2), resume=True))
    plan = decode(encode(kept), "prod.plan").plan
    assert [service for service, _ in plan.resumes] == ["api"] and plan.steps
    reviewed = Reviewed(digest=plan.digest, plan=plan)
    with pytest.raises(Stale):
        team.apply(spec(2), reviewed=reviewed)
    done = team.apply(spec(2), reviewed=reviewed, resume=True)
    assert done.exit_code == 0 and len(set(team.pushed())) == 3


def test_a_sync_waits_too(team: Team) -> None:
    done = team.apply(spec(2), restrict=True)
    assert (done.exit_code, len(team.pushed())) == (PAUSED, 1)


def test_without_the_setting_nothing_waits(team: Team) -> None:
    wanted = replace(spec(2), rollout=Rollout())
    assert team.apply(wanted).exit_code == 0


def test_where_a_canary_must_go_on_serving_as_it_is_another_node_is_one_too() -> None:
    """It was begun there, and by now too few others serve: without another one nothing would ever go on."""
    how = Rollout(pause_after_canary=True, max_unavailable=2, canary=False)
    old, new = (
        worlds.cluster(
            4, (worlds.service(image=f"a/b:{n}"), worlds.service("web", image=f"a/b:{n}")), rollout=how
        )
        for n in (1, 2)
    )
    given = worlds.settled(old)
    second, third, fourth = (worlds.node_named(given, n) for n in (2, 3, 4))
    for name in (third, fourth):
        given = worlds.with_facts(given, name, lambda f: replace(f, containers=()))
    wanted = rendered_for(worlds.wanting(given, new))
    assert wanted is not None
    release = wanted.index.of(wanted.recipes[second]["service/web"]).id
    nodes = tuple(
        replace(n, pushed={"service/web": release}) if n.name == second else n for n in given.state.nodes
    )
    plan = make_plan(worlds.wanting(replace(given, state=replace(given.state, nodes=nodes)), new))
    pushed = {s.id for s in plan.steps if isinstance(s.action, PushComponent)}
    assert {f"{third}/service/api/push", f"{third}/service/web/push"} <= pushed
    assert f"{fourth}/service/web/push" not in pushed
