"""A removal on a node: deactivated first, then its paths are gone, and nothing else."""

from __future__ import annotations

from pathlib import Path

from dynia.interfaces.node_requests import RemoveRequest
from tests.integration.node_scripts.machine import LINEAGE, Machine


def removal(
    machine: Machine, *paths: str, deactivate: str = "", expected: tuple[str, ...] = ()
) -> RemoveRequest:
    return RemoveRequest(
        component="haproxy",
        lineage=LINEAGE,
        paths=tuple(paths),
        deactivate=deactivate,
        expected=machine.expectations(*expected),
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
    request = removal(machine, machine.path("haproxy"))
    assert (machine.remove(request).phase, machine.remove(request).phase) == ("done", "done")


def test_what_changed_since_the_plan_is_not_removed(machine: Machine) -> None:
    request = removal(machine, machine.path("haproxy"), expected=("haproxy/kept",))
    machine.write("haproxy/kept", "edited")
    answer = machine.remove(request)
    assert (answer.phase, answer.changed) == ("expected", (machine.path("haproxy/kept"),))
    assert machine.read("haproxy/kept") == "edited"


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
    request = removal(machine, machine.places.opt, machine.places.var)
    assert machine.remove(request).phase == "done"
    left = [str(p.relative_to(machine.root)) for p in machine.root.rglob("*") if not p.is_dir()]
    assert left == []
    assert not Path(machine.places.var).exists()


def test_removing_from_a_host_that_has_nothing_of_ours_leaves_nothing(tmp_path: Path) -> None:
    fresh = Machine(tmp_path / "fresh")
    fresh.root.mkdir()
    assert fresh.remove(removal(fresh, fresh.places.opt, fresh.places.var)).phase == "done"
    assert not Path(fresh.places.opt).exists()
    assert not Path(fresh.places.var).exists()
