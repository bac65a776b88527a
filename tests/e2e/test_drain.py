"""A change of a service on real nodes: visitors are kept away from a node before it, and what is open there ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.e2e.pair import check_settled, paint, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import POST, Visitors

pytestmark = pytest.mark.lab

FLAGS = "/opt/dynia/caddy/drain"


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test ends with nothing to do, and nobody drained."""
    yield
    check_settled(pair)
    for node in pair.nodes():
        assert pair.sh(node, f"ls {FLAGS} 2>/dev/null || :") == ""


@pytest.mark.slow
def test_no_request_is_lost_that_nobody_may_send_again(pair: Scratch) -> None:
    paint(pair, "red")
    plan = json.loads(pair.dynia("plan", "--json", exits=None).stdout)
    assert plan["effect"]["drained"] == ["pair"]
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        run = pair.apply()
    for node in pair.nodes():
        assert f"{node}: done: drain pair" in run.stdout
        assert f"{node}: done: end the drain of pair" in run.stdout
    visitors.check()


def test_a_node_tells_what_its_haproxy_sends_and_what_its_caddy_has_open(pair: Scratch) -> None:
    for node in pair.nodes():
        rows = pair.sh(node, "curl -s -f 'http://127.0.0.1:8404/traffic;csv'").splitlines()
        columns = [row.split(",") for row in rows if row.startswith("service-pair,")]
        assert {(row[1], row[17]) for row in columns if row[1] != "BACKEND"} == {
            told for n in pair.nodes() for told in ((n, "UP"), (f"{n}.unchecked", "no check"))
        }
        pid = pair.sh(node, "docker inspect -f '{{.State.Pid}}' dynia-caddy").strip()
        told = pair.sh(node, f"nsenter -t {pid} -n curl -s -f http://127.0.0.1:2019/reverse_proxy/upstreams")
        (upstream,) = json.loads(told)
        assert re.fullmatch("pair-[0-9a-f]{8}:8000", upstream["address"]) and "num_requests" in upstream


@pytest.mark.slow
def test_without_a_drain_the_same_loses_some(pair: Scratch) -> None:
    """That the test above can fail: the team's own Caddyfile looks at no flag."""
    name = "caddy/Caddyfile.mustache"
    text = (ROOT / "templates" / name).read_text()
    flag = r"\t\t@dynia_(away|asked) \{.*?\t\thandle @dynia_\1 \{.*?\n\t\t\}\n"
    blind = re.sub(flag, "", text, flags=re.DOTALL)
    assert "drain" not in blind
    pair.write(f"own/{name}", blind)
    pair.edit("clusters.yaml", "    services:\n", "    templates: ./own\n    services:\n")
    pair.apply()
    paint(pair, "green")
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        run = pair.apply()
    assert "pair can't be drained yet: its Caddyfile looks at no flag" in run.stdout
    assert visitors.failed, "it takes no drain to lose nothing"
    write_pair(pair)
    pair.apply()


@pytest.mark.slow
def test_what_is_open_is_let_end_and_told(pair: Scratch) -> None:
    told: list[int] = []

    def ask() -> None:
        with contextlib.closing(http.client.HTTPConnection(pair.entry(), timeout=60)) as link:
            link.request("POST", "/cgi-bin/index.cgi?wait=20")
            told.append(link.getresponse().status)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    paint(pair, "white")
    for asker in askers:
        asker.start()
    run = pair.apply()
    for asker in askers:
        asker.join(60)
    assert told == [200] * 3
    assert "draining pair: 1 session left" in run.stdout


@pytest.mark.slow
def test_after_drain_timeout_the_change_goes_on(pair: Scratch) -> None:
    pair.edit("clusters.yaml", "    services:\n", "    rollout: {drain_timeout: 1s}\n    services:\n")
    paint(pair, "black")
    wait = "curl -s -m 30 'http://127.0.0.1/?wait=25' || :"
    # One for each node, whichever comes first.
    askers = [threading.Thread(target=pair.sh, args=(pair.holder(), wait)) for _ in pair.nodes()]
    for asker in askers:
        asker.start()
    run = pair.apply()
    for asker in askers:
        asker.join(60)
    assert "not drained within 1 s (1 session left): going on" in run.stdout
    write_pair(pair)
    pair.apply()


@pytest.mark.slow
def test_a_reload_drains_nobody(pair: Scratch) -> None:
    name = "haproxy/haproxy.cfg.mustache"
    pair.write(f"own/{name}", (ROOT / "templates" / name).read_text() + "\n# of the team\n")
    pair.edit("clusters.yaml", "    services:\n", "    templates: ./own\n    services:\n")
    plan = json.loads(pair.dynia("plan", "--json", exits=None).stdout)
    assert plan["effect"]["drained"] == []
    assert not [step for step in plan["steps"] if step["action"] in ("drain", "undrain")]
    with Visitors(pair, *pair.nodes(), kind=POST) as visitors:
        pair.apply()
    visitors.check()
    write_pair(pair)
    pair.apply()
