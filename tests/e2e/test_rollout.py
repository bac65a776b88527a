"""A change goes from node to node: a bad one stops where it shows first, a good one touches only what it is about."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import ROOT
from tests.e2e.container_events import ContainerEvents
from tests.e2e.look import look, on, touched
from tests.e2e.pair import COMPOSE, HOME, SIDE, WEB, check_settled, write_pair
from tests.e2e.scratch import Scratch
from tests.e2e.visitor import Visitors

pytestmark = pytest.mark.lab

HAPROXY = "/opt/dynia/haproxy/haproxy.cfg"
PANIC = 'panic: missing column "plan"'
BROKEN = COMPOSE.replace(
    "    environment: {COLOUR: blue}\n",
    f"    command: [sh, -c, \"trap 'exit 0' TERM; echo '{PANIC}'; sleep 600 & wait\"]\n".replace(
        '"plan"', '\\"plan\\"'
    ),
)


@pytest.fixture(autouse=True)
def settled(pair: Scratch) -> Iterator[None]:
    """A test ends with nothing to do."""
    yield
    check_settled(pair)


def test_a_broken_health_check_stops_at_the_canary(pair: Scratch) -> None:
    """Where a person is to look first; what happens else is in test_release_fails."""
    pair.edit("clusters.yaml", "    services:\n", "    rollout: {on_failure: pause}\n    services:\n")
    before = look(pair)
    pair.write("compose.yaml", BROKEN)
    with Visitors(pair, *pair.nodes()) as visitors:
        run = pair.apply("--json", exits=7)
    result = json.loads(run.stdout)
    canary, holder = result["plan"]["order"][0], result["plan"]["holder"]
    assert canary != holder
    (failure,) = result["failures"]
    assert (failure["node"], failure["step"]) == (canary, f"{canary}/service/pair/wait")
    assert "dynia-pair-web-1 is unhealthy" in failure["message"]
    assert f"dynia-pair-web-1 | {PANIC}" in failure["message"]
    assert f"dynia-pair-web-1 | {PANIC}" in run.stderr, "people do not see it"
    stopped = look(pair)
    assert touched(before, stopped) == on(
        canary, WEB, *(f"file {HOME}/{name}" for name in ("docker-compose.yml", "override.yaml"))
    ) | caddyfile(canary)
    visitors.check()

    write_pair(pair)
    with Visitors(pair, *pair.nodes()) as visitors:
        pair.apply()
    assert touched(before, look(pair)) == touched(before, stopped)
    visitors.check()


def caddyfile(*nodes: str) -> set[str]:
    """Caddy proxies to the release by name, so its file follows every release of a routed container."""
    return {f"{node} file /opt/dynia/caddy/Caddyfile" for node in nodes}


def test_an_invalid_haproxy_cfg_is_refused_on_the_first_node(pair: Scratch) -> None:
    before = look(pair)
    own_template(pair, lambda text: text + "\nbogus-word of nobody\n")
    with Visitors(pair, *pair.nodes()) as visitors:
        failure = stopped_at_haproxy(pair)
    assert "haproxy · check failed; the node is back on what it had" in failure
    assert "bogus-word" in failure, "HAProxy's own complaint is missing"
    assert touched(before, look(pair)) == set()
    visitors.check()
    write_pair(pair)


@pytest.mark.slow
def test_a_haproxy_cfg_that_is_valid_and_does_not_work_is_taken_back(pair: Scratch) -> None:
    before, contents = look(pair), hashes(pair)
    own_template(pair, lambda text: text.replace("/alive", "/nobody-asks-here"))
    failure = stopped_at_haproxy(pair)
    assert "haproxy · probe failed; the node is back on what it had" in failure
    first = failure.split(" ", 1)[0]
    assert touched(before, look(pair)) == on(first, "reload haproxy"), "the very same file is there again"
    assert hashes(pair) == contents
    told = pair.sh(first, "curl -s -m 2 -o /dev/null -D - http://127.0.0.1:8404/alive")
    config = pair.sh(first, f"grep -o 'X-Dynia-Config [0-9a-f]*' {HAPROXY}").split()[1]
    assert config in told, "HAProxy does not run the file that is there"
    write_pair(pair)


@pytest.mark.slow
def test_a_service_that_was_to_go_serves_on_where_caddy_could_not_be_reloaded_without_it(
    pair: Scratch,
) -> None:
    """The new Caddyfile passes its check, and asks for an address that is nowhere: its reload fails."""
    own_template(
        pair,
        lambda text: f"{text}\n:81 {{\n\tbind 203.0.113.1\n\trespond 200\n}}\n",
        "caddy/Caddyfile.mustache",
    )
    text = (pair.folder / "clusters.yaml").read_text()
    pair.write("clusters.yaml", text[: text.index("    services:\n")] + "    services: {}\n")
    result = json.loads(pair.apply("--json", exits=7).stdout)
    for failure in result["failures"]:
        assert "caddy · activate failed; the node is back on what it had" in failure["message"]
    for node in pair.nodes():
        assert "good morning" in page(pair, node)
    write_pair(pair)
    check_settled(pair)


def own_template(
    cluster: Scratch, change: Callable[[str], str], name: str = "haproxy/haproxy.cfg.mustache"
) -> None:
    """A built-in template, changed, as the team's own."""
    text = (ROOT / "templates" / name).read_text()
    assert change(text) != text
    cluster.write(f"own/{name}", change(text))
    cluster.edit("clusters.yaml", "    services:\n", "    templates: ./own\n    services:\n")


