"""Two nodes with a claim unit each, and the cloud that they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.failover.unit import Unit
from tests.integration.failover.vendor import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Node a has the address."""
    with Cloud("a", "b").serving() as made:
        yield made


@pytest.fixture
def b(cloud: Cloud, tmp_path: Path) -> Iterator[Unit]:
    """The claim unit of node b, running; b is BACKUP."""
    yield from _running(Unit(tmp_path / "b", cloud, "b"))


@pytest.fixture
def a(cloud: Cloud, tmp_path: Path) -> Iterator[Unit]:
    """That of node a, which is MASTER."""
    yield from _running(Unit(tmp_path / "a", cloud, "a"), "MASTER")


def _running(unit: Unit, role: str = "BACKUP") -> Iterator[Unit]:
    unit.role_file.write_text(f"{role}\n")
    unit.start()
    yield unit
    unit.stop()
