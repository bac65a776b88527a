"""What a person asks for on real nodes that no file says: nobody who visits notices."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.availability.wire import Target
from tests.e2e.pair import check_settled, paint, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.twin_cloud import until
from tests.e2e.visitor import POST, Visitors, visits

pytestmark = pytest.mark.lab


def containers(cluster: Scratch, node: str, project: str = "dynia-pair") -> set[str]:
    told = cluster.sh(node, f"docker ps -q --no-trunc --filter label=com.docker.compose.project={project}")
    return set(told.split())


@pytest.mark.slow
def test_a_restart_makes_all_containers_of_a_service_again_and_loses_nothing(pair: Scratch) -> None:
    before = {node: containers(pair, node) for node in pair.nodes()}
    caddy = {node: containers(pair, node, "dynia-caddy") for node in pair.nodes()}
    generation = pair.state()["clusters"][0]["generation"]
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        run = pair.dynia("restart", "pair", "--yes")
    visitors.check()
    for node in pair.nodes():
        assert f"{node}: done: restart service/pair" in run.stdout
        after = containers(pair, node)
        assert len(after) == len(before[node]) == 2 and not after & before[node]
        assert containers(pair, node, "dynia-caddy") == caddy[node]
    assert pair.state()["clusters"][0]["generation"] == generation
    check_settled(pair)


@pytest.mark.slow
def test_a_restart_is_refused_where_the_service_is_to_change(pair: Scratch) -> None:
    before = {node: containers(pair, node) for node in pair.nodes()}
    paint(pair, "pink")
    run = pair.dynia("restart", "pair", "--yes", exits=1)
    assert "service pair is to change, on " in run.stderr and "`dynia apply`" in run.stderr
    assert {node: containers(pair, node) for node in pair.nodes()} == before
    write_pair(pair)
    check_settled(pair)


FLAG = "/opt/dynia/caddy/drain/_node"


def taking(cluster: Scratch) -> set[str]:
    """The nodes to which every HAProxy sends, by their own word."""
    ask = "curl -s -f 'http://127.0.0.1:8404/traffic;csv'"
    found = []
    for node in cluster.nodes():
        columns = [row.split(",") for row in cluster.sh(node, ask).splitlines()]
        found.append(
            {c[1] for c in columns if c[0] == "service-pair" and c[17] == "UP" and c[1] != "BACKEND"}
        )
    return set.intersection(*found)


@pytest.mark.slow
def test_a_drained_node_stays_so_over_an_apply_and_a_reboot_and_loses_nothing(pair: Scratch) -> None:
    everybody = set(pair.nodes())
    away = min(everybody - {pair.holder()})
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        run = pair.dynia("node", "drain", away, "--yes")
    visitors.check()
    assert f"{away}: done: drain the whole node" in run.stdout
    assert taking(pair) == everybody - {away}
    status = json.loads(pair.dynia("status", "--json").stdout)
    assert [n["name"] for n in status["nodes"] if n["drainedByHand"]] == [away]
    assert status["services"][0]["on"][away] == "drained"
    told = f"Drained by hand: {away} (until `dynia node undrain NAME`)"
    for verb in ("plan", "drift"):
        assert told in " ".join(pair.dynia(verb).stdout.split())

    pair.edit("clusters.yaml", "    services:\n", "    rollout: {max_unavailable: 2}\n    services:\n")
    paint(pair, "grey")
    before = containers(pair, away)
    # One node serves alone for a while, and ten connections may wait for the lab's service: others are lost for a second.
    with Visitors(pair, *pair.nodes(), kind=POST, rate=6) as visitors:
        pair.apply()
    visitors.check()
    assert containers(pair, away) != before, "an apply changes what runs there"
    assert taking(pair) == everybody - {away}

    machine = pair.nodes()[away]
    pair.docker("kill", machine)
    pair.docker("start", machine)
    until(lambda: pair.sh(away, "timeout 30 docker ps -q", check=False))
    pair.apply()
    assert pair.sh(away, f"cat {FLAG}").strip().isdecimal()
    assert taking(pair) == everybody - {away}

    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        pair.dynia("node", "undrain", away, "--yes")
    visitors.check()
    pair.sh(away, f"! test -e {FLAG}")
    write_pair(pair)
    pair.apply()
    check_settled(pair)
    assert taking(pair) == everybody


@pytest.mark.slow
def test_a_second_node_is_not_drained(pair: Scratch) -> None:
    first, second = sorted(set(pair.nodes()) - {pair.holder()})
    pair.dynia("node", "drain", first, "--yes")
    run = pair.dynia("node", "drain", second, "--yes", exits=1)
    said = " ".join(run.stderr.split())
    assert f"{second}/drain would leave pair on 1 of 3 nodes, and 2 must serve; nothing was touched" in said
    assert f"`dynia node undrain {first}`" in said
    assert second in taking(pair)
    pair.dynia("node", "undrain", first, "--yes")
    check_settled(pair)


@pytest.mark.slow
def test_a_state_that_is_made_again_finds_who_is_drained(pair: Scratch) -> None:
    away = min(set(pair.nodes()) - {pair.holder()})
    pair.dynia("node", "drain", away, "--yes")
    (pair.folder / "state.json").rename(pair.folder / "state.lost")
    (pair.folder / ".dynia").rename(pair.folder / "dynia.lost")
    pair.dynia("state", "rebuild", "--yes")
    assert json.loads(pair.dynia("plan", "--json").stdout)["drainedByHand"] == [away]
    pair.dynia("node", "undrain", away, "--yes")
    check_settled(pair)


def test_the_reserved_ip_goes_to_the_node_that_is_named_and_loses_nothing(pair: Scratch) -> None:
    before = pair.holder()
    taker = max(set(pair.nodes()) - {before})
    with visits(Target(address=pair.entry()), around_s=1.0) as visitor:
        run = pair.dynia("node", "promote", taker, "--yes")
    assert f"{taker}: done: hand the reserved IP over from {before} to {taker}" in " ".join(
        run.stdout.split()
    )
    assert pair.holder() == taker
    assert not visitor.row.failed, visitor.row.why()
    for node in pair.nodes():
        assert pair.sh(node, "systemctl is-active keepalived").strip() == "active"
        left = "nft list tables | grep drill || systemctl list-timers | grep drill"
        assert pair.sh(node, left, check=False) == ""
    again = pair.dynia("node", "promote", taker, "--yes")
    assert "done:" not in again.stdout and pair.holder() == taker
    check_settled(pair)


@pytest.mark.slow
def test_a_node_that_can_not_take_it_does_not_get_it(pair: Scratch) -> None:
    before = pair.holder()
    taker = max(set(pair.nodes()) - {before})
    pair.sh(taker, "systemctl stop keepalived")
    run = pair.dynia("node", "promote", taker, "--yes", exits=1)
    assert f"{taker} could not take the reserved IP: keepalived there is" in " ".join(run.stderr.split())
    assert pair.holder() == before
    pair.apply()
    check_settled(pair)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["haproxy", "keepalived"])
def test_what_starts_again_on_the_holder_does_so_without_the_address(pair: Scratch, unit: str) -> None:
    before = pair.holder()
    began = f"systemctl show {unit} -p ExecMainStartTimestampMonotonic --value"
    then = pair.sh(before, began)
    pair.sh(before, f"echo '# by hand' >>/etc/systemd/system/{unit}.service.d/dynia.conf")
    assert "reserved IP moves 1" in " ".join(pair.dynia("plan").stdout.split())
    with visits(Target(address=pair.entry()), around_s=1.0) as visitor:
        run = pair.apply()
    assert f"{before}: done: hand the reserved IP over from {before} to " in " ".join(run.stdout.split())
    assert not visitor.row.failed, visitor.row.why()
    assert pair.holder() != before
    assert pair.sh(before, began) != then, "it was only reloaded"
    left = "nft list tables | grep drill || systemctl list-timers | grep drill"
    assert all(pair.sh(node, left, check=False) == "" for node in pair.nodes())
    check_settled(pair)


APT = "/usr/local/sbin/apt-get"


def up_since(cluster: Scratch) -> dict[str, str]:
    """By the word of the machine that they run on."""
    machines = cluster.nodes()
    return {
        n: cluster.docker("inspect", "-f", "{{.State.StartedAt}}", m).strip() for n, m in machines.items()
    }


def own_apt(cluster: Scratch, script: str) -> None:
    """No mirror need be there: what is asked of apt-get is written down."""
    for node in cluster.nodes():
        text = f"#!/bin/sh\necho $* >>/root/apt.log\n{script}\n"
        cluster.sh(node, f"printf %s {shlex.quote(text)} >{APT} && chmod 755 {APT}")


@pytest.mark.slow
def test_the_holder_reboots_and_nobody_who_visits_notices(pair: Scratch) -> None:
    before, up = pair.holder(), up_since(pair)
    with visits(Target(address=pair.entry()), around_s=1.0) as visitor:
        run = pair.dynia("node", "reboot", before, "--yes")
    assert f"{before}: done: reboot" in run.stdout
    assert not visitor.row.failed, visitor.row.why()
    assert pair.holder() != before
    assert {node for node, since in up_since(pair).items() if since != up[node]} == {before}
    assert taking(pair) == set(pair.nodes())
    check_settled(pair)


@pytest.mark.slow
def test_all_reboot_in_turn_with_their_packages_up_to_date(pair: Scratch) -> None:
    up = up_since(pair)
    own_apt(pair, "exit 0")
    try:
        with visits(Target(address=pair.entry()), around_s=1.0) as visitor:
            pair.dynia("node", "reboot", "--all", "--os-updates", "--yes", timeout=900)
        assert not visitor.row.failed, visitor.row.why()
        assert not set(up.items()) & set(up_since(pair).items())
        for node in pair.nodes():
            asked = [line.split()[-1] for line in pair.sh(node, "cat /root/apt.log").splitlines()]
            assert asked == ["update", "dist-upgrade"]
        assert taking(pair) == set(pair.nodes())
    finally:
        for node in pair.nodes():
            pair.sh(node, f"rm -f {APT} /root/apt.log")
    check_settled(pair)


@pytest.mark.slow
def test_a_node_whose_packages_can_not_be_updated_is_not_rebooted_and_serves_on(pair: Scratch) -> None:
    node, up = min(set(pair.nodes()) - {pair.holder()}), up_since(pair)
    own_apt(pair, "echo 'E: no space left' >&2; exit 100")
    try:
        run = pair.dynia("node", "reboot", node, "--os-updates", "--yes", exits=7)
        said = " ".join((run.stdout + run.stderr).split())
        assert "its packages could not be updated; it was not rebooted" in said
        assert "E: no space left" in said
        assert up_since(pair) == up and taking(pair) == set(pair.nodes())
    finally:
        for one in pair.nodes():
            pair.sh(one, f"rm -f {APT} /root/apt.log")
    check_settled(pair)
