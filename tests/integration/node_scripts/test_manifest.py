"""The manifest on a real file system: a push like any other, and an observation that tells its seal."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from dynia.interfaces.node_requests import ExpectedFile, ObserveRequest, PushRequest
from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh import messages
from dynia.services.actions.write_manifest import MANIFEST
from dynia.state.manifest import MODE, Sealer, read_seal
from tests.integration.node_scripts.cuts import cut_at, cuttable
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args
from tests.unit.state.test_manifest import state_of


def path_on(machine: Machine) -> str:
    return f"{machine.places.var}/manifest.json"


def content(serial: int) -> bytes:
    return Sealer(state_of("prod"), "prod").content("node-1", serial=serial, fencing=0)


def request(machine: Machine, serial: int, expected: ExpectedFile | None = None) -> PushRequest:
    path = path_on(machine)
    return PushRequest(
        component=MANIFEST,
        lineage=LINEAGE,
        files=(ReleaseFile(path=path, mode=MODE, content=content(serial)),),
        expected=(expected or ExpectedFile(path=path, digest=""),),
        activate=f"sync {path}\n",
    )


def look(machine: Machine) -> tuple[NodeFacts, FileSeen | None]:
    path = path_on(machine)
    facts = machine.observe(ObserveRequest(roots=(machine.places.opt,), paths=(path,)))
    return facts, next((f for f in facts.files if f.path == path), None)


def as_seen(machine: Machine) -> ExpectedFile:
    _, file = look(machine)
    assert file is not None
    return ExpectedFile(path=file.path, digest=file.digest, mode=file.mode, owner=file.owner)


def test_it_is_observed_as_it_was_written(machine: Machine) -> None:
    assert look(machine)[0].manifest == ""
    assert machine.push(request(machine, 7)).phase == "done"
    facts, file = look(machine)
    assert file is not None and (file.mode, file.kind) == (MODE, "file")
    assert file.digest == Sealer(state_of("prod"), "prod").digest_of("node-1", serial=7, fencing=0)
    seal = read_seal(facts.manifest)
    assert seal is not None and (seal.node, seal.serial) == ("node-1", 7)


def test_one_that_was_written_since_the_look_stays(machine: Machine) -> None:
    """A runner that wakes late changes nothing: what it saw is not there any more."""
    machine.push(request(machine, 7))
    seen = as_seen(machine)
    assert machine.push(request(machine, 8, seen)).phase == "done"
    answer = machine.push(request(machine, 6, seen))
    assert (answer.phase, answer.changed) == ("expected", (path_on(machine),))
    assert Path(path_on(machine)).read_bytes() == content(8)


def test_of_another_state_a_host_takes_none(machine: Machine) -> None:
    answer = machine.push(replace(request(machine, 7), lineage="another"))
    assert answer.phase == "lineage" and not Path(path_on(machine)).exists()


@pytest.mark.parametrize("odd", ["", "no seal", "{\n", "x" * 100_000, "\x1b[31mred\n", "\x00\x01section\n"])
def test_whatever_lies_there_is_told_harmlessly(machine: Machine, odd: str) -> None:
    Path(path_on(machine)).write_text(odd)
    facts, file = look(machine)
    assert file is not None and read_seal(facts.manifest) is None
    assert facts.manifest.isprintable() and len(facts.manifest) <= 4000


def test_a_folder_in_its_place_is_told_too(machine: Machine) -> None:
    Path(path_on(machine)).mkdir()
    facts, file = look(machine)
    assert file is not None and (file.kind, facts.manifest) == ("dir", "")


def test_killed_it_is_the_old_one_or_the_new_one_and_a_repeat_ends_well(
    machine: Machine,
) -> None:
    machine.push(request(machine, 7))
    # Every command of a push is cut in test_cut.py; here some, along the whole way.
    for number in range(2, cuttable("push")[1], 12):
        Path(path_on(machine)).write_bytes(content(7))
        seen = as_seen(machine)
        asked = request(machine, 8, seen)
        machine.run_and_kill(cut_at("push", number, 1), push_args(asked), messages.push_message(asked))
        assert Path(path_on(machine)).read_bytes() in (content(7), content(8))
        now = as_seen(machine)
        assert machine.push(replace(request(machine, 9), expected=(now,))).phase == "done"
        facts, _ = look(machine)
        assert facts.unfinished == () and Path(path_on(machine)).read_bytes() == content(9)
