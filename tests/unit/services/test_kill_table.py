"""Every kind of step is killed at every point on real nodes: the table of those rows has no hole."""

from __future__ import annotations

from collections import Counter

import pytest

from dynia.twin.cloudflare import api as cloudflare
from dynia.twin.digitalocean import api as digitalocean
from tests.e2e.kills.cloud_life import CALLS, CloudLife
from tests.e2e.kills.lab_life import LabLife
from tests.e2e.kills.life import Life
from tests.e2e.kills.table import CLOUD, LAB, LIVES, POINTS, Phase, all_kinds, kind_of, quick, rows


def test_every_kind_of_step_has_a_phase_in_some_life() -> None:
    killed = {row.kind for life in LIVES.values() for row in rows(life)}
    missing = all_kinds() - killed
    assert not missing, f"say in tests/e2e/kills/table.py where these are killed: {sorted(missing)}"
    assert killed == all_kinds()


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_each_kind_of_a_phase_is_killed_at_every_point_once(life: tuple[Phase, ...]) -> None:
    found = Counter((row.phase.name, row.kind, row.point) for row in rows(life))
    assert set(found.values()) == {1}
    assert {(p.name, kind_of(k), point) for p in life for k in p.kinds for point in POINTS} == set(found)


@pytest.mark.parametrize(("name", "kind"), [("lab", LabLife), ("cloud", CloudLife)])
def test_each_phase_can_be_brought_about(name: str, kind: type[Life]) -> None:
    for phase in LIVES[name]:
        assert callable(getattr(kind, phase.name, None)), (
            f"{kind.__name__} does not know how {phase.name} comes"
        )


def test_each_kind_at_the_vendors_has_the_call_that_is_held_back() -> None:
    assert {row.kind for row in rows(CLOUD)} == set(CALLS)
    there = {"digitalocean": digitalocean, "cloudflare": cloudflare}
    for vendor, call in CALLS.values():
        assert call in {route.operation for route in there[vendor].ROUTES}


def test_one_row_of_each_first_kind_is_for_every_run() -> None:
    chosen = [row for row in rows(LAB) if str(row) in quick()]
    assert [row.kind for row in chosen] == [kind_of(kind) for kind in LAB[0].kinds]
    assert len({row.point for row in chosen}) == len(chosen)
