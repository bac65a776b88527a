"""A removal on a node: deactivated first, then its paths are gone, and nothing else."""

from __future__ import annotations

from pathlib import Path

from dynia.interfaces.node_requests import RemoveRequest
from tests.integration.node_scripts.machine import LINEAGE, Machine


def removal(machine: Machine, *paths: str, deactivate: str = "", everything: bool = False) -> RemoveRequest:
    """Planned now: what is there is what was seen."""
    prefix = f"{machine.places.opt}/"
    seen = (
        name
        for name, file in machine.files().items()
        if file.kind != "dir" and any(f"{prefix}{name}/".startswith(f"{path}/") for path in paths)
    )
    return RemoveRequest(
        component="haproxy",
        lineage=LINEAGE,
        paths=tuple(paths),
        deactivate=deactivate,
        expected=() if everything else machine.expectations(*seen),
        everything=everything,
    )


def test_paths_are_gone_after_the_component_was_deactivated(machine: Machine) -> None:
    machine.write("caddy/Caddyfile", "x")
    config, live = machine.path("haproxy/haproxy.cfg"), machine.path("live")
    answer = machine.remove(
        removal(machine, machine.path("haproxy"), deactivate=f"grep old {config}; echo stopped >{live}")
    )
    assert (answer.phase, answer.files) == ("done", ())
    assert sorted(machine.files()) == ["caddy", "caddy/Caddyfile", "lineage", "live"]
    assert machine.read("live") == "stopped\n"


def test_a_removal_can_be_repeated(machine: Machine) -> None:
    for _ in "12":
        assert machine.remove(removal(machine, machine.path("haproxy"))).phase == "done"


def test_what_changed_since_the_plan_is_not_removed(machine: Machine) -> None:
    request = removal(machine, machine.path("haproxy"))
    machine.write("haproxy/kept", "edited")
    answer = machine.remove(request)
    assert (answer.phase, answer.changed) == ("expected", (machine.path("haproxy/kept"),))
    assert machine.read("haproxy/kept") == "edited"


def test_what_came_since_the_plan_is_not_removed(machine: Machine) -> None:
    unit, live = machine.path("unit.conf"), machine.path("live")
    request = removal(machine, machine.path("haproxy"), unit, deactivate=f"echo stopped >{live}")
    machine.write("haproxy/by/hand/it's $(mine) \\n.txt", "a hot-fix")
    Path(machine.path("haproxy/link")).symlink_to("kept")
    machine.write("unit.conf", "somebody's")
    answer = machine.remove(request)
    came = ("haproxy/by/hand/it's $(mine) \\n.txt", "haproxy/link", "unit.conf")
    assert (answer.phase, answer.changed) == ("expected", tuple(machine.path(name) for name in came))
    assert (machine.read(came[0]), machine.read("unit.conf")) == ("a hot-fix", "somebody's")
    assert (machine.read("haproxy/kept"), machine.read("live")) == ("kept\n", "old config\n")


def test_strays_that_were_seen_and_what_no_look_tells_of_go_with_a_folder(machine: Machine) -> None:
    machine.write("caddy/notes.txt", "seen")
    request = removal(machine, machine.path("caddy"))
    machine.write("caddy/drain/api", "1")
    Path(machine.path("caddy/empty")).mkdir()
    assert machine.remove(request).phase == "done"
    assert not Path(machine.path("caddy")).exists()


def test_a_component_that_can_not_be_deactivated_keeps_its_files(machine: Machine) -> None:
    answer = machine.remove(removal(machine, machine.path("haproxy"), deactivate="echo busy; exit 9"))
    assert (answer.phase, answer.restored) == ("deactivate", True)
    assert answer.output == "busy\ndeactivate: exit 9"
    assert machine.read("haproxy/kept") == "kept\n"


def test_a_link_is_removed_and_not_what_it_points_to(machine: Machine, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "file").touch()
    Path(machine.path("haproxy/link")).symlink_to(foreign)
    assert machine.remove(removal(machine, machine.path("haproxy"))).phase == "done"
    assert (foreign / "file").exists()


def test_everything_of_ours_can_be_removed_with_the_lineage(machine: Machine) -> None:
    request = removal(machine, machine.places.opt, machine.places.var, everything=True)
    machine.write("notes.txt", "since the plan")
    assert machine.remove(request).phase == "done"
    left = [str(p.relative_to(machine.root)) for p in machine.root.rglob("*") if not p.is_dir()]
    assert left == []
    assert not Path(machine.places.var).exists()


def test_removing_from_a_host_that_has_nothing_of_ours_leaves_nothing(tmp_path: Path) -> None:
    fresh = Machine(tmp_path / "fresh")
    fresh.root.mkdir()
    assert fresh.remove(removal(fresh, fresh.places.opt, fresh.places.var, everything=True)).phase == "done"
    assert not Path(fresh.places.opt).exists()
    assert not Path(fresh.places.var).exists()
