"""What a service's containers write below its folder, by the real scripts: not looked at, kept by every push, gone with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynia.interfaces.node_requests import ExpectedFile, ObserveRequest, PushRequest, RemoveRequest
from tests.integration.node_scripts.machine import LINEAGE, Machine

API, DATA, SEED = "services/api", "services/api/da*[t]a", "services/api/da*[t]a/seed.sql"
ROWS = f"{DATA}/17/row one"


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.write(f"{API}/docker-compose.yml", "services\n")
    machine.write(f"{API}/conf/app.toml", "level = 1\n")
    machine.write(SEED, "create\n")
    machine.write(ROWS, "written\n", 0o600)
    os.chown(machine.path(DATA), 12345, 12345)
    return machine


def looking(machine: Machine, *data: str) -> ObserveRequest:
    return ObserveRequest(
        roots=(machine.places.opt,),
        paths=(machine.path(SEED), machine.path(f"{API}/docker-compose.yml")),
        data=tuple(machine.path(one) for one in data),
    )


def seen(machine: Machine, *data: str) -> tuple[ExpectedFile, ...]:
    """A plan that is made now names every file that a look tells of, and the folders with data."""
    return tuple(
        ExpectedFile(path=f.path, digest=f.digest, mode=f.mode, owner=f.owner)
        for f in machine.observe(looking(machine, *data)).files
        if f.path.startswith(machine.path(API)) and (f.kind != "dir" or f.path in map(machine.path, data))
    )


def test_a_look_tells_of_a_folder_with_data_and_of_files_of_the_release_there(machine: Machine) -> None:
    machine.write("services/api/data/x", "another folder, whose name the pattern would match")
    facts = machine.observe(looking(machine, DATA))
    there = {f.path.removeprefix(machine.path("")): f for f in facts.files}
    assert {name for name in there if name.startswith(f"{DATA}/")} == {SEED}
    assert (there[DATA].kind, there[DATA].owner, there[SEED].digest[:7]) == ("dir", "12345:12345", "sha256:")
    assert {"services/api/data/x", f"{API}/conf/app.toml"} <= there.keys()


def test_where_the_whole_folder_is_written_into_only_files_of_the_release_are_looked_at(
    machine: Machine,
) -> None:
    facts = machine.observe(looking(machine, API))
    there = [f.path.removeprefix(machine.path("")) for f in facts.files]
    assert [name for name in there if name.startswith(API)] == [API, SEED, f"{API}/docker-compose.yml"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_push_keeps_data_and_stages_none_of_it(machine: Machine, fails: bool) -> None:
    list_stage = f'cd "$STAGE"; find . -type f | sort >{machine.path("staged")}'
    before = Path(machine.path(ROWS)).stat()
    answer = machine.push(
        PushRequest(
            component="service/api",
            lineage=LINEAGE,
            files=(machine.file(SEED, "create more\n"), machine.file(f"{API}/docker-compose.yml", "new\n")),
            expected=tuple(file for file in seen(machine, DATA) if file.digest),
            data=(machine.path(DATA),),
            check=list_stage,
            activate="false" if fails else "true",
        )
    )
    assert answer.phase == ("activate" if fails else "done")
    stage = machine.path("").removeprefix("/")
    assert [name.removeprefix(f"./{stage}") for name in machine.read("staged").splitlines()] == [
        f"{API}/conf/app.toml",
        SEED,
        f"{API}/docker-compose.yml",
    ]
    after = Path(machine.path(ROWS)).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert machine.read(SEED) == ("create\n" if fails else "create more\n")


def removing(machine: Machine, *data: str) -> RemoveRequest:
    return RemoveRequest(
        component="service/api",
        lineage=LINEAGE,
        paths=(machine.path(API),),
        expected=seen(machine, *data),
    )


@pytest.mark.parametrize("data", [DATA, API])
def test_data_goes_with_its_service_whatever_was_written_since_the_plan(machine: Machine, data: str) -> None:
    request = removing(machine, data)
    machine.write(f"{DATA}/18/row", "written since")
    assert machine.remove(request).phase == "done"
    assert not Path(machine.path(API)).exists()


def test_what_came_beside_the_data_is_not_removed(machine: Machine) -> None:
    request = removing(machine, DATA)
    machine.write(f"{API}/notes.txt", "mine")
    machine.write("services/api/data/x", "mine")
    answer = machine.remove(request)
    came = (f"{API}/data/x", f"{API}/notes.txt")
    assert (answer.phase, answer.changed) == ("expected", tuple(map(machine.path, came)))
    assert machine.read(ROWS) == "written\n"


def test_data_is_not_taken_for_what_was_planned_as_a_file(machine: Machine) -> None:
    """A file became a folder: what is in there nobody has seen."""
    request = removing(machine, DATA)
    app = Path(machine.path(f"{API}/conf/app.toml"))
    app.unlink()
    machine.write(f"{API}/conf/app.toml/mine", "mine")
    answer = machine.remove(request)
    assert answer.phase == "expected" and str(app) in answer.changed
    assert (app / "mine").exists()
