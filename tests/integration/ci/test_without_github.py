"""The scripts for those without GitHub: a push is applied once, a failure again, and a night tells what drifted."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.state_world import git
from tests.fakes.cluster_repo import ClusterRepo
from tests.fakes.runner import DYNIA

STUB = """#!/bin/sh
echo "$@" >>"{folder}/said"
case "$*" in drift*) shift 4; echo "haproxy.cfg was edited" >"$1/drift.txt"; esac
exit "$(cat "{folder}/code")"
"""


class Machine:
    """A checkout at `here`, and a program `dynia` first in PATH that ends as it is told."""

    def __init__(self, repo: ClusterRepo, folder: Path) -> None:
        self.repo, self.folder, self.here = repo, folder, folder / "clusters"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "dynia").write_text(STUB.format(folder=folder))
        (self.bin / "mail").write_text(f'#!/bin/sh\necho "$@" >"{folder}/mailed"\ncat >>"{folder}/mailed"\n')
        (self.bin / "curl").write_text(f'#!/bin/sh\necho "$@" >"{folder}/curl"\ncat >"{folder}/url"\n')
        for program in self.bin.iterdir():
            program.chmod(0o755)
        git(folder, "clone", "-q", str(repo.origin), str(self.here))
        self.ends(0)

    def ends(self, code: int) -> None:
        (self.folder / "code").write_text(str(code))
        (self.folder / "said").write_text("")

    def run(self, script: str, *argv: str, **variables: str) -> int:
        environ = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.folder), **variables}
        path = self.here / "without-github" / script
        return subprocess.run(["sh", str(path), str(self.here), *argv], env=environ, check=False).returncode

    def said(self) -> list[str]:
        return (self.folder / "said").read_text().splitlines()


@pytest.fixture
def machine(repo: ClusterRepo, tmp_path: Path) -> Machine:
    return Machine(repo, tmp_path / "machine")


def test_what_was_pushed_is_applied_once_and_what_failed_again(machine: Machine) -> None:
    machine.ends(7)
    assert machine.run("apply.sh") != 0
    machine.ends(0)
    assert machine.run("apply.sh") == 0
    assert [line.split()[0] for line in machine.said()] == ["validate", "apply"]
    assert "--cluster prod --yes" in machine.said()[1]
    assert machine.run("apply.sh") == 0
    assert len(machine.said()) == 2
    machine.repo.image("2")
    commit = machine.repo.commit("main", "another image")
    assert machine.run("apply.sh") == 0
    assert len(machine.said()) == 4 and git(machine.here, "rev-parse", "HEAD") == commit


def test_a_hook_of_a_bare_repository_applies_what_it_received(machine: Machine) -> None:
    assert machine.run("apply.sh", GIT_DIR=str(machine.repo.origin)) == 0
    assert len(machine.said()) == 2


def test_dynia_itself_is_run_by_it(machine: Machine) -> None:
    (machine.bin / "dynia").unlink()
    (machine.bin / "dynia").symlink_to(DYNIA)
    assert machine.run("apply.sh") == 1  # these hosts cannot be reached
    assert not (machine.here / ".git" / "dynia-applied").exists()


@pytest.mark.parametrize("code", [0, 3, 4, 1])
def test_a_night_is_told_where_something_differs(machine: Machine, code: int) -> None:
    machine.ends(code)
    kept = machine.folder / "reports"
    url = "https://hooks.example.com/s3cret"
    assert machine.run("nightly.sh", str(kept), MAIL_TO="ops@example.com", WEBHOOK=url) == code
    assert len([*kept.iterdir()]) == 1
    mailed, posted = machine.folder / "mailed", machine.folder / "curl"
    assert mailed.exists() == posted.exists() == (code != 0)
    if code:
        assert ("haproxy.cfg was edited" if code in (3, 4) else "exit 1") in mailed.read_text()
        assert url not in posted.read_text() and url in (machine.folder / "url").read_text()
        (text,) = [json.loads(p.read_text())["text"] for p in kept.rglob("posted.json")]
        assert text and text in mailed.read_text()
