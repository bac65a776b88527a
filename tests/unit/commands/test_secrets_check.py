"""`dynia secrets check`, and applies where a source is missing: nothing is touched, and nothing of a value told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dynia.interfaces.cli import run

# Nobody listens there, so whatever goes wrong in here goes no further.
CLUSTERS = """\
clusters:
  prod:
    provider: {kind: ssh}
    nodes:
      - {name: a, host: 127.0.0.1, port: 1, private_ip: 198.18.0.1, host_key: KEY}
    services:
      api:
        compose: compose.yaml
        default: true
        secrets:
          - {name: A, env: PROD_A}
          - {name: B, command: "touch ran; echo hunter2"}
  staging:
    provider: {kind: docker}
    nodes: {count: 1}
    services:
      api:
        compose: compose.yaml
        default: true
        secrets: [{name: C, file: ./c}]
""".replace("KEY", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6Zxu0sv5z3P0kEcSBh2y9xDBWTyhoQ0dVbBrp2hJpd")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "clusters.yaml").write_text(CLUSTERS)
    (tmp_path / "compose.yaml").write_text("services: {web: {image: acme/api:1, expose: ['8080']}}\n")
    monkeypatch.chdir(tmp_path)
    for name in ("DYNIA_FILE", "DYNIA_CLUSTER", "PROD_A"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_what_is_missing_is_told_and_exits_with_1(
    team: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["secrets", "check", "--cluster", "prod", "--json"]) == 1
    out, _ = capsys.readouterr()
    assert "hunter2" not in out
    found = json.loads(out)["secrets"]
    assert [(one["name"], one["here"], one["where"].rpartition("/")[2]) for one in found] == [
        ("A", False, "clusters.yaml:11:13"),
        ("B", True, "clusters.yaml:12:13"),
    ]
    monkeypatch.setenv("PROD_A", "hunter3")
    assert run(["secrets", "check", "--cluster", "prod"]) == 0
    assert run(["secrets", "check"]) == 1
    assert "3 secrets, 2 here, 1 missing." in capsys.readouterr().out
    assert run(["secrets", "check", "--cluster", "pord"]) == 1
    assert "its clusters: prod, staging" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("apply", "--yes"),
        ("sync", "--yes"),
        ("deploy", "--name", "api", "--image", "acme/api:2", "--yes"),
    ],
    ids=lambda words: words[0],
)
def test_no_apply_begins_without_a_secret(
    team: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--cluster", "prod"]) == 1
    said = capsys.readouterr().err
    assert "a secret is missing; nothing was touched" in said and "PROD_A" in said and "hunter2" not in said
    assert (team / "clusters.yaml").read_text() == CLUSTERS


def test_what_only_looks_at_the_file_runs_no_command(team: Path) -> None:
    assert run(["validate"]) == 0
    assert run(["service", "list", "--cluster", "prod"]) == 0
    assert not (team / "ran").exists()
