"""Lists from file and state alone: what is applied, what comes, what leaves."""

from __future__ import annotations

from msgspec.structs import replace

from dynia.commands.screens.lists import nodes_text, services_text, services_view
from dynia.state.model import State
from tests.plans import worlds

SETTLED = worlds.settled(worlds.cluster(2, (worlds.service(), worlds.worker())))


def test_a_service_is_applied_pending_or_leaving() -> None:
    spec = worlds.cluster(2, (worlds.service(), worlds.service("web")))
    rows = services_view("prod", spec, SETTLED.state)
    assert {row.name: row.state for row in rows} == {"api": "applied", "mailer": "leaving", "web": "pending"}
    assert "2 services not as applied" in services_text("prod", rows, width=80)


def test_what_is_applied_shows_its_release_and_what_leaves_keeps_its_domains() -> None:
    rows = services_view("prod", None, SETTLED.state)
    assert {row.state for row in rows} == {"leaving"}
    api = next(row for row in rows if row.name == "api")
    assert api.domains == ("api.example.com",)
    applied = services_view("prod", SETTLED.desired, SETTLED.state)
    assert all(row.release for row in applied)


def test_another_clusters_services_are_not_shown() -> None:
    assert services_view("staging", None, SETTLED.state) == ()
    assert services_text("staging", (), width=80) == "staging: no service."


def test_nodes_are_listed_by_ordinal_with_how_ssh_reaches_them() -> None:
    nodes = SETTLED.state.nodes_of("prod")
    lines = nodes_text("prod", nodes, width=100).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[node.name, str(node.ordinal)] for node in nodes]
    unready = replace(nodes[0], bootstrapped=False, user="deploy", port=2222)
    assert "deploy:2222" in nodes_text("prod", (unready,), width=100)
    assert "(not ready)" in nodes_text("prod", (unready,), width=100)
    assert nodes_text("prod", State().nodes_of("prod"), width=80).startswith("prod: no node yet")
