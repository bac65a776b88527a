"""A command of the team's that says no before anything is looked at: through the door.

Did it say yes, there would be nothing to reach: its host has an address that is for documentation only.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DYNIA = (sys.executable, "-c", "from dynia.interfaces.cli import main; main()")
CLUSTERS = """\
clusters:
  prod:
    provider: {kind: ssh}
    nodes:
      - name: north
        host: 192.0.2.11
        private_ip: 198.18.1.11
        host_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6Zxu0sv5z3P0kEcSBh2y9xDBWTyhoQ0dVbBrp2hJpd
    entry: {kind: none}
    hooks: {pre_plan: "cat >facts.json; echo 'behind origin/main'; exit 3"}
"""


@pytest.mark.parametrize("argv", [("plan",), ("apply", "--yes"), ("plan", "--json")])
def test_it_ends_there_and_says_why(tmp_path: Path, argv: tuple[str, ...]) -> None:
    (tmp_path / "clusters.yaml").write_text(CLUSTERS)
    done = subprocess.run(
        [*DYNIA, *argv, "--cluster", "prod"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "hooks.pre_plan said no (exit 3)" in done.stderr
    assert "pre_plan: behind origin/main" in done.stdout + done.stderr
    assert (tmp_path / "facts.json").read_text().startswith('{"format":"dynia.hook"')
    if "--json" in argv:
        assert done.stdout == ""
