"""Laws 4 and 10: a link that a container made in a folder of its own leads nothing of ours out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynia.interfaces.errors import ApplyFailed
from dynia.interfaces.node_requests import ExpectedFile, ObserveRequest, PushRequest, RemoveRequest
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.scripts import script
from dynia.services.actions.component import must_be_done
from tests.integration.node_scripts.cuts import cut_at, place_of
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args

COMPOSE, DATA = "services/api/docker-compose.yml", "services/api/data"
X, FILE, DEEP = f"{DATA}/x", f"{DATA}/x/file", f"{DATA}/x/deep/er/file"


@pytest.fixture
def foreign(machine: Machine, tmp_path: Path) -> Path:
    """What is not ours, beside a service whose containers write into `data`."""
    machine.write(COMPOSE, "old\n")
    machine.write(f"{DATA}/rows", "written\n")
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "file").write_text("not ours\n")
    return folder


def plant(machine: Machine, foreign: Path, at: str = X) -> None:
    Path(machine.path(at)).parent.mkdir(parents=True, exist_ok=True)
    Path(machine.path(at)).symlink_to(foreign)


def untouched(foreign: Path) -> bool:
    return [path.name for path in foreign.rglob("*")] == ["file"] and (
        foreign / "file"
    ).read_text() == "not ours\n"


def request(machine: Machine, *names: str, **changes: object) -> PushRequest:
    values: dict[str, object] = {
        "component": "service/api",
        "lineage": LINEAGE,
        "files": tuple(machine.file(name, "new\n") for name in (*names, COMPOSE)),
        "data": (machine.path(DATA),),
        "probe_s": 0.0,
    }
    return PushRequest(**values | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [FILE, DEEP])
@pytest.mark.parametrize("deed", ["write", "delete"])
def test_a_push_that_would_go_behind_it_is_refused_and_touches_nothing(
    machine: Machine, foreign: Path, deed: str, name: str
) -> None:
    plant(machine, foreign)
    asked = request(machine, name) if deed == "write" else request(machine, delete=(machine.path(name),))
    answer = machine.push(asked)
    assert (answer.phase, answer.changed) == ("link", (machine.path(X),))
    assert untouched(foreign) and machine.read(COMPOSE) == "old\n"
    with pytest.raises(ApplyFailed, match=f"web-1 · service/api · {machine.path(X)}: a link") as caught:
        must_be_done("web-1", "service/api", answer)
    assert f"dynia node ssh web-1 -- ls -l {machine.path(X)}" in caught.value.hint
    Path(machine.path(X)).unlink()
    assert machine.push(asked).phase == "done"


def test_the_first_one_on_the_way_is_named(machine: Machine, foreign: Path) -> None:
    (foreign / "deep").symlink_to(foreign)
    plant(machine, foreign)
    answer = machine.push(request(machine, f"{X}/deep/file"))
    assert (answer.phase, answer.changed) == ("link", (machine.path(X),))


def test_a_removal_that_would_go_behind_it_is_refused(machine: Machine, foreign: Path) -> None:
    plant(machine, foreign)
    removal = RemoveRequest(
        component="service/api", lineage=LINEAGE, paths=(machine.path(FILE),), everything=True
    )
    answer = machine.remove(removal)
    assert (answer.phase, answer.changed) == ("link", (machine.path(X),))
    assert untouched(foreign)


def test_a_service_goes_with_its_links_and_not_with_what_they_lead_to(
    machine: Machine, foreign: Path
) -> None:
    plant(machine, foreign)
    seen = (ExpectedFile(path=machine.path(DATA), digest="", mode=0o755), *machine.expectations(COMPOSE))
    answer = machine.remove(
        RemoveRequest(
            component="service/api", lineage=LINEAGE, paths=(machine.path("services/api"),), expected=seen
        )
    )
    assert answer.phase == "done"
    assert untouched(foreign) and not Path(machine.path("services/api")).exists()


@pytest.mark.parametrize("secret", [False, True])
def test_a_look_tells_nothing_of_what_is_behind_it(machine: Machine, foreign: Path, secret: bool) -> None:
    plant(machine, foreign)
    path = machine.path(FILE)
    asked = ObserveRequest(
        roots=(machine.places.opt,),
        paths=(path,),
        data=(machine.path(DATA),),
        secret_paths=(path,) if secret else (),
    )
    facts = machine.observe(asked)
    assert path not in {file.path for file in facts.files}


def test_a_file_that_is_behind_one_since_the_plan_counts_as_changed(machine: Machine, foreign: Path) -> None:
    """Though what is found there is the same, byte for byte."""
    machine.write(FILE, "not ours\n")
    (seen,) = machine.expectations(FILE)
    Path(machine.path(FILE)).unlink()
    Path(machine.path(X)).rmdir()
    plant(machine, foreign)
    answer = machine.push(request(machine, expected=(seen,)))
    assert (answer.phase, answer.changed) == ("expected", (machine.path(FILE),))


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize("deed", ["write", "delete"])
@pytest.mark.parametrize("phase", ["stage", "swap"])
def test_one_that_is_made_in_the_middle_of_a_push_leads_nothing_out(
    machine: Machine, foreign: Path, phase: str, deed: str, was_there: bool
) -> None:
    """After everything was compared, before or after the originals are kept: nothing is done but from within."""
    if was_there:
        machine.write(FILE, "old\n")
    make = f"rm -rf {machine.path(X)}; ln -s {foreign} {machine.path(X)}"
    files = (FILE,) if deed == "write" else ()
    asked = request(machine, *files, delete=() if files else (machine.path(FILE),))
    text, swap = script("push"), 'swap >>"$log" 2>&1 || fail swap'
    keep = next(line for line in text.splitlines() if "| keep >>" in line)
    begin = swap if phase == "swap" else keep
    raw = machine.cut(
        text.replace(begin, f"{make}\n{begin}", 1), push_args(asked), messages.push_message(asked)
    )
    assert raw is not None
    answer = answers.parse_push(raw)
    assert (answer.phase, answer.restored) == (phase, not was_there or phase == "stage")
    assert "a link leads elsewhere" in answer.output
    assert untouched(foreign) and machine.read(COMPOSE) == "old\n"


@pytest.mark.parametrize("was_there", [False, True])
def test_a_put_back_after_one_was_made_leads_nothing_out(
    machine: Machine, foreign: Path, was_there: bool
) -> None:
    if was_there:
        machine.write(FILE, "old\n")
    old = machine.expectations(COMPOSE)
    planned = request(machine, FILE)
    place = place_of("push", 'perform activate "$(left)" || fail activate')
    assert machine.cut(cut_at("push", place, 1), push_args(planned), messages.push_message(planned)) is None
    assert machine.read(FILE) == "new\n"
    Path(machine.path(FILE)).unlink()
    Path(machine.path(X)).rmdir()
    plant(machine, foreign)
    answer = machine.push(request(machine, expected=old))
    assert answer.phase == ("stage" if was_there else "done")
    assert untouched(foreign)


def test_our_folder_may_itself_be_somewhere_else(machine: Machine) -> None:
    elsewhere = machine.root / "disk"
    os.rename(machine.places.opt, elsewhere)
    Path(machine.places.opt).symlink_to(elsewhere)
    assert machine.push(request(machine, FILE)).phase == "done"
    assert (elsewhere / FILE).read_text() == machine.read(FILE) == "new\n"
