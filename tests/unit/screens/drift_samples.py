"""Drift reports as the planner makes them of worlds that are disturbed: one for each thing that people meet."""

from __future__ import annotations

from functools import cache

from msgspec.structs import replace

from dynia.commands.exit_codes import drift_code
from dynia.commands.screens.status_view import StatusView, status_view
from dynia.interfaces.node_requests import ServiceAnswer
from dynia.interfaces.observed import ContainerSeen, FileSeen, NodeFacts
from dynia.services.planning.drift_answers import commands_for_silent
from dynia.services.planning.drift_diffs import diffs_of, texts_wanted
from dynia.services.planning.drift_items import item
from dynia.services.planning.drift_report import DriftReport, Left, Silent, drift_report
from dynia.services.planning.drift_runs import Found, Run, sightings
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.matrix import to_ask
from dynia.services.planning.plan import Line, Waiting
from dynia.services.planning.planner import make_plan_with_recipes
from tests.plans import worlds

NOW = 1_700_000_000
HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
BY_HAND = "sha256:" + "4" * 64


def settled(nodes: int = 3) -> PlanningInput:
    given = worlds.settled(worlds.cluster(nodes, (worlds.service(), worlds.worker())))
    return replace(given, observed=replace(given.observed, at=NOW))


def names(given: PlanningInput) -> list[str]:
    return [node.name for node in given.state.nodes_of(given.target)]


def edited(facts: NodeFacts, path: str = HAPROXY, ago: int = 7200) -> NodeFacts:
    files = tuple(replace(f, digest=BY_HAND, mtime=NOW - ago) if f.path == path else f for f in facts.files)
    return replace(facts, files=files)


def with_file(facts: NodeFacts, path: str) -> NodeFacts:
    stray = FileSeen(path=path, kind="file", mode=0o644, owner="alice:alice", digest=BY_HAND, mtime=NOW - 60)
    return replace(facts, files=(*facts.files, stray))


def with_container(facts: NodeFacts, name: str = "debug") -> NodeFacts:
    stray = ContainerSeen(
        id="c1",
        name=name,
        image="sha256:" + "5" * 64,
        state="running",
        started="2023-11-14T20:13:20.123456789Z",
        project="dynia-api",
        service="debug",
    )
    return replace(facts, containers=(*facts.containers, stray))


def changed(given: PlanningInput, name: str, *changes: object) -> PlanningInput:
    for change in changes:
        given = worlds.with_facts(given, name, change)  # type: ignore[arg-type]
    return given


def look(given: PlanningInput, before: tuple[Run, ...] = ()) -> tuple[DriftReport, StatusView]:
    plan, recipes = make_plan_with_recipes(given)
    was = {f.path: f.content for parts in recipes.values() for r in parts.values() for f in r.release.files}
    wanted = texts_wanted(plan, given, recipes)
    read = [path for paths in wanted.values() for path in paths]
    texts = {BY_HAND: was[read[0]].decode() + "# by hand\n"} if read else {}
    run = Run(
        cluster=plan.cluster,
        at=NOW,
        code=drift_code(plan),
        items=tuple(Found(item=item(d), category=d.category, node=d.node) for d in plan.drift),
        silent=tuple(name for name, _ in plan.not_observed),
    )
    report = drift_report(
        given,
        plan,
        exit_code=run.code,
        seen=sightings((*before, run)),
        runs=(*before, run),
        diffs=diffs_of(plan, given, recipes, texts),
    )
    cells = tuple(
        replace(one.cell, answer=ServiceAnswer(status=200, release=one.cell.wanted[0]))
        for one in to_ask(given)
    )
    return report, status_view(given, plan, cells)


@cache
def reports() -> dict[str, tuple[DriftReport, StatusView]]:
    given = settled()
    first, second, third = names(given)
    trouble = changed(
        given,
        first,
        edited,
        lambda f: with_file(f, "/opt/dynia/haproxy/notes|`1`.txt"),
        lambda f: replace(f, disk_used_percent=91),
    )
    trouble = changed(trouble, second, edited, with_container, lambda f: replace(f, vrrp="MASTER"))
    trouble = worlds.silent(trouble, third, "connection refused")
    yesterday = Run(
        cluster="prod",
        at=NOW - 86_400,
        code=3,
        items=(Found(item=f"{first}:haproxy/haproxy.cfg", category="tampered", node=first),),
    )
    bad_day, status = look(trouble, (yesterday,))
    pending = Line(sign="~", subject="service api", nodes=(first,), why="because its image changed")
    bad_day = replace(
        bad_day,
        changes=(pending,),
        ignored=(
            Left(
                what="caddy/Caddyfile",
                nodes=(first, second),
                detail="edited",
                until="2023-11-20",
                because="load test <b>`114`</b>",
            ),
        ),
        notes=("unit haproxy: ignored until 2023-11-01, which is over: it counts again",),
        paused=(Waiting(subject="service api", reason="waits after its canary", paused=True),),
    )
    return {"nothing": look(given), "trouble": (bad_day, status), "two-hundred": two_hundred()}


def two_hundred() -> tuple[DriftReport, StatusView]:
    """Two hundred nodes of which 190 drift alike, three do not answer, and one disk is nearly full."""
    given = settled()
    (here, *_) = names(given)
    report, status = look(changed(given, here, edited, lambda f: replace(f, disk_used_percent=97)))
    everyone = [f"{status.nodes[0].name}-{number:03}" for number in range(200)]
    (one,) = report.findings
    findings = tuple(
        replace(one, node=name, item=f"{name}:{one.what}", since=NOW - 60 * number)
        for number, name in enumerate(everyone[:190], 1)
    )
    findings = tuple(
        replace(f, commands=tuple(c.replace(here, f.node) for c in f.commands)) for f in findings
    )
    silent = tuple(
        Silent(node=n, reason="connection refused", commands=commands_for_silent(n, "", "prod"))
        for n in everyone[197:]
    )
    node = replace(status.nodes[0], disk_percent=31, role="BACKUP")
    report = replace(report, findings=findings, silent=silent, exit_code=4, node_count=200)
    api = replace(status.services[0], on=dict.fromkeys(everyone, "ok"), rows=())
    nodes = tuple(
        replace(node, name=name, ordinal=n, holds_address=n == 1) for n, name in enumerate(everyone, 1)
    )
    return report, replace(status, nodes=nodes, services=(api,), drift=190)