def stopped_at_haproxy(cluster: Scratch) -> str:
    """Apply: it must stop with exit 7 on the first node in turn; what it says of the one failure."""
    result = json.loads(cluster.apply("--json", exits=7).stdout)
    (failure,) = result["failures"]
    assert failure["node"] == result["plan"]["order"][0]
    assert failure["message"].startswith(failure["node"])
    return str(failure["message"])


def hashes(cluster: Scratch) -> dict[str, str]:
    """The content of haproxy.cfg on every node."""
    return {node: cluster.sh(node, f"sha256sum {HAPROXY}") for node in cluster.nodes()}


@pytest.mark.slow
def test_a_new_image_of_one_container_does_not_restart_its_sibling(pair: Scratch) -> None:
    image = (
        pair.docker("image", "inspect", "--format", "{{.Id}}", "dynia-lab/hello:2")
        .strip()
        .removeprefix("sha256:")
    )
    text = (pair.folder / "compose.yaml").read_text()
    pair.write("compose.yaml", text.replace("dynia-lab/hello:1", "dynia-lab/hello:2", 1))
    rolled(pair, WEB, files=("docker-compose.yml", "override.yaml"), named=image[:12])
    for node in pair.nodes():
        assert "version 2" in page(pair, node)


@pytest.mark.slow
def test_a_mounted_file_that_changes_recreates_its_container_one_node_at_a_time(pair: Scratch) -> None:
    pair.write("greeting/text", "good evening\n")
    told = pair.dynia("plan", "--full").stdout
    assert "greeting/text, 1 line" in told
    assert "- good morning\n" in told and "+ good evening\n" in told
    rolled(pair, WEB, files=("greeting/text", "override.yaml"), named="greeting/text")
    for node in pair.nodes():
        assert "good evening" in page(pair, node)


@pytest.mark.slow
def test_a_file_that_is_mounted_alone_is_new_in_its_container(pair: Scratch) -> None:
    pair.write("side/settings", "side = 2\n")
    rolled(pair, SIDE, files=("side/settings", "override.yaml"), named="side/settings")
    for node in pair.nodes():
        assert pair.sh(node, "docker exec dynia-pair-side-1 cat /etc/settings") == "side = 2\n"


@pytest.mark.slow
def test_a_changed_variable_recreates_the_container_that_uses_it_and_no_other(pair: Scratch) -> None:
    """Its value is in nothing that Dynia hashes: Compose on the node sees that it changed."""
    pair.edit("compose.yaml", "{COLOUR: blue}", '{COLOUR: blue, PASSWORD: "${PASSWORD}"}')
    pair.write(".env", "PASSWORD=one\n")
    pair.apply()
    pair.write(".env", "PASSWORD=two\n")
    rolled(pair, WEB, files=(".env",), named=".env (changed)")
    for node in pair.nodes():
        assert "PASSWORD=two" in pair.sh(node, "docker inspect -f '{{.Config.Env}}' dynia-pair-web-1")
    (pair.folder / ".env").unlink()
    write_pair(pair)
    pair.apply()


@pytest.mark.slow
def test_a_changed_variable_that_is_granted_as_a_secret_recreates_its_container(pair: Scratch) -> None:
    """Compose does not compare what it copies into a container: the node's own keyed hash of `.env` does."""
    write_pair(pair)
    pair.edit("compose.yaml", "  side:\n", "  side:\n    secrets: [told]\n")
    compose = (pair.folder / "compose.yaml").read_text()
    pair.write("compose.yaml", f"{compose}secrets: {{told: {{environment: PASSWORD}}}}\n")
    pair.write(".env", "PASSWORD=one\n")
    pair.apply()
    pair.write(".env", "PASSWORD=two\n")
    rolled(pair, SIDE, files=(".env",), named=".env (changed)")
    for node in pair.nodes():
        assert pair.sh(node, "docker exec dynia-pair-side-1 cat /run/secrets/told") == "two"
    (pair.folder / ".env").unlink()
    write_pair(pair)
    pair.apply()


def rolled(cluster: Scratch, container: str, *, files: tuple[str, ...], named: str) -> None:
    """Apply: only that container is new on every node, one node after the other, and the URL answers all along."""
    before = look(cluster)
    plan = cluster.dynia("plan", "--detailed-exitcode", exits=2).stdout
    assert named in plan, plan
    name = container.removeprefix("container /")
    nodes = tuple(cluster.nodes())
    with ContainerEvents(cluster, name) as events, Visitors(cluster, *nodes) as visitors:
        done = json.loads(cluster.apply("--json").stdout)
    changed = touched(before, look(cluster))
    want = {thing for node in nodes for thing in on(node, container, *(f"file {HOME}/{f}" for f in files))}
    assert changed - caddyfile(*nodes) == want
    away = events.away()
    print("away:", *(f"{one.node} {one.end - one.begin:.1f} s" for one in away))
    assert [one.node for one in away] == done["plan"]["order"], events.events
    assert sorted(done["plan"]["order"]) == list(nodes)
    assert done["plan"]["order"][-1] == done["plan"]["holder"]
    assert all(one.end < following.begin for one, following in itertools.pairwise(away)), away
    visitors.check()


def page(cluster: Scratch, node: str) -> str:
    """What a node's own Caddy answers."""
    return cluster.sh(node, f"curl -s -m 5 http://{cluster.address(node)}:8080/")
