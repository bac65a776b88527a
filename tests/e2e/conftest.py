"""Fixtures of the end-to-end tests, and what is kept when one fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.availability.row import table
from tests.e2e.hosts import Hosts
from tests.e2e.kept import Kept
from tests.e2e.loaded import ROWS
from tests.e2e.pair import write_pair
from tests.e2e.scratch import Scratch, write_hello
from tests.e2e.twin_cloud import TwinCloud


@pytest.fixture
def cluster(lab: Lab) -> Iterator[Scratch]:
    """A cluster of the test's own; nothing is applied yet."""
    made = Scratch(lab, f"t-{uuid.uuid4().hex[:6]}")
    yield made
    made.remove()


@pytest.fixture(scope="session")
def kept(lab: Lab) -> Iterator[Kept]:
    """Hands a cluster on from file to file."""
    made = Kept(lab)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def running(kept: Kept, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    """A cluster of three nodes that is applied, shared by the tests of a file: each leaves it settled."""
    yield from _shared(kept, request, "m", write_hello)


@pytest.fixture(scope="module")
def pair(kept: Kept, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    """Like `running`, with a service of two containers that mount files."""
    yield from _shared(kept, request, "p", write_pair)


def _shared(
    kept: Kept, request: pytest.FixtureRequest, kind: str, write: Callable[[Scratch], object]
) -> Iterator[Scratch]:
    """The next file gets it too, unless something failed."""
    before = request.session.testsfailed
    yield kept.take(kind, write)
    if request.session.testsfailed != before:
        kept.drop()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that share a cluster follow one another, after those that make their own: there is one at a time."""
    shared: dict[Path, int] = {}
    for item in items:
        names = getattr(item, "fixturenames", ())
        kind = 0 if "kept" not in names else 1 if "running" in names else 2
        shared[item.path] = max(kind, shared.get(item.path, 0))
    items.sort(key=lambda item: shared[item.path])


@pytest.fixture(scope="module")
def cloud(lab: Lab, twin_lab: dict[str, str]) -> Iterator[TwinCloud]:
    """The twin of DigitalOcean; what the tests of a file left there is taken away after them."""
    made = TwinCloud(lab, twin_lab)
    yield made
    made.clean()


@pytest.fixture
def hosts(lab: Lab) -> Iterator[Hosts]:
    """Makes plain hosts for the `ssh` provider."""
    made = Hosts(lab)
    yield made
    made.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test leaves plan, runs, state and node logs in one folder, and its report names it."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        for found in item.funcargs.values():
            if isinstance(found, Scratch):
                folder = found.lab.folder / "failures" / item.name.replace("/", "_")
                found.collect(folder)
                report.sections.append(("kept for this failure", str(folder)))
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    """What clients noticed in the rows of test_availability, after everything else that pytest has to say."""
    for line in table(ROWS) if ROWS else ():
        config.get_terminal_writer().line(line)
