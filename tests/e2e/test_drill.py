"""`dynia drill failover` on real nodes: who answers when, told by the drill and seen by somebody else."""

from __future__ import annotations

import json

import pytest

from tests.availability.wire import Target
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import visits

pytestmark = pytest.mark.lab


def test_the_status_names_who_answers_at_the_address(running: Scratch) -> None:
    told = json.loads(running.dynia("status", "--json").stdout)
    holder = running.holder()
    assert told["entry"] == {
        "provider": None,
        "kernels": [holder],
        "masters": [holder],
        "probe": holder,
        "silence": "",
    }
    assert f"on {holder} (VRRP, address and probe agree)" in " ".join(running.dynia("status").stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("hard", [pytest.param(False, id="handed-over"), pytest.param(True, id="hard")])
def test_a_drill_moves_the_address_and_brings_it_back(running: Scratch, hard: bool) -> None:
    holder = running.holder()
    target = [node for node in running.nodes() if node != holder][-1]
    began = running.sh(holder, "date +%s").strip()
    with visits(Target(address=running.entry())) as visitor:
        done = running.dynia(
            "drill", "failover", "--yes", "--json", "--node", target, *(("--hard",) if hard else ())
        )
    report = json.loads(done.stdout)
    print(f"lost {report['lostSeconds']} s, back {report['lostBackSeconds']} s, {report['answered']}")
    assert (report["holder"], report["taken"], report["settled"]) == (holder, target, True)
    assert [one["node"] for one in report["answered"] if one["node"]] == [holder, target, holder]
    # What the drill claims, seen by the nodes' own journals and by a visitor.
    entered = f"journalctl -u keepalived --since @{began} -o cat --no-pager | grep -c 'Entering MASTER STATE'"
    assert [running.sh(node, entered, check=False).strip() for node in (target, holder)] == ["1", "1"]
    assert not visitor.row.failed or hard
    assert running.holder() == holder
    for node in running.nodes():
        assert running.sh(node, "systemctl is-active keepalived").strip() == "active"
        assert (
            running.sh(
                node, "nft list tables | grep drill || systemctl list-timers | grep drill", check=False
            )
            == ""
        )
    kept = sorted((running.folder / ".dynia" / "drills" / running.name).iterdir())[-1]
    assert json.loads(kept.read_bytes())["taken"] == target
    running.dynia("plan", "--detailed-exitcode")


def test_a_drill_asks_before(running: Scratch) -> None:
    holder = running.holder()
    refused = running.dynia("drill", "failover", exits=1)
    assert "--yes" in refused.stderr and running.holder() == holder


@pytest.mark.slow
def test_a_runner_that_dies_in_a_drill_leaves_nodes_that_put_themselves_back(running: Scratch) -> None:
    """The timer on the node is what would bring keepalived back; a minute is not waited for."""
    holder = running.holder()
    begun = running.begin("drill", "failover", "--yes", "--hard")
    stopped = "for i in $(seq 200); do systemctl is-active -q keepalived || exit 0; sleep 0.05; done; exit 1"
    running.sh(holder, stopped)
    running.kill(begun)
    assert "dynia-drill.timer" in running.sh(holder, "systemctl list-timers --no-pager")
    running.sh(holder, "systemctl start --wait dynia-drill.service; systemctl stop dynia-drill.timer")
    assert running.sh(holder, "systemctl is-active keepalived").strip() == "active"
    running.dynia("drill", "failover", "--yes", "--node", holder)
