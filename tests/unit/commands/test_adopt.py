"""`dynia rollback --adopt`: what the file is made to say asks for what runs, and what no file is to have is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from dynia.commands.adopting import Adopted, adopted, show_adopted, write_adopted
from dynia.commands.output import Output
from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import Refused, Stale
from dynia.services import adoption
from dynia.services.planning.content import content_of
from dynia.services.planning.generations import digest_of, inputs_of, read, written
from tests.plans import worlds

CLUSTERS = """\
# the team's file
clusters:
  prod:
    provider: {kind: docker}
    nodes: {count: 3}
    firewall: {ssh: any, http: any}
    services:
      api:                       # the one
        compose: ./api/compose.yaml
        domains: [api.example.com]
        health: {path: /healthz}
        env: {LEVEL: info}
"""
COMPOSE = """\
services:
  web:
    image: registry.example/api:${TAG}
    environment: {LEVEL: "${LEVEL}"}
    expose: ["8080"]
    volumes: ["./config:/etc/app:ro"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "api" / "config").mkdir(parents=True)
    (tmp_path / "clusters.yaml").write_text(CLUSTERS)
    (tmp_path / "api" / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "api" / ".env").write_text("TAG=1.8\n")
    (tmp_path / "api" / "config" / "app.toml").write_text("level = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def now() -> ClusterSpec:
    (spec,) = load(Path("clusters.yaml")).clusters
    return spec


def kept() -> ClusterSpec:
    """What a generation of this file is, once it was read from a node again."""
    spec = now()
    inputs = inputs_of(worlds.start(spec), spec)
    return read("node", written(inputs), digest_of(inputs)).spec


def change(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def paper() -> tuple[Output, io.StringIO]:
    """An output, and what stands on it."""
    text = io.StringIO()
    return Output(text, text, io.StringIO(), {}), text


def adopt(then: ClusterSpec) -> Adopted:
    return adopted(Path("clusters.yaml"), now(), then)


def asks_for(then: ClusterSpec) -> None:
    """The file now wants, service for service, what ran then."""
    bare = [replace(s, source="", files=()) for s in now().services]
    assert bare == [replace(s, source="", files=()) for s in then.services]
    mine, theirs = content_of(now(), {}), content_of(then, {})
    services = [part for part in mine if part.of.startswith("service ")]
    assert services == [part for part in theirs if part.of.startswith("service ")]


def test_a_file_that_says_it_already_is_left_alone(folder: Path) -> None:
    assert adopt(kept()) == Adopted(edits=(), left=())


def test_secrets_are_written_as_the_entry_had_them_and_their_sources_are_nobody_elses(folder: Path) -> None:
    change("clusters.yaml", "env: {", "secrets: [{name: KEY, file: ~/key}]\n        env: {")
    then = kept()
    assert [one.source for one in then.services[0].secrets] == [None]
    assert adopt(then) == Adopted(edits=(), left=())
    change("clusters.yaml", "name: KEY", "name: OTHER")
    found = adopt(then)
    assert found.left == () and [edit.path for edit in found.edits] == ["clusters.yaml"]
    write_adopted(found, paper()[0], beside=False)
    assert now().services[0].secrets[0].name == "KEY"


def test_keys_compose_file_and_mounted_files_are_written_and_comments_stay(folder: Path) -> None:
    then = kept()
    change("clusters.yaml", "[api.example.com]", "[v2.example.com]\n        default: true")
    change("clusters.yaml", "LEVEL: info", "LEVEL: debug")
    change("clusters.yaml", "http: any", "http: [203.0.113.0/24]")
    change("api/compose.yaml", "registry.example/api", "registry.example/other")
    change("api/config/app.toml", "1", "2")
    found = adopt(then)
    assert [edit.path for edit in found.edits] == [
        "clusters.yaml",
        "api/compose.yaml",
        "api/config/app.toml",
    ]
    assert found.left == ()
    assert Path("api/config/app.toml").read_text() == "level = 2\n", "nothing is written before the yes"
    write_adopted(found, paper()[0], beside=False)
    assert Path("clusters.yaml").read_text() == CLUSTERS
    assert Path("api/compose.yaml").read_text() == COMPOSE
    asks_for(then)


def test_a_service_that_went_comes_back_and_one_that_came_goes(folder: Path) -> None:
    Path("api/.env").unlink()
    change("clusters.yaml", "{LEVEL: info}", '{LEVEL: info, TAG: "1.8"}')
    then = kept()
    change("clusters.yaml", "      api: ", "      web: ")
    change("clusters.yaml", "./api/", "./web/")
    Path("api").rename("web")
    Path("web/config/app.toml").rename("web/config/other.toml")
    found = adopt(then)
    assert found.left == ()
    write_adopted(found, paper()[0], beside=False)
    assert Path("api/config/app.toml").read_text() == "level = 1\n"
    asks_for(then)


def test_where_it_cannot_be_read_with_the_edits_nothing_is_written(folder: Path) -> None:
    """The service is gone with its `.env`, which no node gives back to a repository."""
    then = kept()
    change("clusters.yaml", "      api: ", "      web: ")
    change("clusters.yaml", "./api/", "./web/")
    Path("api").rename("web")
    with pytest.raises(Refused, match="the file cannot be made to say it"):
        adopt(then)
    assert not Path("api").exists()


def test_what_is_secret_is_never_written_and_told_by_name(folder: Path) -> None:
    then = kept()
    change("api/.env", "TAG=1.8", "TAG=1.9\nPASSWORD=hunter2-hunter2")
    found = adopt(then)
    assert found.edits == ()
    assert "service api: TAG in .env or env: differs" in found.left
    assert "service api: PASSWORD in .env or env: differs" in found.left
    output, text = paper()
    show_adopted(found, output, beside=False)
    said = text.getvalue()
    assert "yours to change" in said and "hunter2" not in said and "1.8" not in said


def test_a_file_that_has_to_go_is_told(folder: Path) -> None:
    then = kept()
    Path("api/config/new.toml").write_text("x\n")
    assert adopt(then).left == ("service api: config/new.toml has to go",)


def test_what_somebody_edits_meanwhile_is_not_written_over(folder: Path) -> None:
    then = kept()
    change("api/config/app.toml", "1", "2")
    found = adopt(then)
    change("api/config/app.toml", "2", "3")
    with pytest.raises(Stale):
        write_adopted(found, paper()[0], beside=False)
    assert Path("api/config/app.toml").read_text() == "level = 3\n"


def test_templates_of_the_team_s_own_come_back(folder: Path) -> None:
    own = folder / "templates" / "haproxy"
    own.mkdir(parents=True)
    from dynia.interfaces.templates import builtin_templates

    name = "haproxy/haproxy.cfg.mustache"
    (own / "haproxy.cfg.mustache").write_text(builtin_templates()[name] + "# then\n")
    change("clusters.yaml", "    services:\n", "    templates: ./templates\n    services:\n")
    then = kept()
    change("templates/haproxy/haproxy.cfg.mustache", "# then", "# now")
    found = adopt(then)
    assert [edit.path for edit in found.edits] == ["templates/haproxy/haproxy.cfg.mustache"]
    assert found.left == () and found.edits[0].after.endswith(b"# then\n")


def test_what_cannot_be_spliced_is_told_and_the_rest_is_written(folder: Path) -> None:
    """The entry stands under an alias: another service has it too, and must not change with this one."""
    shared = CLUSTERS.replace("      api:    ", "      api: &api").replace(
        "env: {LEVEL: info}", "env: &env {LEVEL: info}"
    )
    Path("clusters.yaml").write_text(shared)
    then = kept()
    change("clusters.yaml", "{LEVEL: info}", "{LEVEL: debug}")
    with Path("clusters.yaml").open("a") as file:
        file.write("x-shared: *env\n")
    change("api/config/app.toml", "1", "2")
    found = adopt(then)
    assert [edit.path for edit in found.edits] == ["api/config/app.toml"]
    assert found.left == (
        "service api: LEVEL in .env or env: differs",
        "clusters.yaml: clusters.prod.services.api.env.LEVEL",
    )


@pytest.mark.parametrize(
    "path", ["../elsewhere/compose.yaml", "/tmp/elsewhere/compose.yaml", "a/../../x.yaml"]
)
def test_no_node_makes_it_write_outside_of_the_folder(folder: Path, path: str) -> None:
    """A node tells where the compose file was. What it says is data."""
    then = kept()
    (service,) = then.services
    told = service.as_written.replace(b"./api/compose.yaml", path.encode())
    hostile = replace(then, services=(replace(service, as_written=told, compose=b"services: {}\n"),))
    wish = adoption.adopt(now(), hostile, {})
    assert wish.files == {}


@pytest.mark.parametrize(
    "told", [b"", b"words", b"[1]", b'{"compose": 7}', b'{"compose": null, "x": {}}', b"[" * 9000]
)
def test_what_a_node_tells_of_an_entry_may_be_anything(folder: Path, told: bytes) -> None:
    then = kept()
    (service,) = then.services
    wish = adoption.adopt(now(), replace(then, services=(replace(service, as_written=told),)), {})
    assert wish.files == {}
