"""Where secrets come from: each source in its bounds, what is missing told at once, and no value in what is told."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynia.interfaces import secret_sources
from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import (
    AgeSource,
    ClusterSpec,
    CommandSource,
    FileSource,
    SecretSource,
    VariableSource,
)
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.files.dotenv import read_dotenv
from dynia.interfaces.secret_sources import IDENTITY, all_secrets, looked_for, secrets_here
from tests.examples import examples
from tests.plans import worlds

VALUE = "correct horse battery"
# What means something in an env file.
ODD = st.sampled_from("'\"$\\ #={}`\n\r\t")
FOLDER = "/opt/dynia/services/api/.dynia-secrets"


def cluster(source: SecretSource, **more: object) -> ClusterSpec:
    secret = worlds.secret("KEY", "", source=source, **more)
    return worlds.cluster(services=(worlds.service(secrets=(secret,)),))


def shell(text: str, folder: Path) -> CommandSource:
    return CommandSource(command=("sh", "-c", text), folder=str(folder))


def encrypted(path: Path, identity: pyrage.x25519.Identity, *, armored: bool = False) -> AgeSource:
    path.write_bytes(pyrage.encrypt(VALUE.encode(), [identity.to_public()], armored=armored))
    return AgeSource(age=str(path))


def refused(spec: ClusterSpec, environ: dict[str, str]) -> str:
    with pytest.raises(DyniaError) as caught:
        all_secrets(spec, environ)
    (one,) = looked_for(spec, environ)
    assert one.reason.splitlines()[0] in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("kind", ["env", "file", "command", "age", "armored", "identity in a file"])
def test_every_source_gives_its_value(kind: str, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"# created: today\n{identity}\n")
    (tmp_path / "value").write_text(f"{VALUE}\n")
    environ = {"PROD_KEY": VALUE, IDENTITY: str(tmp_path / "key") if " " in kind else str(identity)}
    sources: dict[str, SecretSource] = {
        "env": VariableSource(env="PROD_KEY"),
        "file": FileSource(file=str(tmp_path / "value")),
        "command": shell("cat value", tmp_path),
    }
    source = sources.get(kind) or encrypted(tmp_path / "age", identity, armored=kind == "armored")
    assert all_secrets(cluster(source), environ) == {f"{FOLDER}/KEY.env": f"KEY='{VALUE}'\n".encode()}
    here = secrets_here(cluster(source), environ)
    assert bool(here) == (kind != "command")


def test_no_command_runs_until_all_are_asked_for(tmp_path: Path) -> None:
    spec = cluster(shell("echo ran | tee mark", tmp_path))
    assert secrets_here(spec, {}) == {} and not (tmp_path / "mark").exists()
    assert all_secrets(spec, {}) and (tmp_path / "mark").exists()


@settings(max_examples=examples(), deadline=None)
@given(
    st.text(st.one_of(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), ODD), min_size=1)
)
def test_compose_reads_the_variable_as_it_was(value: str) -> None:
    meant = value.removesuffix("\n").removesuffix("\r")
    spec = cluster(VariableSource(env="PROD_KEY"))
    content = all_secrets(spec, {"PROD_KEY": value})[f"{FOLDER}/KEY.env"]
    assert read_dotenv("KEY.env", content, {}, strict=True).values == {"KEY": meant}


@settings(max_examples=examples(), deadline=None)
@given(begin=st.binary(min_size=1, max_size=50), end=st.sampled_from([b"", b"\n", b" \r\n"]))
def test_a_mounted_file_has_every_byte(
    begin: bytes, end: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    value = begin + end
    file = tmp_path_factory.getbasetemp() / "value"
    file.write_bytes(value)
    spec = cluster(FileSource(file=str(file)), mount="/run/secrets/KEY")
    assert all_secrets(spec, {}) == {f"{FOLDER}/KEY": value}


def test_each_missing_one_is_told_with_its_source_and_its_place(tmp_path: Path) -> None:
    gone = worlds.secret(
        "GONE", "", source=FileSource(file=str(tmp_path / "none")), where="clusters.yaml:12:9"
    )
    unset = worlds.secret("UNSET", "PROD_UNSET")
    spec = worlds.cluster(services=(worlds.service(secrets=(gone, unset)),))
    with pytest.raises(DyniaError) as caught:
        all_secrets(spec, {})
    first, *lines = caught.value.message.splitlines()
    assert first == "cluster prod: 2 secrets are missing; nothing was touched"
    assert lines == [
        f"  clusters.yaml:12:9 · service api · GONE (file {tmp_path}/none): it cannot be read: no such file or directory",
        "  clusters.yaml:9:13 · service api · UNSET (env PROD_UNSET): the variable is not set",
    ]
    assert caught.value.exit_code == 1 and "secrets check" in caught.value.hint


def test_an_empty_one_is_missing(tmp_path: Path) -> None:
    (tmp_path / "value").touch()
    for source in (
        VariableSource(env="E"),
        FileSource(file=str(tmp_path / "value")),
        shell("true", tmp_path),
    ):
        assert "it is empty" in refused(cluster(source), {"E": ""})


def test_what_a_variable_cannot_hold_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"hunter2\0")
    (tmp_path / "odd").write_bytes(b"hunter2\xff")
    assert "a zero byte" in refused(cluster(FileSource(file=str(tmp_path / "value"))), {})
    said = refused(cluster(FileSource(file=str(tmp_path / "odd"))), {})
    assert "not UTF-8" in said and "hunter2" not in said


def test_a_command_that_fails_is_told_with_its_errors_and_without_what_it_printed(tmp_path: Path) -> None:
    said = refused(cluster(shell(f"echo {VALUE}; echo 'not {VALUE}: signed out' >&2; exit 4", tmp_path)), {})
    assert "KEY (command): exit 4" in said and "not [redacted]: signed out" in said and VALUE not in said


def test_a_command_is_bounded_in_size_and_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for how in ("yes", "yes >&2", "head -c 1048577 /dev/zero"):
        assert "it prints more than 1 MiB" in refused(cluster(shell(how, tmp_path), mount="/k"), {})
    monkeypatch.setattr(secret_sources, "COMMAND_S", 0.1)
    started = "echo $$ >pid; exec tail -f /dev/null"
    assert "no end within 0.1 s" in refused(cluster(shell(started, tmp_path)), {})
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_an_age_file_without_the_right_identity_is_missing(tmp_path: Path) -> None:
    spec = cluster(encrypted(tmp_path / "age", pyrage.x25519.Identity.generate()))
    other = str(pyrage.x25519.Identity.generate())
    assert f"{IDENTITY} is not set" in refused(spec, {})
    assert f"cannot be decrypted with {IDENTITY}" in refused(spec, {IDENTITY: other})
    for odd in (f"{other}x", f"{other}\nhunter2"):
        said = refused(spec, {IDENTITY: odd})
        assert "no identity of age" in said and other not in said and "hunter2" not in said
    assert "the file that" in refused(spec, {IDENTITY: str(tmp_path / "none")})
    (tmp_path / "none").touch()
    assert "holds no identity" in refused(spec, {IDENTITY: str(tmp_path / "none")})
    (tmp_path / "age").write_bytes(b"age-encryption.org/v1\nhunter2")
    assert "hunter2" not in refused(spec, {IDENTITY: other})


def test_the_place_is_where_the_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services: {web: {image: a/b:1, expose: ['80']}, job: {image: a/c:1}}\n"
    )
    (tmp_path / "clusters.yaml").write_text(
        "clusters:\n  prod:\n    provider: {kind: docker}\n    nodes: {count: 1}\n    services:\n      api:\n"
        "        compose: compose.yaml\n        default: true\n        secrets:\n"
        "          - {name: B, file: ./b}\n"
        "          - {name: A, command: op read a, containers: [job], mount: /run/secrets/A, mode: '0444'}\n"
    )
    a, b = load(tmp_path / "clusters.yaml").clusters[0].services[0].secrets
    assert (a.where.rpartition("/")[2], b.where.rpartition("/")[2]) == (
        "clusters.yaml:11:13",
        "clusters.yaml:10:13",
    )
    assert (a.source, b.source) == (shell("op read a", tmp_path), FileSource(file=str(tmp_path / "b")))
    assert (a.containers, a.mount, a.mode) == (("job",), "/run/secrets/A", 0o444)
    assert (b.containers, b.mount, b.mode) == (("job", "web"), "", 0o600)
