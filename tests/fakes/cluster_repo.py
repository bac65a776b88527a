"""A copy of examples/cluster-repo with a bare origin, branches, merges, and a runner for its workflows."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from tests.contract.state_world import git
from tests.fakes.github import REPO, GitHub
from tests.fakes.runner import DYNIA, ROOT, Job, Runner, Running

EXAMPLE = ROOT / "examples" / "cluster-repo"
PINNED = "sha256:" + "a" * 64


class ClusterRepo:
    """`work` is where people commit. Each job gets a clone of its own, as from actions/checkout."""

    def __init__(self, folder: Path, hub: GitHub, variables: dict[str, str] | None = None) -> None:
        self.folder, self.hub, self.variables = folder, hub, variables or {}
        self.origin, self.work = folder / "origin.git", folder / "work"
        self.program = DYNIA
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.origin))
        shutil.copytree(EXAMPLE, self.work)
        git(self.work, "init", "-q", "-b", "main")
        git(self.work, "remote", "add", "origin", str(self.origin))

    def without_nodes(self) -> ClusterRepo:
        """Hosts that refuse every connection, and images that nobody has to be asked for."""
        text = (self.work / "clusters.yaml").read_text()
        for number in (1, 2, 3):
            text = text.replace(f"host: 203.0.113.1{number}", f"host: 127.0.0.{number}, port: 9")
        text = text.replace("    entry:", f'    caddy: {{image: "caddy:2.10@{PINNED}"}}\n    entry:')
        (self.work / "clusters.yaml").write_text(text)
        self.image("1")
        self.commit("main", "hosts")
        return self

    def image(self, tag: str) -> None:
        compose = self.work / "site" / "compose.yaml"
        lines = [f"    image: example.com/site:{tag}@{PINNED}" if "image:" in line else line
                 for line in compose.read_text().splitlines()]  # fmt: skip
        compose.write_text("\n".join(lines) + "\n")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.work / path).read_text()
        assert old in text, f"{old!r} is not in {path}"
        (self.work / path).write_text(text.replace(old, new))

    def branch(self, name: str) -> None:
        """A new one, from main as it is at the origin."""
        git(self.work, "fetch", "-q", "origin")
        git(self.work, "checkout", "-q", "-B", name, "origin/main")

    def commit(self, branch: str, said: str) -> str:
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", said)
        git(self.work, "push", "-q", "origin", f"HEAD:{branch}")
        return git(self.work, "rev-parse", "HEAD")

    def merge(self, number: int, branch: str) -> str:
        """As the button does it; the commit that is then on main."""
        self.branch("main")
        git(self.work, "fetch", "-q", "origin", branch)
        git(self.work, "merge", "-q", "--no-ff", "-m", f"Merge #{number}", "FETCH_HEAD")
        git(self.work, "push", "-q", "origin", "HEAD:main")
        commit = git(self.work, "rev-parse", "HEAD")
        self.hub.merge(number, commit)
        return commit

    # Jobs

    def plan(self, number: int, branch: str, *, home: str = REPO, token: str = "", actor: str = "ada") -> Job:
        """The workflow of a pull request, on the merge of its branch with main."""
        if number not in self.hub.pulls:
            self.hub.pull(number)
        runner = self._runner(branch)
        head = git(runner.checkout, "rev-parse", "HEAD")
        git(runner.checkout, "merge", "-q", "--no-ff", "-m", "merge", "origin/main")
        runner.variables["GITHUB_ACTOR"] = actor
        runner.token = token or runner.token
        pull = {"number": number, "head": {"sha": head, "repo": {"full_name": home}}}
        payload = {"number": number, "pull_request": pull}
        return runner.run("plan", "pull_request", payload, git(runner.checkout, "rev-parse", "HEAD"))

    def apply(self, commit: str, *, token: str = "", inputs: Mapping[str, str] | None = None) -> Job:
        return self.begin_apply(commit, token=token, inputs=inputs).finish()

    def begin_apply(
        self, commit: str, *, token: str = "", inputs: Mapping[str, str] | None = None
    ) -> Running:
        runner = self._runner("main", commit)
        runner.token = token or runner.token
        return runner.begin("apply", "workflow_dispatch" if inputs else "push", {}, commit, inputs=inputs)

    def nightly(self) -> Job:
        runner = self._runner("main")
        return runner.run("nightly", "schedule", {}, git(runner.checkout, "rev-parse", "HEAD"))

    def _runner(self, branch: str, commit: str = "") -> Runner:
        here = self.folder / f"run-{uuid.uuid4().hex[:6]}"
        git(self.folder, "clone", "-q", "-b", branch, str(self.origin), str(here))
        if commit:
            git(here, "checkout", "-q", commit)
        return Runner(
            here, self.folder / "temp", self.hub.url, variables=dict(self.variables), program=self.program
        )
