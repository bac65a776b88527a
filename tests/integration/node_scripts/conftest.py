"""What the tests of the node scripts share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.node_scripts.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Bootstrapped, with an old haproxy component that "runs" (activation copies its config to `live`)."""
    made = Machine(tmp_path / "machine")
    made.root.mkdir()
    made.bootstrap()
    made.write("haproxy/haproxy.cfg", "old config\n")
    made.write("haproxy/errors/503.http", "old page\n")
    made.write("haproxy/kept", "kept\n")
    made.write("live", "old config\n")
    return made
