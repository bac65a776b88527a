"""The verbs of saved plans as whole processes: over hosts where nobody listens, and a registry on this machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Registry

DYNIA = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "dynia"


def dynia(folder: Path, *argv: str) -> tuple[int, str, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("DYNIA_", "COLUMNS"))}
    done = subprocess.run(
        [str(DYNIA), *argv],
        cwd=folder,
        env={**environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, " ".join(done.stderr.split())


def kept(folder: Path) -> str:
    """The plan is kept; its digest."""
    code, out, told = dynia(folder, "plan", "--cluster", "prod", "--json", "--out", "prod.plan")
    assert code in (0, 4), told
    assert "Saved as prod.plan" in told
    digest: str = json.loads(out)["digest"]
    return digest


@pytest.mark.parametrize("way", ["file", "digest"])
def test_a_plan_is_kept_shown_and_taken_up_once(folder: Path, way: str) -> None:
    """The host is recorded, and then does not answer: the plan was taken up, without a question."""
    digest = kept(folder)
    code, out, _ = dynia(folder, "show", "prod.plan")
    assert code == 0 and f"Digest  {digest}" in out and "File and state are as they were" in out
    code, out, _ = dynia(folder, "plan", "--cluster", "prod", "--full")
    assert out.splitlines()[-2] == f"Digest  {digest}"
    arguments = ("prod.plan",) if way == "file" else ("--cluster", "prod", "--expect", digest)
    code, out, told = dynia(folder, "apply", *arguments)
    assert code not in (0, 1, 6), told
    nodes = json.loads((folder / "state.json").read_text())["nodes"]
    assert [node["name"] for node in nodes] == ["web-1"]
    code, _, told = dynia(folder, "apply", *arguments)
    assert code == 6, told
    assert "another apply ran since" in dynia(folder, "show", "prod.plan")[1]


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("greeting/text", "morning", "evening", "service api: greeting/text was edited"),
        ("compose.yaml", "8000", "8001", "service api: compose.yaml was edited"),
        ("clusters.yaml", "default: true", "default: true, health: {path: /up}", "clusters.yaml: services.api was edited"),
    ],
)  # fmt: skip
def test_what_was_edited_since_the_review_ends_in_exit_6(
    folder: Path, path: str, old: str, new: str, said: str
) -> None:
    digest = kept(folder)
    (folder / path).write_text((folder / path).read_text().replace(old, new))
    state = {p: p.read_bytes() for p in folder.rglob("state.json")}
    code, _, told = dynia(folder, "apply", "prod.plan")
    assert code == 6 and said in told, told
    code, _, told = dynia(folder, "apply", "--cluster", "prod", "--expect", digest)
    assert code == 6 and "not the one that was reviewed" in told and digest in told, told
    assert {p: p.read_bytes() for p in folder.rglob("state.json")} == state


def test_a_tag_that_moved_since_the_review_is_named(folder: Path) -> None:
    kept(folder)
    Registry.means = "2"
    code, _, told = dynia(folder, "apply", "prod.plan")
    assert code == 6 and "means sha256:222222222222 now, not sha256:111111111111" in told, told


def test_another_folder_makes_no_plan_stale(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    digest = kept(folder)
    elsewhere = tmp_path_factory.mktemp("checkout") / "deep"
    elsewhere.mkdir()
    subprocess.run(["cp", "-a", f"{folder}/.", str(elsewhere)], check=True)
    code, out, _ = dynia(elsewhere, "plan", "--cluster", "prod", "--json")
    assert json.loads(out)["digest"] == digest and code in (0, 4)
