"""Somebody changes something on a node by hand: drift finds exactly that, apply puts exactly that back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dynia.interfaces.shape import Shape
from tests.e2e.look import look, on, touched
from tests.e2e.pair import HOME, SIDE, WEB, check_settled
from tests.e2e.scratch import Scratch

pytestmark = pytest.mark.lab

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
CADDYFILE = "/opt/dynia/caddy/Caddyfile"
KEEPALIVED = "/opt/dynia/keepalived/keepalived.conf"
NOTIFY = "/opt/dynia/keepalived/notify.sh"
DROP_IN = "/etc/systemd/system/haproxy.service.d/dynia.conf"
WANTS = "/etc/systemd/system/multi-user.target.wants"


class Tampering(Shape):
    """`deed` is what somebody does on a node; `kind`, `subject`, `category` and `detail` are what drift must say;
    `repair` is what apply may touch on that node, and all that it must touch; `where` is the node's part in the cluster."""

    deed: str
    kind: str
    subject: str
    detail: str
    repair: tuple[str, ...]
    category: str = "tampered"
    where: str = "backup"


ROWS = {
    "config-edited": Tampering(
        deed=f"echo '# by hand' >>{HAPROXY}",
        kind="file",
        subject=HAPROXY,
        detail="edited",
        repair=(f"file {HAPROXY}", "reload haproxy"),
    ),
    "container-removed": Tampering(
        deed="docker rm --force dynia-pair-web-1",
        kind="container",
        subject="dynia-pair-web",
        detail="is gone",
        repair=(WEB,),
        where="holder",
    ),
}


