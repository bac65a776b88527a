"""The answers to drift on real nodes: left for a while, put back alone, taken into the file."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.pair import HOME, check_settled
from tests.e2e.scratch import Scratch

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
SETTINGS = f"{HOME}/side/settings"


def drifted(cluster: Scratch, exits: int) -> set[str]:
    """What `drift` finds, as ``node:path``."""
    told = json.loads(cluster.dynia("drift", "--json", exits=exits).stdout)
    return {f"{one['node']}:{one['subject']}" for one in told["drift"]}


def test_what_is_ignored_is_no_finding_until_its_day_is_over(pair: Scratch) -> None:
    node = sorted(pair.nodes())[0]
    name = f"{node}:haproxy/haproxy.cfg"
    pair.sh(node, f"echo '# by hand' >>{HAPROXY}")
    before = (pair.folder / "clusters.yaml").read_text()
    assert drifted(pair, 3) == {f"{node}:{HAPROXY}"}
    wrong = pair.dynia("drift", "ignore", "haproxy.cfg", "--until", "7d", "--because", "x", "--yes", exits=1)
    assert name in "".join(wrong.stderr.split())

    pair.dynia("drift", "ignore", name, "--until", "7d", "--because", "a load test", "--yes")
    after = (pair.folder / "clusters.yaml").read_text()
    assert len(after.splitlines()) == len(before.splitlines()) + 2
    assert drifted(pair, 0) == set()
    assert ": a load test" in pair.dynia("drift", exits=0).stdout
    assert "haproxy.cfg" in pair.dynia("plan", "--detailed-exitcode", exits=2).stdout

    (day,) = re.findall(r"\d{4}-\d{2}-\d{2}", after)
    pair.edit("clusters.yaml", day, "2020-01-01")
    assert drifted(pair, 3) == {f"{node}:{HAPROXY}"}
    assert "which is over: it counts again" in " ".join(pair.dynia("drift", exits=3).stdout.split())

    pair.write("clusters.yaml", before)
    pair.apply()
    check_settled(pair)


def test_what_is_reverted_comes_back_alone(pair: Scratch) -> None:
    node = sorted(pair.nodes())[0]
    pair.sh(node, f"echo '# by hand' >>{HAPROXY}; echo 'side = 9' >{SETTINGS}")
    assert drifted(pair, 3) == {f"{node}:{HAPROXY}", f"{node}:{SETTINGS}"}
    pair.dynia("drift", "revert", f"{node}:haproxy/haproxy.cfg", "--yes")
    assert drifted(pair, 3) == {f"{node}:{SETTINGS}"}
    assert "by hand" not in pair.sh(node, f"cat {HAPROXY}")
    assert pair.sh(node, f"cat {SETTINGS}") == "side = 9\n"
    pair.dynia("drift", "revert", "services/pair/side/settings", "--yes")
    assert drifted(pair, 0) == set()
    check_settled(pair)


def test_what_is_adopted_is_what_the_file_says(pair: Scratch) -> None:
    node = sorted(pair.nodes())[0]
    pair.sh(node, f"echo 'side = 2' >{SETTINGS}; echo '# by hand' >>{HAPROXY}")
    refused = pair.dynia("drift", "adopt", f"{node}:haproxy/haproxy.cfg", "--yes", exits=1)
    assert "templates:" in refused.stderr

    shown = pair.dynia("drift", "adopt", "services/pair/side/settings", "--yes").stdout
    assert "-side = 1\n+side = 2\n" in shown
    assert (pair.folder / "side" / "settings").read_text() == "side = 2\n"
    assert drifted(pair, 3) == {f"{node}:{HAPROXY}"}
    pair.apply()
    assert {pair.sh(one, f"cat {SETTINGS}") for one in pair.nodes()} == {"side = 2\n"}
    assert drifted(pair, 0) == set()

    pair.write("side/settings", "side = 1\n")
    pair.apply()
    check_settled(pair)
