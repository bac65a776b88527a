"""`dynia context` and `dynia cluster list|show`: they read state and file, and ask nobody."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from dynia.commands import cluster, context
from dynia.interfaces.errors import DyniaError
from dynia.state.model import Applied, PutCluster, ReservedIp
from dynia.state.store import open_store
from tests.fakes import states


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below the one that holds the state of two clusters; no desired file."""
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        home = msgspec.structs.replace(
            states.cluster("prod"),
            generation=41,
            reserved_ip=ReservedIp(address="203.0.113.9"),
            applied=Applied(at=1_800_000_000, by="ci", commit="9d2e11a0"),
        )
        store.write("prod", (PutCluster(cluster=home),), "because")
        store.write("prod", (*states.born("prod", 1), *states.good("prod", 1, "caddy", "c1")), "because")
        store.write("prod", (states.services("prod", "api"),), "because")
        store.begin("prod", "node-2/provision", b"{}", states.begun("prod", 2))
    with store.lock("staging", "test"):
        store.write("staging", states.recorded("staging"), "because")
    below = tmp_path / "services" / "api"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DYNIA_CLUSTER", raising=False)
    monkeypatch.delenv("DYNIA_FILE", raising=False)
    return tmp_path


def run(group: object, *arguments: str) -> Result:
    return CliRunner().invoke(group.command, list(arguments), catch_exceptions=True)


def test_the_context_is_set_shown_and_cleared(folder):
    assert isinstance(run(context, "current").exception, DyniaError)
    assert run(context, "use", "staging").output == "Current cluster: staging\n"
    assert run(context, "current").output == "staging\n"
    assert open_store(folder).state.current_cluster == "staging"
    assert run(context, "clear").output == "No current cluster.\n"
    assert open_store(folder).state.current_cluster is None


def test_a_context_that_is_no_cluster_is_refused_with_the_choices(folder):
    error = run(context, "use", "pord").exception
    assert isinstance(error, DyniaError)
    assert "cluster pord, which is not known: there is prod and staging" in error.message
    assert open_store(folder).state.current_cluster is None


def test_the_list_marks_the_current_cluster(folder):
    run(context, "use", "prod")
    lines = run(cluster, "list").output.splitlines()
    assert lines[0].split() == ["cluster", "provider", "nodes", "generation", "applied"]
    assert lines[1].split()[:5] == ["*", "prod", "docker", "1", "41"]
    assert "by ci (9d2e11a), not in the file" in lines[1]
    assert lines[2].split()[:4] == ["staging", "docker", "0", "none"]
    assert run(context, "list").output.splitlines()[1:] == lines[1:]


def test_a_cluster_is_shown_as_it_was_applied_with_what_was_left_open(folder):
    shown = run(cluster, "show", "prod").output
    for text in (
        "prod · generation 41 · applied", "none 203.0.113.9", "node-1  MASTER  198.18.0.1  198.18.1.1  caddy",
        "api      http  r        api.example.com", "Unfinished: 1 step", "node-2/provision  create node",
    ):  # fmt: skip
        assert text in shown
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_the_json_names_its_format_and_version(folder):
    listed = json.loads(run(cluster, "list", "--json").output)
    assert (listed["format"], listed["version"]) == ("dynia.clusters", 1)
    assert [c["name"] for c in listed["clusters"]] == ["prod", "staging"]
    one = json.loads(run(cluster, "show", "prod", "--json").output)
    assert (one["format"], one["cluster"]["generation"]) == ("dynia.cluster", 41)
    assert [n["name"] for n in one["nodes"]] == ["node-1"]


def test_looking_changes_no_file(folder):
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    for arguments in (["list"], ["show", "prod"], ["list", "--json"]):
        assert run(cluster, *arguments).exit_code == 0
    run(context, "current")
    run(context, "list")
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*")} == before
