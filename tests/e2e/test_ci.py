"""CI on a cluster repository, on real nodes: what was reviewed is applied, a hot fix stops it, merges queue."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.contract.state_world import git
from tests.e2e.look import look, touched
from tests.e2e.scratch import Scratch, write_hello
from tests.fakes.cluster_repo import ClusterRepo
from tests.fakes.github import GitHub

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"


class Team:
    """The repository, GitHub beside it, and the cluster that both are about."""

    def __init__(self, cluster: Scratch, hub: GitHub, folder: Path) -> None:
        self.cluster, self.hub = cluster, hub
        # A repository has a lab of its own, unless one is named.
        self.repo = ClusterRepo(folder, hub, {"DYNIA_LAB": cluster.lab.root})
        self.number = 0
        work = self.repo.work
        write_hello(cluster)
        text = (cluster.folder / "clusters.yaml").read_text()
        (work / "clusters.yaml").write_text(f"state: {{kind: git, lease: 10s}}\n{text}")
        shutil.copy(cluster.folder / "compose.yaml", work)
        for path in (work / ".github" / "workflows").glob("*.yml"):
            path.write_text(path.read_text().replace("[prod]", f"[{cluster.name}]"))
        self.first()

    def first(self) -> None:
        """The state goes to git, and the cluster is there: by hand, as docs/ci.md says."""
        self.repo.commit("main", "clusters")
        self.cluster.variables["DYNIA_LAB"] = self.cluster.lab.root
        self.cluster.folder = self.repo.work
        self.cluster.apply()

    def asks(self, tag: str) -> int:
        """A pull request for another image, planned."""
        self.number += 1
        name = f"image-{tag}-{self.number}"
        self.repo.branch(name)
        self.tag(tag)
        self.repo.commit(name, f"hello:{tag}")
        assert self.repo.plan(self.number, name).exit == 0
        return self.number

    def tag(self, tag: str) -> None:
        compose = self.repo.work / "compose.yaml"
        lines = [f"    image: dynia-lab/hello:{tag}" if "image:" in line else line
                 for line in compose.read_text().splitlines()]  # fmt: skip
        compose.write_text("\n".join(lines) + "\n")

    def merge(self, number: int, tag: str) -> str:
        return self.repo.merge(number, f"image-{tag}-{number}")

    def served(self) -> str:
        """What the reserved IP answers; the state is in git."""
        clusters = json.loads(self.cluster.dynia("state", "pull").stdout)["clusters"]
        (mine,) = (one for one in clusters if one["name"] == self.cluster.name)
        return self.cluster.get(str(mine["reservedIp"]["address"]))


@pytest.fixture(scope="module")
def team(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """What CI said is kept in `ci-said` of the lab's folder, one file for each text."""
    said = lab.folder / "ci-said"
    shutil.rmtree(said, ignore_errors=True)
    cluster = Scratch(lab, f"ci-{time.time_ns() % 10**6}")
    home = cluster.folder
    try:
        with GitHub(keep=said).serving() as hub:
            yield Team(cluster, hub, tmp_path_factory.mktemp("ci") / "repo")
            assert hub.unknown == []
    finally:
        cluster.folder = home
        cluster.remove()


def test_a_second_push_edits_the_comment_and_the_merge_applies_what_it_says(team: Team) -> None:
    before = look(team.cluster)
    number = team.asks("2")
    (first,) = team.hub.on(number)
    assert "hello:1" in first and "hello:2" in first
    (team.repo.work / "compose.yaml").write_text(
        (team.repo.work / "compose.yaml").read_text() + "    environment: {TURN: two}\n"
    )
    team.repo.commit(f"image-2-{number}", "and more")
    assert team.repo.plan(number, f"image-2-{number}").exit == 0
    (second,) = team.hub.on(number)
    assert "TURN" in second and second != first
    assert touched(before, look(team.cluster)) == set(), "a plan touches nothing"
    job = team.repo.apply(team.merge(number, "2"))
    assert job.exit == 0, job.log
    assert "version 2" in team.served()
    assert "**Applied.**" in team.hub.on(number)[1]
    settled = look(team.cluster)
    assert team.repo.apply(git(team.repo.work, "rev-parse", "HEAD")).exit == 0
    assert touched(settled, look(team.cluster)) == set(), "that plan was applied"


def test_a_hot_fix_after_the_review_stays_and_the_comment_names_it(team: Team) -> None:
    number = team.asks("1")
    node = sorted(team.cluster.nodes())[-1]
    team.cluster.sh(node, f"echo '# 3 am' >>{HAPROXY}")
    before = look(team.cluster)
    job = team.repo.apply(team.merge(number, "1"))
    assert job.exit == 6, job.log
    assert touched(before, look(team.cluster)) == set()
    said = team.hub.on(number)[1]
    assert "Nothing was touched" in said and HAPROXY in said and node in said
    again = team.repo.apply(
        git(team.repo.work, "rev-parse", "HEAD"),
        inputs={"cluster": team.cluster.name, "digest": job.outputs["digest"]},
    )
    assert again.exit == 0, again.log
    assert "3 am" not in team.cluster.sh(node, f"cat {HAPROXY}")


def test_of_two_merges_at_once_the_second_waits_and_finds_its_plan_stale(team: Team) -> None:
    first = team.asks("2")
    second = team.number = first + 1
    team.repo.branch("named")
    team.repo.edit("clusters.yaml", "default: true", "default: true\n        domains: [ci.test]")
    team.repo.commit("named", "a name")
    assert team.repo.plan(second, "named").exit == 0
    one = team.repo.begin_apply(team.merge(first, "2"))
    other = team.repo.begin_apply(team.repo.merge(second, "named"))
    jobs = [one.finish(), other.finish()]
    assert [job.exit for job in jobs] == [0, 6], "\n".join(job.log for job in jobs)
    assert "version 2" in team.served()
    said = team.hub.on(second)[1]
    # Whoever was first: that of the second has both changes now.
    assert "another apply ran since" in said or "was edited" in said
    assert jobs[1].outputs["digest"] in said


def test_a_job_that_is_cancelled_is_finished_by_the_next(team: Team) -> None:
    number = team.asks("1")
    commit = team.merge(number, "1")
    job = team.repo.begin_apply(commit)
    until = time.monotonic() + 120
    # Once the first step is at work.
    while "pass 1" not in job.log.read_text() and job.process is not None and job.process.poll() is None:
        assert time.monotonic() < until
    job.cancel()
    assert job.finish().exit == 130, job.job.log
    assert "Run the job again" in team.hub.on(number)[1]
    again = team.repo.apply(commit)
    assert again.exit == 0, again.log
    assert "version 1" in team.served()
    assert team.cluster.dynia("plan", "--detailed-exitcode").exit == 0
