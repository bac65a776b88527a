"""`dynia init` writes a file that is right; what a command cannot do yet, or must not, leaves the folder as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynia.commands.editing import _from_here
from dynia.interfaces.cli import run
from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import ClusterSpec

COMPOSE = 'services: {web: {image: "ghcr.io/acme/api:1", expose: ["8000"]}}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("DYNIA_FILE", "DYNIA_CLUSTER", "DIGITALOCEAN_REGION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def made(folder: Path) -> ClusterSpec:
    (spec,) = load(folder / "clusters.yaml").clusters
    return spec


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


INITS = [
    ["--provider", "docker", "--nodes", "3"],
    ["--provider", "ssh", "--host", "web-1,203.0.113.11,10.0.0.11", "--host", "web-2,203.0.113.12"],
]


@pytest.mark.parametrize("flags", INITS)
@pytest.mark.parametrize(
    "service", [[], ["--compose", "./api/c.yaml", "--domain", "a.example.com", "--health", "/h"]]
)
def test_init_writes_a_commented_file_that_validates(
    folder: Path, flags: list[str], service: list[str]
) -> None:
    (folder / "api").mkdir()
    (folder / "api" / "c.yaml").write_text(COMPOSE)
    assert run(["init", "--name", "prod", *flags, *service]) == 0
    assert run(["validate"]) == 0
    assert (made(folder).name, made(folder).nodes) == ("prod", 3 if "docker" in flags else 2)
    assert [each.name for each in made(folder).services] == (["web"] if service else [])
    assert (folder / "clusters.yaml").read_text().count("#") > 4


@pytest.mark.parametrize("flags", INITS)
def test_every_comment_of_the_first_file_that_is_a_key_is_right_without_its_sign(
    folder: Path, flags: list[str]
) -> None:
    (folder / "c.yaml").write_text(COMPOSE)
    assert run(["init", "--name", "prod", *flags, "--compose", "c.yaml", "--domain", "a.example.com"]) == 0
    lines = (folder / "clusters.yaml").read_text().splitlines()
    keys = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and line.startswith("    ") else line
        for line in lines
    ]
    assert keys != lines
    text = "\n".join(keys).replace("web:8080", "web:8000")
    (folder / "clusters.yaml").write_text(text)
    assert made(folder).services[0].health.path == "/healthz"


def test_init_writes_over_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "clusters.yaml").write_text("mine")
    assert run(["init", "--name", "prod", "--provider", "docker", "--nodes", "3"]) == 1
    assert "there already" in capsys.readouterr().err
    assert (folder / "clusters.yaml").read_text() == "mine"


def test_without_a_terminal_what_is_missing_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, flag in (
        (["init"], "--provider"),
        (["init", "--provider", "docker"], "--name"),
        (["init", "--provider", "docker", "--name", "a"], "--nodes"),
        (["init", "--provider", "ssh", "--name", "a"], "--host"),
        (["cluster", "create", "a", "--nodes", "2"], "--size"),
        (["cluster", "create", "a", "--nodes", "2", "--size", "s"], "--region"),
    ):
        assert run(arguments) == 1
        assert f"{flag} is not said" in capsys.readouterr().err
    assert files(folder) == []


@pytest.mark.parametrize(
    "before", [None, "# mine\nclusters: {a: {provider: {kind: docker}, nodes: {count: 1}}}"]
)
def test_without_a_token_nothing_is_asked_of_a_vendor_and_the_file_is_as_before(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is not None:
        (folder / "clusters.yaml").write_text(before)
    monkeypatch.setenv("DIGITALOCEAN_REGION", "lon1")
    monkeypatch.delenv("DIGITALOCEAN_ACCESS_TOKEN", raising=False)
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    assert run(["cluster", "create", "b", "--nodes", "2", "--size", "s-1vcpu-1gb", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "DIGITALOCEAN_ACCESS_TOKEN is not set" in said and "droplet:create" in said
    assert "CLOUDFLARE_API_TOKEN is not set: no name is bound" in said
    if before is None:
        assert not (folder / "clusters.yaml").exists()
    else:
        assert (folder / "clusters.yaml").read_text() == before


FILE = """\
clusters:
  a:
    provider: &lab {kind: docker}
    nodes: &three {count: 3}
    services: {api: {compose: ./c.yaml, domains: [a.example.com]}}
  b: {provider: *lab, nodes: *three}
"""


def test_what_cannot_be_spliced_is_printed_and_not_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "clusters.yaml").write_text(FILE)
    (folder / "c.yaml").write_text(COMPOSE)
    there = files(folder)
    assert run(["cluster", "scale", "a", "4", "--yes"]) == 1
    said = capsys.readouterr().err
    assert "      a:\n" in said and "        nodes: {count: 4}" in said
    assert "nothing was changed" in said
    assert ((folder / "clusters.yaml").read_text(), files(folder)) == (FILE, there)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cluster", "create", "a", "--nodes", "2", "--provider", "docker"], "another one than this"),
        (["cluster", "scale", "c", "2"], "names cluster c, which is not known"),
        (["cluster", "scale", "a", "2", "--cluster", "b"], "are two clusters"),
        (["undeploy", "apj", "--cluster", "a"], "no service apj"),
        (["deploy", "--name", "api", "--image", "A B", "--cluster", "a"], "is not an image"),
        (["deploy", "--name", "api", "--image", "a", "--domain", "b.de", "--cluster", "a"], "--image changes the image alone"),
        (["deploy", "--name", "api", "--cluster", "a"], "say what changes"),
        (["deploy", "--name", "api", "--compose", "./none.yaml", "--cluster", "a"], "none.yaml: no such file"),
        (["deploy", "--name", "api", "--domain", "https://x", "--cluster", "a"], "a domain has no scheme"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_touched(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (folder / "clusters.yaml").write_text(FILE)
    (folder / "c.yaml").write_text(COMPOSE)
    there = files(folder)
    assert run([*arguments, *([] if "--yes" in arguments else ["--yes"])]) == 1
    assert words in " ".join(capsys.readouterr().err.split())
    assert ((folder / "clusters.yaml").read_text(), files(folder)) == (FILE, there)


@pytest.mark.parametrize(
    ("here", "typed", "said"),
    [
        (".", "./api/c.yaml", "./api/c.yaml"),
        (".", "api/c.yaml", "api/c.yaml"),
        ("api", "c.yaml", "./api/c.yaml"),
        ("api", "../../c.yaml", "../c.yaml"),
        ("api", "/srv/c.yaml", "/srv/c.yaml"),
    ],
)
def test_a_path_is_typed_from_here_and_written_from_the_files_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, here: str, typed: str, said: str
) -> None:
    (folder / "api").mkdir()
    monkeypatch.chdir(folder / here)
    assert _from_here(typed, folder / "clusters.yaml") == said
