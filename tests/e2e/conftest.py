"""Fixtures of the end-to-end tests, and what is kept when one fails."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.availability.row import table
from tests.e2e.hosts import Hosts
from tests.e2e.loaded import ROWS
from tests.e2e.pair import write_pair
from tests.e2e.scratch import Scratch, applied
from tests.e2e.twin_cloud import TwinCloud


@pytest.fixture
def cluster(lab: Lab) -> Iterator[Scratch]:
    """A cluster of the test's own; nothing is applied yet."""
    made = Scratch(lab, f"t-{uuid.uuid4().hex[:6]}")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def running(lab: Lab) -> Iterator[Scratch]:
    """A cluster of three nodes that is applied, shared by the tests of a file: each leaves it settled."""
    with applied(lab, "m") as made:
        yield made


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Iterator[Scratch]:
    """Like `running`, with a service of two containers that mount files."""
    with applied(lab, "p", write_pair) as made:
        yield made


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
