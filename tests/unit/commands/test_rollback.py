"""`dynia rollback`: what it shows and says before any node is asked. What it does is in `services/test_rollback`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from dynia.commands import rollback
from dynia.interfaces.composition import brought_back, open_by_state
from dynia.interfaces.errors import DyniaError, NotObservedError, Refused
from dynia.interfaces.templates import builtin_templates
from dynia.services.planning.generations import Inputs
from dynia.services.rollback import Chosen
from dynia.state.generation import Generation, Rollback
from dynia.state.model import Cluster, Node, PutCluster, PutNode
from dynia.state.store import open_store
from tests.integration.node_scripts.sshd import free_port
from tests.plans import worlds

AT = 1_800_000_000


def generation(number: int, release: str, **more: object) -> Generation:
    made = Generation(
        number=number,
        last=number,
        digest=f"sha256:{number}",
        at=AT + number,
        by="ci@runner",
        releases={"service/api": release, "haproxy": "h"},
    )
    return replace(made, **more)


HOME = Cluster(
    name="prod",
    provider="ssh",
    generation=5,
    generations=(
        generation(1, "a"),
        generation(2, "b", last=4, commit="9d2e11a"),
        generation(5, "a", of=1),
    ),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a cluster with one host, at which nobody answers. No clusters.yaml."""
    node = Node(
        cluster="prod",
        name="web-1",
        ordinal=1,
        provider_id="web-1",
        address="127.0.0.1",
        port=free_port(),
        private_ip="198.18.0.1",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBoH4S9k7JdQ0H7OUTEUbkUGXvlxJSAdSkJbxrBJ9Gm5",
        bootstrapped=True,
        components={"service/api": "a", "haproxy": "h"},
    )
    store = open_store(tmp_path)
    with store.lock("prod", "test"):
        store.write("prod", (PutCluster(cluster=HOME), PutNode(node=node), PutCluster(cluster=HOME)), "x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("DYNIA_CLUSTER", "DYNIA_FILE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    from dynia.providers.ssh.keys import fresh_key

    private, _ = fresh_key()
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").write_text(private)
    (tmp_path / ".ssh" / "id_ed25519").chmod(0o600)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rollback.command, list(arguments))


def error(*arguments: str) -> DyniaError:
    raised = run(*arguments).exception
    assert isinstance(raised, DyniaError), raised
    return raised


def test_the_list_is_of_the_state_alone_the_newest_first(folder: Path) -> None:
    shown = run("--list").output.splitlines()
    assert [line.split()[0] for line in shown[1:]] == ["5", "2-4", "1"]
    assert "back on 1" in shown[1]
    assert "changed service api" in shown[2] and "by ci@runner (9d2e11a)" in shown[2]


def test_the_list_as_json(folder: Path) -> None:
    told = json.loads(run("--list", "--json").output)
    assert (told["format"], told["generation"], told["begun"]) == ("dynia.generations", 5, None)
    assert [(g["number"], g["last"], g["of"]) for g in told["generations"]] == [
        (5, 5, 1),
        (2, 4, 0),
        (1, 1, 0),
    ]


def test_one_that_was_begun_is_on_the_list(folder: Path) -> None:
    store = open_store(folder)
    with store.lock("prod", "test"):
        home = store.state.cluster("prod")
        assert home is not None
        store.write("prod", (PutCluster(cluster=replace(home, rollback=Rollback(to=2))),), "x")
    assert "A rollback to 2 was begun" in " ".join(run("--list").output.split())


def test_without_a_file_nodes_are_asked_and_what_each_said_is_told(folder: Path) -> None:
    raised = error("1", "--yes")
    assert isinstance(raised, NotObservedError)
    assert raised.message.startswith("cluster prod: no node that answers keeps generation 1")
    assert "web-1" in raised.message


def test_a_file_that_is_wrong_is_noted_and_not_asked(folder: Path) -> None:
    (folder / "clusters.yaml").write_text("clusters: {prod: {provider: {kind: ssh}, oops: 1}}\n")
    done = run("1", "--yes")
    assert isinstance(done.exception, NotObservedError)
    said = " ".join((done.output + done.stderr).split())
    assert "Note: clusters.yaml:1" in said and "the file is not asked" in said


def test_the_last_good_one_of_a_cluster_that_is_back_on_the_first_is_none(folder: Path) -> None:
    raised = error("--yes")
    assert isinstance(raised, Refused)
    assert raised.message == "cluster prod: no generation before this one is kept (kept: 1, 2 to 4, 5)"


@pytest.mark.parametrize(("asked", "said"), [("6", "generation 6 is not kept"), ("0", ""), ("--list", "")])
def test_what_makes_no_sense_costs_nothing(folder: Path, asked: str, said: str) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if asked == "6":
        assert said in error(asked, "--yes").message
    else:
        assert run(asked, "--service", "api").exit_code != 0
    kept = {path: path.read_bytes() for path in before if path.name != "current"}
    assert kept == before


def test_where_there_is_no_state_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clusters.yaml").write_text(
        "clusters: {prod: {provider: {kind: docker}, nodes: {count: 1}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    raised = error("--yes")
    assert "there is no state" in raised.message and "dynia state rebuild" in raised.hint
    assert not (tmp_path / "state.json").exists()


def test_dynia_s_own_templates_are_today_s_and_the_team_s_go_back(folder: Path) -> None:
    """A drain relies on what the Caddyfile of today says of its flag."""
    config = "haproxy/haproxy.cfg.mustache"
    store = open_store(folder)
    session = open_by_state(
        folder, store, "prod", None, emit=lambda event: None, lock_wait=0.0, term=30.0, environ={}
    )
    wanted = Inputs(spec=worlds.cluster(2, templates={config: "ours"}))
    chosen = Chosen(target=HOME.generations[0], newer=(), rollback=Rollback(to=1))
    back = brought_back(session, wanted, chosen, folder, {})
    assert back.templates == {**builtin_templates(), config: "ours"}
