"""Law 4: what a person wrote where a push or removal died is not put back over, whoever comes next."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dynia.interfaces.node_requests import ExpectedFile, PushRequest, RemoveRequest
from dynia.providers.ssh import messages
from tests.integration.node_scripts.cuts import cut_at, place_of
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args, remove_args

CONFIG, PAGE, MAP, SECRET = "haproxy/haproxy.cfg", "haproxy/errors/503.http", "haproxy/new.map", "haproxy/key"
AT = {
    "before the swap": 'swap >>"$log" 2>&1 || fail swap',
    "after the swap": 'perform activate "$(left)" || fail activate',
}


def request(machine: Machine, version: str, **changes: object) -> PushRequest:
    """From what is there now; its activation makes the config live."""
    names = (CONFIG, MAP, SECRET)
    values: dict[str, object] = {
        "component": "haproxy",
        "lineage": LINEAGE,
        "files": tuple(machine.file(n, f"{version}\n", 0o640, secret=n == SECRET) for n in names),
        "delete": (machine.path(PAGE),) if Path(machine.path(PAGE)).exists() else (),
        "expected": machine.expectations(*names, PAGE),
        "activate": f"cat {machine.path(CONFIG)} >{machine.path('live')}",
        "probe_s": 0.0,
    }
    return PushRequest(**values | changes)  # type: ignore[arg-type]


def die(machine: Machine, planned: PushRequest, when: str) -> None:
    script = cut_at("push", place_of("push", AT[when]), 1)
    assert machine.cut(script, push_args(planned), messages.push_message(planned)) is None


def content(machine: Machine) -> dict[str, tuple[str, int]]:
    folder = Path(machine.places.opt)
    there = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): (p.read_text(), p.stat().st_mode & 0o7777) for p in there}


def edit(machine: Machine, how: str) -> str:
    """What a person does to one file of it; which."""
    name = {"comes back": PAGE, "new": MAP, "secret": SECRET}.get(how, CONFIG)
    path = Path(machine.path(name))
    match how:
        case "in place":
            with path.open("a") as file:
                file.write("by hand\n")
        case "mode":
            path.chmod(0o600)
        case "almost back":
            path.unlink()
            machine.write(name, "old config\n", 0o600)
        case "gone":
            path.unlink()
        case "link":
            path.unlink()
            path.symlink_to("kept")
        case _:
            path.unlink(missing_ok=True)
            machine.write(name, "by hand\n", 0o640)
    return name


EDITS = ("replaced", "almost back", "gone", "link", "comes back", "new", "secret")
# An original that is still in its place is kept with what is written into it.
MET = [(when, how) for when in AT for how in EDITS] + [
    ("after the swap", how) for how in ("in place", "mode")
]


@pytest.mark.parametrize("plan", ["from before", "from after"])
@pytest.mark.parametrize(("when", "how"), MET)
def test_a_push_that_was_planned_without_it_is_told_and_touches_nothing(
    machine: Machine, when: str, how: str, plan: str
) -> None:
    """A plan from after the death saw it half done; the edit came while somebody read that plan."""
    old = request(machine, "other")
    die(machine, request(machine, "new"), when)
    asked = old if plan == "from before" else request(machine, "new")
    edited = edit(machine, how)
    before = content(machine)
    answer = machine.push(asked)
    assert (answer.phase, answer.changed) == ("expected", (machine.path(edited),))
    assert content(machine) == before
    assert machine.observe().unfinished == ("haproxy",)
    assert machine.push(request(machine, "third")).phase == "done"
    assert machine.read("live") == "third\n"
    assert machine.observe().unfinished == ()


@pytest.mark.parametrize("how", ["in place", "mode"])
def test_what_was_written_into_an_original_stays_in_it(machine: Machine, how: str) -> None:
    asked = request(machine, "other")
    die(machine, request(machine, "new"), "before the swap")
    edit(machine, how)
    before = content(machine)
    answer = machine.push(asked)
    assert (answer.phase, answer.changed) == ("expected", (machine.path(CONFIG),))
    assert content(machine)[CONFIG] == before[CONFIG]


def test_a_removal_that_was_planned_without_it_is_told_too(machine: Machine) -> None:
    die(machine, request(machine, "new"), "after the swap")
    seen = machine.expectations(CONFIG, MAP, SECRET, "haproxy/kept")
    removal = RemoveRequest(
        component="haproxy", lineage=LINEAGE, paths=(machine.path("haproxy"),), expected=seen
    )
    edited = edit(machine, "replaced")
    before = content(machine)
    answer = machine.remove(removal)
    assert (answer.phase, answer.changed) == ("expected", (machine.path(edited),))
    assert content(machine) == before


@pytest.mark.parametrize("name", [CONFIG, "haproxy/notes/today.txt"])
def test_what_is_written_where_a_removal_died_is_not_put_back_over(machine: Machine, name: str) -> None:
    asked = request(machine, "other")
    removal = RemoveRequest(
        component="haproxy", lineage=LINEAGE, paths=(machine.path("haproxy"),), everything=True
    )
    script = cut_at("remove", place_of("remove", "commit"), 1)
    assert machine.cut(script, remove_args(removal), messages.remove_message(removal)) is None
    machine.write(name, "by hand\n")
    before = content(machine)
    answer = machine.push(asked)
    assert answer.phase == "expected"
    assert machine.path(CONFIG) in answer.changed
    assert content(machine) == before


def test_a_push_that_fails_puts_everything_back_but_what_was_written_meanwhile(machine: Machine) -> None:
    config, live = machine.path(CONFIG), machine.path("live")
    before = content(machine)
    answer = machine.push(
        request(
            machine,
            "new",
            activate=f"cat {machine.path(MAP)} >{live} || echo none >{live}",
            probe=f"echo by hand >>{config}; false",
        )
    )
    assert (answer.phase, answer.restored) == ("probe", False)
    assert f"{config} was changed since, and is left as it is" in answer.output
    after = content(machine)
    assert after.pop(CONFIG) == ("new\nby hand\n", 0o640)
    assert after == {n: c for n, c in before.items() if n != CONFIG} | {"live": ("none\n", 0o644)}
    again = machine.push(request(machine, "third", probe="false"))
    assert (again.phase, again.restored) == ("probe", True)
    assert machine.read(CONFIG) == "old config\n"
    assert machine.observe().unfinished == ()


def test_what_a_plan_saw_is_put_back_over_where_its_push_fails(machine: Machine) -> None:
    die(machine, request(machine, "new"), "after the swap")
    edit(machine, "replaced")
    answer = machine.push(request(machine, "third", probe="false"))
    assert (answer.phase, answer.restored) == ("probe", True)
    assert machine.read(CONFIG) == "old config\n"


def test_what_a_container_wrote_into_its_own_folder_is_put_back_over(machine: Machine) -> None:
    data = (machine.path("haproxy/errors"),)
    machine.write("haproxy/errors/seed", "old\n")
    seeds = (machine.file("haproxy/errors/seed", "new\n"),)
    old = machine.expectations("haproxy/errors/seed")
    die(machine, request(machine, "new", files=seeds, delete=(), expected=(), data=data), "after the swap")
    machine.write("haproxy/errors/seed", "by the container\n")
    answer = machine.push(request(machine, "new", files=seeds, delete=(), expected=old, data=data))
    assert answer.phase == "done"
    assert machine.read("haproxy/errors/seed") == "new\n"


def test_a_transaction_of_an_older_dynia_is_put_back_as_ever(machine: Machine) -> None:
    asked = request(machine, "other")
    die(machine, request(machine, "new"), "after the swap")
    (Path(machine.places.var) / "txn" / "haproxy" / "put").unlink()
    assert machine.push(asked).phase == "done"
    assert machine.read("live") == "other\n"


def test_of_a_file_with_a_secret_only_a_keyed_hash_is_kept(machine: Machine) -> None:
    die(machine, request(machine, "hunter2"), "after the swap")
    put = (Path(machine.places.var) / "txn" / "haproxy" / "put").read_text()
    plain = hashlib.sha256(b"hunter2\n").hexdigest()
    lines = {line.rpartition("/")[2]: line for line in put.splitlines()}
    assert plain in lines["haproxy.cfg"] and plain not in lines["key"]
    assert lines["key"].split(" ")[1].startswith("hmac:")


def test_a_path_with_a_backslash_is_known_again(machine: Machine) -> None:
    odd = "haproxy/it's \\net\\t $(odd) .map"
    old = (ExpectedFile(path=machine.path(odd), digest=""),)
    files = (machine.file(odd, "new\n"),)
    die(machine, request(machine, "new", files=files, delete=(), expected=()), "after the swap")
    assert machine.push(request(machine, "new", files=files, delete=(), expected=old)).phase == "done"
    Path(machine.path(odd)).unlink()
    die(machine, request(machine, "new", files=files, delete=(), expected=()), "after the swap")
    machine.write(odd, "by hand\n")
    answer = machine.push(request(machine, "new", files=files, delete=(), expected=old))
    assert answer.changed == (machine.path(odd),)
    assert machine.read(odd) == "by hand\n"
