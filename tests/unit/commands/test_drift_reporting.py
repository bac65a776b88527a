"""`dynia drift --report`: written whatever was found, remembered, and told once to who wants to know."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dynia.commands.drift_reporting import report_drift
from dynia.commands.exit_codes import drift_code
from dynia.commands.output import Output
from dynia.interfaces.desired import ClusterSpec, DriftIgnore, Webhook
from dynia.interfaces.node_requests import ServiceAnswer
from tests.fakes.cloud import Cloud, Engine, applied
from tests.fakes.disk import FakeDisk
from tests.plans import worlds
from tests.unit.commands.test_around import SECRET, Server, listened, server
from tests.unit.screens.drift_samples import edited, with_container

__all__ = ["server"]


class World:
    """A cluster on which the file was applied, and the reports of it, day by day."""

    def __init__(self, folder: Path, *webhooks: Webhook) -> None:
        # The password lies in a file of the service: nothing of it may be in a report.
        service = worlds.service(env=f"PASSWORD={SECRET}\n", config="level = 1\n")
        self.spec: ClusterSpec = replace(worlds.cluster(services=(service,)), notify=webhooks)
        self.cloud, self.disk = self._applied()
        self.cloud.answers = lambda node, question: ServiceAnswer(status=200)
        self.folder, self.said = folder, ""

    def _applied(self) -> tuple[Cloud, FakeDisk]:
        return applied(self.spec)

    def tamper(self) -> None:
        self.cloud.touch(1, with_container(edited(self.cloud.nodes[1])))

    def put_back(self) -> None:
        self.cloud.nodes = dict(self._applied()[0].nodes)

    def report(self, after: int = 0) -> int:
        out, err = io.StringIO(), io.StringIO()
        output = Output(out, err, io.StringIO(), {})
        session = Engine(self.cloud, self.disk, self.spec).run.session
        plan, _ = report_drift(session, output, str(self.folder), after)
        self.said = err.getvalue()
        return drift_code(plan)

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "drift.json").read_text())
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "reports")


def test_every_format_is_there_and_names_what_is_wrong_also_where_nodes_are_silent(world: World) -> None:
    world.tamper()
    silent = world.cloud.machines[3].name
    world.cloud.cut.add(silent)
    assert world.report() == 4
    for name in ("drift.txt", "drift.md", "drift.json", "drift.html"):
        text = (world.folder / name).read_text()
        for said in ("haproxy/haproxy.cfg", "container debug", silent, "tampered", "orphan"):
            assert said in text, name
    assert world.json()["exitCode"] == 4
    assert "drift.html in " in world.said


def test_where_nothing_differs_it_says_so(world: World) -> None:
    assert world.report() == 0
    assert (world.json()["exitCode"], world.json()["drift"]) == (0, [])
    assert "no drift" in (world.folder / "drift.md").read_text()


def test_since_when_is_remembered_from_report_to_report(world: World) -> None:
    world.tamper()
    for number in (1, 2, 3):
        assert world.report() == 3
        assert {one["runs"] for one in world.json()["drift"]} == {number}
    world.put_back()
    assert world.report() == 0
    assert [run["exitCode"] for run in world.json()["runs"]] == [3, 3, 3, 0]


def test_what_the_file_ignores_for_a_while_is_told_apart_and_not_remembered(world: World) -> None:
    world.tamper()
    world.report()
    names = [one["what"] for one in world.json()["drift"]]
    later = datetime.date.fromtimestamp(world.json()["at"] + 5 * 86_400).isoformat()
    entries = [DriftIgnore(item=name, until=later, because="a load test") for name in names]
    world.spec = replace(
        world.spec, ignored=(*entries, DriftIgnore(item="old", until="2020-01-01", because="x"))
    )
    world.report()
    report = world.json()
    assert report["drift"] == [] and report["exitCode"] == 0
    assert [one["what"] for one in report["ignored"]] == names
    assert {one["because"] for one in report["ignored"]} == {"a load test"}
    assert "counts again" in report["ignoreNotes"][0]
    assert report["runs"][-1]["drift"] == 0
    for kind in ("txt", "md", "html"):
        text = (world.folder / f"drift.{kind}").read_text()
        assert later in text and "a load test" in text and "counts again" in text, kind


def test_no_secret_is_in_a_report(world: World) -> None:
    for ordinal, facts in world.cloud.nodes.items():
        for file in facts.files:
            facts = edited(facts, file.path)
        world.cloud.touch(ordinal, facts)
    world.report()
    assert SECRET not in "".join(path.read_text() for path in world.folder.iterdir())


def test_a_webhook_is_told_once_what_stays_and_once_that_all_is_well(tmp_path: Path, server: Server) -> None:
    world = World(tmp_path / "reports", listened(server, "drift"), listened(server, "post_apply"))
    world.tamper()
    codes = [world.report(after=2) for _ in range(3)]
    world.put_back()
    codes += [world.report(after=2) for _ in range(2)]
    assert codes == [3, 3, 3, 0, 0], "who is told changes no exit code"
    told: list[Any] = [body for _, body in server.posted]
    assert [one["event"] for one in told] == ["drift", "drift"]
    assert [one["alert"]["state"] for one in told] == ["drifting", "well"]
    items = {one["item"].partition(":")[2]: one["runs"] for one in told[0]["alert"]["items"]}
    assert items == {"haproxy/haproxy.cfg": 2, "container debug": 2}


def test_what_no_webhook_heard_is_told_by_the_next_report(tmp_path: Path, server: Server) -> None:
    server.statuses = [404, 200]
    world = World(tmp_path / "reports", listened(server, "drift"))
    world.tamper()
    for _ in range(3):
        assert world.report(after=1) == 3
    assert len(server.posted) == 2


def test_where_no_webhook_wants_to_know_that_is_said(world: World) -> None:
    world.tamper()
    assert world.report(after=1) == 3
    assert "no webhook under `notify:` has the event drift" in world.said
