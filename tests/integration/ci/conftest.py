"""A cluster repository whose nodes answer nobody, beside GitHub on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.cluster_repo import ClusterRepo
from tests.fakes.github import GitHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[GitHub]:
    with GitHub(keep=tmp_path / "said").serving() as made:
        yield made
    assert made.unknown == []


@pytest.fixture
def repo(tmp_path: Path, hub: GitHub) -> ClusterRepo:
    return ClusterRepo(tmp_path / "repo", hub).without_nodes()
