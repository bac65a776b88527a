"""The state in git: two clones of one repository, a protected main, and an apply that is killed in one of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.contract.state_world import GitWorld, git
from tests.e2e.scratch import Scratch, applied

pytestmark = pytest.mark.lab


@pytest.fixture
def running(lab: Lab) -> Iterator[Scratch]:
    """Its state does not stay in its folder, so nobody gets it afterwards."""
    with applied(lab, "g") as made:
        yield made


@pytest.fixture
def clones(running: Scratch, tmp_path: Path) -> Iterator[tuple[Scratch, GitWorld, Path]]:
    """The folder of a running cluster becomes a clone of a repository whose branches take no push any more."""
    world = GitWorld(tmp_path).begin()
    (world.remote / "hooks" / "pre-receive").unlink()
    git(running.folder, "init", "-q", "-b", "main")
    (running.folder / ".gitignore").write_text("*.log\n.dynia/\n")
    git(running.folder, "remote", "add", "origin", str(world.remote))
    text = (running.folder / "clusters.yaml").read_text()
    running.write("clusters.yaml", f"state: {{kind: git, lease: 10s}}\n{text}")
    git(running.folder, "add", "clusters.yaml", "compose.yaml", ".gitignore")
    git(running.folder, "commit", "-q", "-m", "clusters")
    git(running.folder, "push", "-q", "--force", "origin", "main")
    hook = world.remote / "hooks" / "pre-receive"
    hook.write_text(GitWorld.HOOK)
    hook.chmod(0o755)
    # A repository has a lab of its own, unless one is named.
    running.variables["DYNIA_LAB"] = running.lab.root
    other = running.folder.with_name(f"{running.name}-other")
    git(running.folder, "clone", "-q", str(world.remote), str(other))
    first = running.folder
    yield running, world, other
    running.folder = first
    shutil.rmtree(other)


@pytest.mark.slow
def test_an_apply_killed_in_one_clone_is_finished_from_the_other(
    clones: tuple[Scratch, GitWorld, Path],
) -> None:
    cluster, world, other = clones
    main = git(world.remote, "rev-parse", "main")
    cluster.dynia("plan")  # the first run puts the state into git
    assert not (cluster.folder / "state.json").exists()
    cluster.edit("clusters.yaml", "default: true", "default: true\n        domains: [git.test]")
    begun = cluster.begin("apply", "--yes")
    before = int(git(world.remote, "rev-list", "--count", "refs/dynia/state"))
    while (
        begun.poll() is None
        and int(git(world.remote, "rev-list", "--count", "refs/dynia/state")) < before + 6
    ):
        continue
    cluster.kill(begun)
    text = (cluster.folder / "clusters.yaml").read_text()
    cluster.folder = other
    cluster.write("clusters.yaml", text)
    cluster.dynia("apply", "--yes", exits=5)
    cluster.dynia("apply", "--yes", "--lock-wait", "1m")
    assert cluster.dynia("plan", "--detailed-exitcode").exit == 0
    refs = git(world.remote, "for-each-ref", "--format=%(refname)").split()
    assert refs == ["refs/dynia/state", "refs/heads/main"]
    assert git(world.remote, "rev-parse", "main") == main
    assert git(other, "status", "--porcelain", "--untracked-files=no").split() == ["M", "clusters.yaml"]
