"""Law 4, on a node: between the plan and its deed somebody mends something by hand; that stays, and apply stops there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynia.interfaces.shape import Shape
from tests.e2e.look import look, touched
from tests.e2e.pair import write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
KEEPALIVED = "/opt/dynia/keepalived/keepalived.conf"
LAST_MILE = "/opt/dynia/haproxy/last-mile.lua"
NOTES = "/opt/dynia/notes"
TXN = "/var/lib/dynia/txn/haproxy"
# What a push of HAProxy leaves that the node's reboot cut after its swap.
DIED = f"""
mkdir -p {TXN}/old {TXN}/new; : >{TXN}/made
cp -a {HAPROXY} {TXN}/old/1
echo '# half done' >>{HAPROXY}
echo "1 sha256:$(sha256sum <{HAPROXY} | cut -c 1-64) $(stat -c '%a %U:%G' {HAPROXY}) {HAPROXY}" >{TXN}/put
echo '+ {HAPROXY}' >{TXN}/manifest
"""


class HotFix(Shape):
    """`before` is done on the node before the plan, `fix` between the plan and the answer, to `path`."""

    path: str
    fix: str
    before: str = "true"
    says: str = "changed since plan"


ROWS = {
    "edited": HotFix(path=HAPROXY, fix=f"echo '# 3 am' >>{HAPROXY}"),
    "mode": HotFix(path=HAPROXY, fix=f"chmod 640 {HAPROXY}"),
    "deleted": HotFix(path=HAPROXY, fix=f"rm {HAPROXY}"),
    "stray": HotFix(path=LAST_MILE, before=f"echo one >{LAST_MILE}", fix=f"echo two >{LAST_MILE}"),
    "added": HotFix(
        path=f"{NOTES}/two", before=f"mkdir -p {NOTES}; echo 1 >{NOTES}/one", fix=f"echo 2 >{NOTES}/two"
    ),
    "where a push died": HotFix(path=HAPROXY, before=DIED, fix=f"echo '# 3 am' >>{HAPROXY}"),
    "unplanned": HotFix(path=KEEPALIVED, fix=f"echo '# 3 am' >>{KEEPALIVED}", says="was not in the plan"),
}


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test begins with nothing to do, whatever the one before it left."""
    write_pair(pair)
    pair.apply()
    yield


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=name) for name, row in ROWS.items()],
)
def test_a_hot_fix_between_plan_and_push_stays_and_the_apply_stops(pair: Scratch, row: HotFix) -> None:
    pair.edit("clusters.yaml", "default: true", "default: true\n        domains: [pair.test]")
    for node in pair.nodes():
        pair.sh(node, row.before)
    with Terminal(pair, "apply") as terminal:
        terminal.wait_for("is accepted:")
        for node in pair.nodes():
            pair.sh(node, row.fix)
        fixed = {node: state_of(pair, node, row.path) for node in pair.nodes()}
        before = look(pair)
        terminal.type("yes")
        code = terminal.end()
    assert code == 6, terminal.shown
    assert row.says in terminal.shown
    assert {node: state_of(pair, node, row.path) for node in pair.nodes()} == fixed
    if row.says == "changed since plan":
        assert row.path in terminal.shown.partition(row.says)[2]
        went_on = {thing.split(" ", 1)[0] for thing in touched(before, look(pair))}
        assert len(went_on) <= 1, "it went on to another node"


def state_of(cluster: Scratch, node: str, path: str) -> str:
    """Inode, mode, time and content; empty where nothing is there."""
    return cluster.sh(node, f"[ ! -e {path} ] || {{ stat -c '%i %a %U:%G %Y' {path}; sha256sum {path}; }}")
