"""`dynia state show|rebuild|pull|push`, `dynia forget` and `dynia unhold`: what they say, ask and write."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from dynia.commands import forget, state, unhold
from dynia.commands.output import Output
from dynia.commands.rebuilding import rebuild_session
from dynia.interfaces.errors import BadInput, DyniaError, Refused
from dynia.interfaces.requests import RebuildRequest, Target
from dynia.state.hold import Hold, KeptOut
from dynia.state.model import PutCluster
from dynia.state.store import open_store
from tests.fakes import states
from tests.fakes.cloud import HOME, Cloud, Engine, applied, fresh_disk, recorded
from tests.fakes.disk import FakeDisk
from tests.plans import worlds

SPEC = worlds.cluster(3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of two clusters, prod with two nodes; no desired file."""
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", states.recorded("prod"), "because")
        for ordinal in (1, 2):
            store.write("prod", states.born("prod", ordinal), "because")
        store.begin("prod", "node-3/provision", b"{}", states.begun("prod", 3))
    with store.lock("staging", "test"):
        store.write("staging", states.recorded("staging"), "because")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("DYNIA_CLUSTER", "DYNIA_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(group: object, *arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(group.command, list(arguments), input=stdin)  # type: ignore[attr-defined]


def test_it_is_shown_in_words_and_as_json(folder: Path) -> None:
    shown = run(state, "show").output
    assert open_store(folder).state.lineage in shown
    assert [line.split(" · ")[:2] for line in shown.splitlines()[2:] if "serial" in line] == [
        ["  prod     generation 0", "serial 4"],
        ["  staging  generation 0", "serial 1"],
    ]
    told = json.loads(run(state, "show", "--json").output)
    assert (told["format"], told["lineage"]) == ("dynia.state", open_store(folder).state.lineage)
    assert told["clusters"][0]["unfinished"] == ["node-3/provision"]


def test_where_there_is_none_it_says_so_and_begins_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clusters.yaml").write_text(
        "clusters: {prod: {provider: {kind: docker}, nodes: {count: 1}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert "dynia state rebuild" in run(state, "show").output
    assert isinstance(run(state, "pull").exception, DyniaError)
    assert [p.name for p in tmp_path.iterdir()] == ["clusters.yaml"]


def test_what_is_pulled_can_be_pushed_into_an_empty_folder(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = run(state, "pull").stdout_bytes
    other = tmp_path_factory.mktemp("other")
    (other / "clusters.yaml").write_text("clusters: {prod: {provider: {kind: docker}, nodes: {count: 1}}}\n")
    file = other / "copy.json"
    file.write_bytes(copy)
    done = run(state, "push", str(file), "-f", str(other / "clusters.yaml"), "--yes")
    assert done.exception is None or done.exit_code == 0, done.exception
    before, after = open_store(folder).state, open_store(other).state
    assert after.lineage == before.lineage and recorded(after) == recorded(before)
    assert all(a.serial > b.serial for a, b in zip(after.clusters, before.clusters, strict=True))


def test_pushing_the_same_changes_nothing(folder: Path) -> None:
    copy = run(state, "pull").stdout_bytes
    before = open_store(folder).state
    assert "nothing is changed" in run(state, "push", "-", stdin=copy).output
    assert open_store(folder).state == before


def pushed(folder: Path, *flags: str, **changed: object) -> Result:
    """A copy of which something was changed."""
    tree = json.loads(run(state, "pull").stdout_bytes)
    tree |= changed
    return run(state, "push", "-", "--yes", *flags, stdin=json.dumps(tree))


def clusters(folder: Path, **changed: object) -> list[dict[str, object]]:
    tree = json.loads(run(state, "pull").stdout_bytes)
    return [{**c, **(changed if c["name"] == "prod" else {})} for c in tree["clusters"]]


def test_an_older_copy_of_another_content_takes_force(folder: Path) -> None:
    older = clusters(folder, serial=1, generation=9)
    error = pushed(folder, clusters=older).exception
    assert isinstance(error, Refused) and "is older (serial 1)" in error.message
    assert pushed(folder, "--force", clusters=older).exit_code == 0
    home = open_store(folder).state.cluster("prod")
    assert home is not None and (home.generation, home.serial) == (9, 5)


def test_the_same_serial_with_another_content_takes_force(folder: Path) -> None:
    error = pushed(folder, clusters=clusters(folder, generation=9)).exception
    assert isinstance(error, Refused) and "the same serial" in error.message


def test_a_newer_copy_is_taken_and_the_serial_goes_on_from_it(folder: Path) -> None:
    assert pushed(folder, clusters=clusters(folder, serial=50, generation=9)).exit_code == 0
    home = open_store(folder).state.cluster("prod")
    assert home is not None and (home.generation, home.serial) == (9, 51)


def test_a_copy_of_another_lineage_is_refused_also_by_force(folder: Path) -> None:
    error = pushed(folder, "--force", lineage="f" * 32).exception
    assert isinstance(error, Refused) and "another state" in error.message


def test_a_copy_that_lacks_a_cluster_takes_force(folder: Path) -> None:
    only = [c for c in clusters(folder) if c["name"] == "staging"]
    without = {"clusters": only, "nodes": [], "intents": []}
    error = pushed(folder, **without).exception
    assert isinstance(error, Refused) and "does not know cluster prod" in error.message
    assert pushed(folder, "--force", **without).exit_code == 0
    assert [c.name for c in open_store(folder).state.clusters] == ["staging"]


@pytest.mark.parametrize("text", ["", "{", '{"version": 99, "lineage": "x"}', '{"clusters": []}'])
def test_what_is_no_state_is_one_clear_error(folder: Path, text: str) -> None:
    before = open_store(folder).state
    done = run(state, "push", "-", "--yes", stdin=text)
    if text != '{"clusters": []}':  # a version 0 that is empty
        assert isinstance(done.exception, BadInput)
    assert done.exit_code != 0 and open_store(folder).state == before


def test_without_a_terminal_nobody_is_taken_to_have_said_yes(folder: Path) -> None:
    tree = json.loads(run(state, "pull").stdout_bytes) | {
        "clusters": clusters(folder, serial=50, generation=9)
    }
    assert isinstance(run(state, "push", "-", stdin=json.dumps(tree)).exception, Refused)
    assert isinstance(run(forget, "node-1", "--cluster", "prod").exception, Refused)


def test_a_node_that_is_forgotten_is_only_left_out(folder: Path) -> None:
    done = run(forget, "node-1", "--cluster", "prod", "--yes")
    assert done.exit_code == 0 and "Nothing is done to the machine" in done.output
    found = open_store(folder).state
    assert [n.name for n in found.nodes_of("prod")] == ["node-2"]
    assert found.clusters[0].next_ordinal == 4, "its ordinal is never used again"
    error = run(forget, "node-1", "--cluster", "prod", "--yes").exception
    assert isinstance(error, DyniaError) and "node-2" in error.hint


def output() -> tuple[Output, io.StringIO, io.StringIO]:
    class Out(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.buffer = io.BytesIO()

    out, err = Out(), io.StringIO()
    return Output(out, err, io.StringIO(), {}), out, err


def rebuilding(
    cloud: Cloud, request: RebuildRequest, disk: FakeDisk, *, make: bool = False
) -> tuple[int, str, str, bytes]:
    engine = Engine(cloud, fresh_disk(), SPEC)
    kept = open_store(HOME, disk=disk, make=make)
    session = dataclasses.replace(engine.run.session, store=kept)
    said, out, err = output()
    code = rebuild_session(session, lambda: open_store(HOME, disk=disk), request, said)
    return code, out.getvalue(), err.getvalue(), out.buffer.getvalue()


REQUEST = RebuildRequest(target=Target(), yes=True)


def test_a_lost_state_is_shown_planned_and_written() -> None:
    cloud, lost = applied(SPEC)
    disk = fresh_disk()
    code, text, _, _ = rebuilding(cloud, REQUEST, disk)
    assert code == 0
    assert (
        text.index("State of prod, made again from") < text.index("nothing to do") < text.index("is written")
    )
    assert recorded(open_store(HOME, disk=disk).state) == recorded(open_store(HOME, disk=lost).state)
    assert open_store(HOME, disk=disk).fencing("prod") > open_store(HOME, disk=lost).fencing("prod") > 0
    assert Engine(cloud, disk, SPEC).plan().empty


def test_without_a_yes_nothing_is_written() -> None:
    cloud, _ = applied(SPEC)
    disk = fresh_disk()
    with pytest.raises(Refused, match="no terminal to ask on"):
        rebuilding(cloud, msgspec.structs.replace(REQUEST, yes=False), disk)
    assert disk.files() == fresh_disk().files()


def test_a_silent_node_is_named_and_the_exit_code_says_so() -> None:
    cloud, _ = applied(SPEC)
    cloud.cut.add(cloud.machines[2].name)
    code, text, _, _ = rebuilding(cloud, REQUEST, fresh_disk())
    assert code == 4 and f"{cloud.machines[2].name}: not observed" in text


def test_as_json_it_is_one_document_and_the_screens_go_beside_it() -> None:
    cloud, _ = applied(SPEC)
    code, text, beside, raw = rebuilding(cloud, msgspec.structs.replace(REQUEST, as_json=True), fresh_disk())
    told = json.loads(raw)
    assert (code, text, told["format"], told["generation"]) == (0, "", "dynia.rebuild", 1)
    assert len(told["machines"]) == 3 and "made again" in beside


def test_a_state_that_an_apply_began_meanwhile_is_replaced_while_it_knows_no_cluster() -> None:
    cloud, lost = applied(SPEC)
    disk = fresh_disk()
    assert rebuilding(cloud, REQUEST, disk, make=True)[0] == 0
    assert open_store(HOME, disk=disk).state.lineage == open_store(HOME, disk=lost).state.lineage


def test_a_state_of_another_lineage_that_knows_clusters_stays() -> None:
    cloud, _ = applied(SPEC)
    disk = fresh_disk()
    other = open_store(HOME, disk=disk)
    with other.lock("staging", "test"):
        other.write("staging", (PutCluster(cluster=states.cluster("staging")),), "because")
    with pytest.raises(Refused, match="of another lineage"):
        rebuilding(cloud, REQUEST, disk)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("none", "there is no state "),
        ("folder", "is no state: it is a folder"),
        ("fifo", "is no state: it is not a regular file"),
        ("huge", "is no state: it is larger than 64 MiB"),
    ],
)
def test_what_is_no_copy_of_a_state_is_one_sentence(folder: Path, what: str, says: str) -> None:
    """And neither hangs nor is read whole."""
    source = folder / what
    if what == "folder":
        source.mkdir()
    elif what == "fifo":
        os.mkfifo(source)
    elif what == "huge":
        with source.open("wb") as file:
            file.truncate(1 << 40)
    error = run(state, "push", str(source), "--yes").exception
    assert isinstance(error, DyniaError) and says in error.message


def held(folder: Path) -> tuple[str, ...]:
    found = open_store(folder).state.cluster("prod")
    assert found is not None
    services = tuple(one.service for one in found.holds)
    assert {one.service for one in found.kept_out} == {"api", "web"}.intersection(services)
    return services


def test_a_hold_is_taken_away_by_name_or_all_of_them(folder: Path) -> None:
    store = open_store(folder)
    home = store.state.cluster("prod")
    assert home is not None
    holds = tuple(Hold(service=name, release=f"{name}1", at=1) for name in ("api", "mailer", "web"))
    with store.lock("prod", "test"):
        out = tuple(KeptOut(service=name, node="web-1") for name in ("api", "web"))
        failed = msgspec.structs.replace(home, holds=holds, kept_out=out)
        store.write("prod", (PutCluster(cluster=failed),), "failed")
    done = run(unhold, "api", "--cluster", "prod")
    assert "Release api1 of api may be applied again." in done.output and held(folder) == ("mailer", "web")
    error = run(unhold, "api", "--cluster", "prod").exception
    assert isinstance(error, DyniaError) and error.hint == "on hold: mailer (mailer1), web (web1)"
    run(unhold, "--cluster", "prod")
    assert held(folder) == ()
    error = run(unhold, "--cluster", "prod").exception
    assert isinstance(error, DyniaError) and error.message == "cluster prod: nothing is on hold"
