"""`nodes.count` 3 → 4 → 2: the plan says which node and why, all configs follow, and nothing is left behind."""

from __future__ import annotations

import time

import pytest

from dynia.state.store import open_store
from tests.e2e.remains import check_nothing_is_left, inspected, machines
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

SERVERS = (
    "sed -n 's/^ *server \\([^ ]*\\) \\([0-9.]*\\):8080.*/\\2/p' /opt/dynia/haproxy/haproxy.cfg | sort -u"
)
LIVE = (
    "echo 'show servers state' | socat - /run/haproxy/admin.sock 2>/dev/null"
    " | awk 'NR > 2 && NF > 5 {print $5}' | sort -u"
)


def addresses(cluster: Scratch) -> list[str]:
    return sorted(cluster.address(name) for name in cluster.nodes())


def check_haproxy_follows(cluster: Scratch) -> None:
    """haproxy.cfg of every node names every node and no other, and the running worker started after it."""
    for name in cluster.nodes():
        assert sorted(cluster.sh(name, SERVERS).split()) == addresses(cluster), name
        stale = cluster.sh(
            name,
            "cfg=$(stat -c %Z /opt/dynia/haproxy/haproxy.cfg);"
            'w=$(pgrep -n -x haproxy); b=$(stat -c %Z "/proc/$w"); [ "$b" -ge "$cfg" ] || echo "$cfg $b"',
        )
        assert not stale, f"{name}: haproxy runs with an older file: {stale}"


def test_three_to_four_to_two(running: Scratch) -> None:
    before = machines(running)
    running.edit("clusters.yaml", "count: 3", "count: 4")
    plan = running.dynia("plan", "--detailed-exitcode", exits=2)
    assert "nodes 3 → 4" in plan.stdout, str(plan)
    running.apply()
    four = machines(running)
    (new,) = (one for one in four if one not in before)
    assert new[0] == max(ordinal for ordinal, _, _ in before) + 1
    assert new[1] in plan.stdout, f"the plan did not say that {new[1]} comes: {plan}"
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
    check_haproxy_follows(running)
    check_nothing_is_left(running, nodes=4, services=("hello",))

    holder = running.holder()
    going = sorted((one for one in reversed(four) if one[1] != holder), reverse=True)[:2]
    lost = [(name, running.address(name), host_key(running, container)) for _, name, container in going]
    running.edit("clusters.yaml", "count: 4", "count: 2")
    plan = running.dynia("plan", "--detailed-exitcode", exits=2)
    assert "nodes 4 → 2" in plan.stdout, str(plan)
    for _, name, _ in going:
        assert any(line.lstrip().startswith("-") and name in line for line in plan.stdout.splitlines()), (
            f"the plan does not say that {name} goes: {plan}"
        )
    assert "DESTROYS 2 of 4 nodes" in plan.stdout
    assert "--allow-destroy 2" in running.apply(exits=1).stderr
    assert machines(running) == four
    running.apply("--allow-destroy", "2")
    assert machines(running) == [one for one in four if one not in going]
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
    assert running.holder() in running.nodes()
    check_haproxy_follows(running)
    check_nothing_is_left(running, nodes=2, services=("hello",))
    check_forgotten(running, lost)
    assert running.get()

    running.edit("clusters.yaml", "count: 2", "count: 3")
    running.apply()
    assert max(ordinal for ordinal, _, _ in machines(running)) == 5, "an ordinal was used again"
    check_nothing_is_left(running, nodes=3, services=("hello",))


@pytest.mark.slow
def test_a_create_that_was_cut_and_is_not_wanted_any_more_leaves_nothing(running: Scratch) -> None:
    running.edit("clusters.yaml", "count: 3", "count: 4")
    apply = running.begin("apply", "--yes")
    until = time.monotonic() + 60
    while not (cut := unfinished(running)):
        assert apply.poll() is None and time.monotonic() < until, "no step was begun"
        time.sleep(0.01)
    running.kill(apply)
    (name,) = cut

    running.edit("clusters.yaml", "count: 4", "count: 3")
    plan = running.dynia("plan", "--detailed-exitcode", exits=2)
    assert f"the creation of node {name}" in plan.stdout, str(plan)
    running.apply()
    assert running.state()["intents"] == []
    assert running.dynia("plan", "--detailed-exitcode").exit == 0
    check_nothing_is_left(running, nodes=3, services=("hello",))


def unfinished(cluster: Scratch) -> list[str]:
    """Nodes whose creation the journal shows begun and not ended."""
    begun = open_store(cluster.folder, make=False).unfinished(cluster.name)
    return [one.step.removesuffix("/create") for one in begun if one.step.endswith("/create")]


def host_key(cluster: Scratch, container: str) -> str:
    (one,) = inspected(cluster, container)
    return str(one["Config"]["Labels"]["dev.dynia.host-key"].split()[1])


def check_forgotten(cluster: Scratch, lost: list[tuple[str, str, str]]) -> None:
    """Neither name nor host key stay in any file of the folder but the history, nor name or address on a node."""
    for name, address, key in lost:
        for file in cluster.folder.rglob("*"):
            if file.is_file() and not file.name.startswith("begun-") and "history" not in file.parts:
                text = file.read_bytes()
                assert key.encode() not in text, f"{file} still has the host key of {name}"
                assert name.encode() not in text, f"{file} still names {name}"
        for node in cluster.nodes():
            found = cluster.sh(
                node, f"grep -rlE '{name}|{address.replace('.', '[.]')}([^0-9]|$)' /opt/dynia /etc/hosts || :"
            )
            assert not found, f"{node}: {found} still names {name} or {address}"
            tables = cluster.sh(node, "nft list table inet dynia; cat /root/.ssh/authorized_keys")
            assert f"{address} " not in tables and f"{address}," not in tables, f"{node}: the firewall"
