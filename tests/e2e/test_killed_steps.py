"""Law 3 on real nodes, step by step: a SIGKILL at every boundary of every kind of step, and the next apply ends where it would have.

The rows are `kills/table.py`'s. Each life is one cluster's, from its first apply to its end; its tests run in their order.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.e2e.kills.cloud_life import CloudLife
from tests.e2e.kills.lab_life import LabLife
from tests.e2e.kills.table import CLOUD, LAB, Phase, Row, quick, rows
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import TwinCloud

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def two_nodes(lab: Lab) -> Iterator[Scratch]:
    made = Scratch(lab, f"k-{uuid.uuid4().hex[:6]}")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def lab_life(two_nodes: Scratch) -> LabLife:
    return LabLife(two_nodes)


@pytest.fixture(scope="module")
def droplet(lab: Lab, cloud: TwinCloud) -> Iterator[Scratch]:
    made = Scratch(lab, f"k-{uuid.uuid4().hex[:6]}")
    yield made
    made.dynia("cluster", "destroy", made.name, "--yes-destroy", made.name, exits=None)
    made.remove()


@pytest.fixture(scope="module")
def cloud_life(droplet: Scratch, cloud: TwinCloud) -> Iterator[CloudLife]:
    made = CloudLife(droplet, cloud)
    yield made
    made.close()


def marked(life: tuple[Phase, ...], now: frozenset[str] = frozenset()) -> list[object]:
    return [
        pytest.param(row, id=str(row), marks=() if str(row) in now else pytest.mark.slow)
        for row in rows(life)
    ]


def ends(request: pytest.FixtureRequest, row: Row) -> bool:
    """Whether no further row of this phase is run."""
    mine = [
        one for one in request.session.items if getattr(one, "originalname", "") == request.node.originalname
    ]
    later = mine[mine.index(request.node) + 1 :]
    return not any(one.callspec.params["row"].phase == row.phase for one in later[:1])  # type: ignore[attr-defined]


@pytest.mark.parametrize("row", marked(LAB, quick()))
def test_on_nodes(two_nodes: Scratch, lab_life: LabLife, request: pytest.FixtureRequest, row: Row) -> None:
    lab_life.row(row, ends=ends(request, row))


@pytest.mark.parametrize("row", marked(CLOUD))
def test_at_vendors(
    droplet: Scratch, cloud_life: CloudLife, request: pytest.FixtureRequest, row: Row
) -> None:
    cloud_life.row(row, ends=ends(request, row))
