"""`dynia rehearse`: whole clusters of the example file, played here; nothing is left, and nothing was reached."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab, find_lab

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
DYNIA = Path(sys.executable).with_name("dynia")
ACTS = ["plan", "apply", "stay inside", "serve", "failover", "plan again", "destroy"]


@pytest.fixture
def folder(lab: Lab) -> Path:
    """The example and all that it names, in a folder of its own."""
    made = lab.folder / "rehearsals" / "example"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    shutil.copy(ROOT / "clusters.example.yaml", made / "clusters.yaml")
    shutil.copytree(ROOT / "examples", made / "examples")
    return made


def rehearse(folder: Path, *argv: str, exits: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [DYNIA, "rehearse", *argv],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == exits, f"{done.stdout}\n{done.stderr}"
    return done


def left(folder: Path) -> list[str]:
    """What a rehearsal of this folder could leave behind, told by Docker and nft themselves."""
    lab = find_lab(folder, {"DYNIA_LAB": str(folder / ".dynia" / "rehearsal")})
    found = []
    for kind in ("container", "volume", "network"):
        everything = ["--all"] if kind == "container" else []
        argv = ["docker", kind, "ls", "--quiet", *everything, "--filter", lab.mark]
        found += subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    found += [line for line in tables.splitlines() if lab.name in line]
    return [*found, *(str(p) for p in (folder / ".dynia").glob("**/*") if p.is_file())]


@pytest.mark.parametrize(
    "cluster",
    [
        "prod",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("cloud", "staging", "trial", "proxied", "intranet")
        ),
    ],
)
def test_a_cluster_of_the_example_is_played_whole_and_leaves_nothing(folder: Path, cluster: str) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    done = rehearse(folder, "--cluster", cluster, "--json")
    (report,) = json.loads(done.stdout)["clusters"]
    print(*(f"{act['name']}: {act['seconds']} s, {act['said']}" for act in report["acts"]), sep="\n")
    assert report["ok"] and report["elsewhere"] == []
    names = [act["name"] for act in report["acts"]]
    assert names == [name for name in ACTS if name != "failover" or report["nodes"] > 1]
    assert left(folder) == []
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_what_cannot_serve_is_found_before_production_is(folder: Path) -> None:
    """A template of the team's own that forgets a port: every file is well-formed, and nothing would answer."""
    own = folder / "examples" / "reference" / "templates" / "haproxy" / "haproxy.cfg.mustache"
    built_in = (ROOT / "templates" / "haproxy" / "haproxy.cfg.mustache").read_text()
    assert "bind *:80" in built_in
    own.write_text(built_in.replace("bind *:80", "bind *:8081"))
    done = rehearse(folder, "--cluster", "prod", exits=1)
    last = done.stdout.splitlines()
    assert any(line.startswith("  NO serve") for line in last), done.stdout
    assert "It does not hold: serve failed" in done.stdout
    assert left(folder) == []
