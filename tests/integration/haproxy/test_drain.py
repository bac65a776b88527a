"""A drain on real programs: HAProxy sends nothing new to a node whose Caddy has a flag, and what is open there ends."""

from __future__ import annotations

import pathlib
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from dynia.interfaces.node_requests import LASTING_S, WHOLE_NODE
from dynia.services.planning.render import recipes
from tests.integration.haproxy.caddy import NAME, Answer, CaddyNode, Service, WebSocket, of, until
from tests.integration.haproxy.program import Haproxy
from tests.unit.components.clusters import cluster, topology


class Nodes:
    """HAProxy before two nodes, misty-owl and swift-fox."""

    def __init__(self, folder: pathlib.Path) -> None:
        whole = topology(cluster(nodes=2))
        files = {
            file.path.rpartition("/")[2]: file.content.decode()
            for name in ("haproxy", "caddy")
            for file in recipes(whole)["misty-owl"][name].release.files
        }
        self.service = Service()
        self.one = CaddyNode(folder / "one", files["Caddyfile"], self.service.port)
        self.other = CaddyNode(folder / "other", files["Caddyfile"], self.service.port)
        self.haproxy = Haproxy(folder, files["haproxy.cfg"], None, behind=(self.one.port, self.other.port))
        until(lambda: self.taking() == {"misty-owl", "swift-fox"})

    def taking(self) -> set[str]:
        return {sent.node for sent in self.one.traffic(self.haproxy.alive).sent if sent.taking}

    def open_at_one(self) -> tuple[int, int]:
        """By the word of HAProxy, and of the node's own Caddy."""
        traffic = self.one.traffic(self.haproxy.alive)
        return of(traffic, "misty-owl").sessions, traffic.at_work.get("api", 0)

    def visit(self, path: str = "/healthz") -> int:
        url = f"http://127.0.0.1:{self.haproxy.http}{path}"
        return httpx.get(url, headers={"Host": NAME}, trust_env=False, timeout=60).status_code

    def stop(self) -> None:
        self.haproxy.stop()
        self.one.stop()
        self.other.stop()
        self.service.stop()


@pytest.fixture
def nodes(tmp_path: pathlib.Path) -> Iterator[Nodes]:
    made = Nodes(tmp_path)
    yield made
    made.stop()


def test_new_requests_go_elsewhere_and_open_ones_end(nodes: Nodes) -> None:
    websockets = [WebSocket(nodes.haproxy.http) for _ in range(2)]
    held: list[int] = []
    askers = [
        threading.Thread(target=lambda: held.append(nodes.visit("/held")), daemon=True) for _ in range(2)
    ]
    for asker in askers:
        asker.start()
    until(lambda: nodes.open_at_one() == (2, 2))

    assert nodes.one.drain(60) == ("api",)
    visits: list[int] = []

    def drained() -> bool:
        visits.extend(nodes.visit() for _ in range(4))
        return nodes.taking() == {"swift-fox"}

    until(drained)
    assert nodes.open_at_one() == (2, 2), "what was open has been cut"
    assert set(visits) == {200}, "a visitor heard of the flag"

    nodes.one.reload()
    assert [one.echo() for one in websockets] == [b"hello\n"] * 2, "a reload of Caddy closes WebSockets"
    assert nodes.open_at_one()[0] == 2
    assert nodes.taking() == {"swift-fox"}

    Answer.may.set()
    for asker in askers:
        asker.join(30)
    assert held == [200, 200]
    for one in websockets:
        one.close()
    until(lambda: nodes.open_at_one() == (0, 0))

    nodes.one.drain(0)
    until(lambda: nodes.taking() == {"misty-owl", "swift-fox"})


def test_a_flag_whose_owner_died_keeps_nobody_away_for_longer_than_it_says(nodes: Nodes) -> None:
    nodes.one.drain(60)
    until(lambda: nodes.taking() == {"swift-fox"})
    (flag,) = pathlib.Path(nodes.one.machine.path("caddy/drain")).iterdir()
    flag.write_text(f"{int(time.time()) + 2}\n")
    until(lambda: nodes.taking() == {"misty-owl", "swift-fox"})
    assert flag.exists()


def test_where_no_node_passes_its_checks_all_are_asked_anyway(nodes: Nodes) -> None:
    """A machine that is short of time takes every node for dead at once, and would refuse everybody."""
    nodes.one.drain(60)
    nodes.other.drain(60)
    until(lambda: nodes.taking() == set())
    assert [nodes.visit() for _ in range(4)] == [200] * 4
    asked: list[int] = []
    asker = threading.Thread(target=lambda: asked.extend(nodes.visit("/held") for _ in range(2)), daemon=True)
    asker.start()
    until(lambda: sum(sent.sessions for sent in nodes.one.traffic(nodes.haproxy.alive).sent) == 1)
    assert {sent.node for sent in nodes.one.traffic(nodes.haproxy.alive).sent} == {"misty-owl", "swift-fox"}
    Answer.may.set()
    asker.join(30)
    assert asked == [200] * 2


def test_a_drain_of_the_whole_node_needs_no_flag_of_its_services_and_outlives_those_that_end(
    nodes: Nodes,
) -> None:
    assert nodes.one.drain(LASTING_S, WHOLE_NODE) == (WHOLE_NODE,)
    until(lambda: nodes.taking() == {"swift-fox"})
    nodes.one.drain(60)
    nodes.one.drain(0)
    nodes.one.reload()
    assert nodes.one.asked(X_Dynia_Check="haproxy") == 404
    assert nodes.one.asked() == 200
    assert nodes.one.machine.observe().drained == (WHOLE_NODE,)
    nodes.one.drain(0, WHOLE_NODE)
    until(lambda: nodes.taking() == {"misty-owl", "swift-fox"})


@pytest.mark.parametrize("flag", ["api", WHOLE_NODE])
def test_while_a_drain_lasts_no_check_writes_an_error_into_the_log_of_caddy(nodes: Nodes, flag: str) -> None:
    """A node may stay drained for days, and is asked many times a second."""
    nodes.one.drain(60, flag)
    until(lambda: nodes.taking() == {"swift-fox"})
    assert nodes.one.complaints() == []


@pytest.mark.parametrize(
    ("content", "told", "flag"),
    [
        ("99999999999", 404, "api"),
        ("1", 200, "api"),
        ("", 200, "api"),
        ("soon", 200, "api"),
        ("-1", 200, "api"),
        ("9" * 13, 200, "api"),
        ("1 2", 200, "api"),
        ("soon", 200, WHOLE_NODE),
    ],
)
def test_health_checks_alone_hear_of_a_flag_and_of_nothing_else_that_lies_there(
    nodes: Nodes, content: str, told: int, flag: str
) -> None:
    nodes.other.drain(60, flag)
    (there,) = pathlib.Path(nodes.other.machine.path("caddy/drain")).iterdir()
    there.write_text(content)
    assert nodes.other.asked(X_Dynia_Check="haproxy") == told
    assert nodes.other.asked() == 200
    assert nodes.one.asked(X_Dynia_Check="haproxy") == 200
