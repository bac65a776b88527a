"""Bootstrap: only what is missing, our folders, keys and lineage; refuses a host of another state."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from dynia.interfaces.errors import Locked, Refused
from dynia.interfaces.node_requests import Bootstrapped
from dynia.providers.ssh import answers, messages
from tests.integration.node_scripts.machine import LINEAGE, Machine

TOOLS = {
    "apt-get": 'echo "$@" >>"$(dirname "$0")/calls"; echo "E: Unable to locate package"; case "$*" in *nowhere*) exit 100;; esac',
    "dpkg": ":",
}


def bootstrap(machine: Machine, *packages: str) -> Bootstrapped:
    tools = machine.root / "tools"
    tools.mkdir(exist_ok=True)
    for name, text in TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    raw = machine.run_with(tools, "bootstrap", (LINEAGE, "30"), messages.package_message(packages))
    return answers.parse_bootstrap(raw)


def calls(machine: Machine) -> list[str]:
    log = machine.root / "tools" / "calls"
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    (tmp_path / "bare").mkdir()
    return Machine(tmp_path / "bare")


def test_folders_lineage_and_keys_are_made_with_the_right_modes(bare: Machine) -> None:
    answer = bootstrap(bare)
    assert (answer.packages, answer.missing, answer.output) == ({}, (), "")
    opt, var = Path(bare.places.opt), Path(bare.places.var)
    modes = {str(p.relative_to(bare.root)): p.stat().st_mode & 0o7777 for p in (opt, var, *var.rglob("*"))}
    assert modes == {
        "opt/dynia": 0o755,
        "var/lib/dynia": 0o700,
        "var/lib/dynia/txn": 0o700,
        "var/lib/dynia/keys": 0o700,
        "var/lib/dynia/keys/inner": 0o600,
        "var/lib/dynia/keys/outer": 0o600,
        "var/lib/dynia/log": 0o600,
    }
    assert (opt / "lineage").read_text() == f"{LINEAGE}\n"
    assert (opt / "lineage").stat().st_mode & 0o7777 == 0o644
    assert bare.observe().lineage == LINEAGE


def test_a_second_bootstrap_changes_neither_keys_nor_lineage(bare: Machine) -> None:
    bootstrap(bare)
    var = Path(bare.places.var)
    before = [(var / "keys" / name).read_bytes() for name in ("inner", "outer")]
    bootstrap(bare)
    assert [(var / "keys" / name).read_bytes() for name in ("inner", "outer")] == before
    assert before[0] != before[1]


def test_what_is_there_is_not_installed_again(bare: Machine) -> None:
    answer = bootstrap(bare, "dash", "coreutils")
    assert (sorted(answer.packages), answer.missing, calls(bare)) == (["coreutils", "dash"], (), [])


def test_only_what_is_missing_is_installed_and_named_if_it_can_not_be_had(bare: Machine) -> None:
    answer = bootstrap(bare, "dash", "nowhere-to-be-found")
    assert answer.missing == ("nowhere-to-be-found",)
    assert "dash" in answer.packages
    assert "E: Unable to locate package" in answer.output
    update, install = calls(bare)
    assert update.endswith(" update")
    assert install.endswith("install --no-install-recommends nowhere-to-be-found")


def test_a_host_of_another_state_is_refused_and_left_alone(bare: Machine) -> None:
    bare.write("lineage", "0000\n")
    with pytest.raises(Refused, match=r"belongs to another state \(0000\)"):
        bootstrap(bare, "nowhere-to-be-found")
    assert calls(bare) == []
    assert not (Path(bare.places.var) / "keys").exists()


def test_a_busy_host_says_so(bare: Machine) -> None:
    bootstrap(bare)
    with (Path(bare.places.run) / "dynia.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Locked):
            bootstrap(bare)