FURTHER = {
    "file-deleted": Tampering(
        deed=f"rm {CADDYFILE}",
        kind="file",
        subject=CADDYFILE,
        detail="gone",
        repair=(f"file {CADDYFILE}",),
    ),
    "mode-changed": Tampering(
        deed=f"chmod 600 {NOTIFY}",
        kind="file",
        subject=NOTIFY,
        detail="mode 755 → 600",
        repair=(f"file {NOTIFY}", "reload keepalived"),
    ),
    "unknown-file": Tampering(
        deed=f"echo todo >{HOME}/notes.txt",
        kind="file",
        subject=f"{HOME}/notes.txt",
        detail="unknown file",
        category="orphan",
        repair=(f"file {HOME}/notes.txt",),
    ),
    "keepalived-disabled": Tampering(
        deed="systemctl disable --now keepalived",
        kind="unit",
        subject="keepalived.service",
        detail="stopped and disabled",
        repair=("unit keepalived", f"file {WANTS}/keepalived.service"),
    ),
    "drop-in-edited": Tampering(
        deed=f"echo '# by hand' >>{DROP_IN}",
        kind="file",
        subject=DROP_IN,
        detail="edited",
        repair=(f"file {DROP_IN}", "unit haproxy"),
    ),
    "owner-changed": Tampering(
        deed=f"chown haproxy:haproxy {HAPROXY}",
        kind="file",
        subject=HAPROXY,
        detail="owner root:root → haproxy:haproxy",
        repair=(f"file {HAPROXY}", "reload haproxy"),
    ),
    "file-is-a-link": Tampering(
        deed=f"mv {NOTIFY} /root/notify.sh && ln -s /root/notify.sh {NOTIFY}",
        kind="file",
        subject=NOTIFY,
        detail="is a link",
        repair=(f"file {NOTIFY}", "reload keepalived"),
    ),
    "mounted-file-edited-in-place": Tampering(
        deed=f"echo 'side = 3' >>{HOME}/side/settings",
        kind="file",
        subject=f"{HOME}/side/settings",
        detail="edited",
        repair=(f"file {HOME}/side/settings", SIDE),
    ),
    "unknown-folder": Tampering(
        deed="mkdir -p /opt/dynia/haproxy/old/er && echo x >/opt/dynia/haproxy/old/er/y",
        kind="file",
        subject="/opt/dynia/haproxy/old",
        detail="unknown folder",
        category="orphan",
        repair=(
            "folder /opt/dynia/haproxy/old",
            "folder /opt/dynia/haproxy/old/er",
            "file /opt/dynia/haproxy/old/er/y",
        ),
    ),
    "container-stopped": Tampering(
        deed="docker stop dynia-pair-side-1",
        kind="container",
        subject="dynia-pair-side-1",
        detail="has stopped (exit code 0)",
        repair=(SIDE,),
    ),
    "caddy-removed": Tampering(
        deed="docker rm --force dynia-caddy",
        kind="container",
        subject="dynia-caddy-caddy",
        detail="is gone",
        repair=("container /dynia-caddy",),
    ),
    "haproxy-stopped": Tampering(
        deed="systemctl stop haproxy",
        kind="unit",
        subject="haproxy.service",
        detail="stopped",
        repair=("unit haproxy",),
    ),
    "firewall-gone": Tampering(
        deed="nft delete table inet dynia",
        kind="firewall",
        subject="table inet dynia",
        detail="is gone",
        repair=("firewall", "reload dynia-firewall"),
    ),
    "firewall-edited": Tampering(
        deed="nft insert rule inet dynia prerouting tcp dport 25 accept",
        kind="firewall",
        subject="table inet dynia",
        detail="was edited",
        repair=("firewall", "reload dynia-firewall"),
    ),
    "firewall-edited-after-keepalived-was-restarted": Tampering(
        deed="systemctl restart keepalived; nft insert rule inet dynia prerouting tcp dport 25 accept",
        kind="firewall",
        subject="table inet dynia",
        detail="was edited",
        repair=("firewall", "reload dynia-firewall"),
    ),
    "keepalived-disabled-on-the-holder": Tampering(
        deed="systemctl disable --now keepalived",
        kind="unit",
        subject="keepalived.service",
        detail="stopped and disabled",
        repair=("unit keepalived", f"file {WANTS}/keepalived.service"),
        where="holder",
    ),
}


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test ends with nothing to do."""
    yield
    check_settled(pair)


@pytest.mark.parametrize(
    "row",
    [
        *(pytest.param(row, id=name) for name, row in ROWS.items()),
        *(pytest.param(row, id=name, marks=pytest.mark.slow) for name, row in FURTHER.items()),
    ],
)
def test_drift_finds_it_and_apply_repairs_only_that(pair: Scratch, row: Tampering) -> None:
    node = some_node(pair, row.where)
    before = look(pair)
    content = contents(pair, node)
    pair.sh(node, row.deed)
    tampered = look(pair)
    assert touched(before, tampered)

    assert drifts(pair) == [(node, row.kind, row.subject, row.category, row.detail)]
    assert touched(tampered, look(pair)) == set(), "drift changed something"

    pair.apply()
    after = look(pair)
    assert touched(tampered, after) == on(node, *row.repair)
    assert touched(before, after) <= on(node, *row.repair) | touched(before, tampered)
    assert contents(pair, node) == content
    mounted = f"{HOME}/side/settings"
    assert pair.sh(node, "docker exec dynia-pair-side-1 cat /etc/settings") == pair.sh(node, f"cat {mounted}")


@pytest.mark.slow
def test_a_tampering_is_told_from_what_is_pending(pair: Scratch) -> None:
    node = some_node(pair, "backup")
    before = look(pair)
    pair.edit("clusters.yaml", "default: true", "default: true\n        domains: [pair.test]")
    pair.write("side/settings", "side = 2\n")
    pair.sh(node, f"echo '# by hand' >>{KEEPALIVED}")
    tampered = look(pair)
    assert touched(before, tampered) == on(node, f"file {KEEPALIVED}")

    assert drifts(pair, pending=3) == [(node, "file", KEEPALIVED, "tampered", "edited")]
    assert "Pending (no drift): 3 changes" in pair.dynia("drift", exits=3).stdout
    plan = pair.dynia("plan", "--detailed-exitcode", exits=2).stdout
    assert plan.index("keepalived.conf") < plan.index("Changes") < plan.index("side/settings")

    pair.apply()
    everywhere = (f"file {CADDYFILE}", f"file {HAPROXY}", "reload haproxy", SIDE)
    everywhere += (f"file {HOME}/side/settings", f"file {HOME}/override.yaml")
    assert touched(tampered, look(pair)) == on(node, f"file {KEEPALIVED}", "reload keepalived").union(
        *(on(one, *everywhere) for one in pair.nodes())
    )
    assert "by hand" not in pair.sh(node, f"cat {KEEPALIVED}")


@pytest.mark.slow
def test_a_reserved_ip_that_was_put_on_a_second_node_is_taken_off(pair: Scratch) -> None:
    holder, node = some_node(pair, "holder"), some_node(pair, "backup")
    before = look(pair)
    pair.sh(node, f"ip addr add {pair.entry()}/32 dev eth0")
    assert sorted(holders(pair)) == sorted((holder, node))
    ((where, kind, subject, category, detail),) = drifts(pair)
    assert (where, kind, subject, category) == ("", "reserved_ip", pair.entry(), "split")
    assert detail.endswith("both have it")

    pair.apply()
    assert holders(pair) == [holder]
    assert touched(before, look(pair)) == on(node, "reload keepalived")


def some_node(cluster: Scratch, where: str) -> str:
    """The holder, or the first of the others, once exactly one node has the reserved IP."""
    until = time.monotonic() + 30
    while len(having := holders(cluster)) != 1:
        assert time.monotonic() < until, f"{having} have the reserved IP"
    return having[0] if where == "holder" else next(node for node in cluster.nodes() if node != having[0])


def holders(cluster: Scratch) -> list[str]:
    return [node for node in cluster.nodes() if f" {cluster.entry()}/" in cluster.sh(node, "ip -4 -o addr")]


def drifts(cluster: Scratch, *, pending: int = 0) -> list[tuple[str, ...]]:
    """What drift says to programs, and that it exits 3 and says the same to people."""
    found: dict[str, Any] = json.loads(cluster.dynia("drift", "--json", exits=3).stdout)
    assert found["pending"] == pending
    assert found["notObserved"] == []
    return [(d["node"], d["kind"], d["subject"], d["class"], d["detail"]) for d in found["drift"]]


def contents(cluster: Scratch, node: str) -> str:
    """Every managed file with its mode, owner and content."""
    return cluster.sh(
        node,
        "find /opt/dynia /etc/systemd/system -type f -printf '%p %m %u:%g ' -exec sha256sum {} ';' | sort",
    )
