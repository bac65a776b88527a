"""What is rendered depends on the cluster, and on nothing else: not on input order, not on the node looked at."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dynia.interfaces.desired import ClusterSpec, EnvSource, NoEntry, Registry, VipEntry
from dynia.interfaces.release import ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology
from dynia.services.planning.deploy_config import deploy_config, preview_topology
from dynia.services.planning.render import recipes
from dynia.state.model import Cluster, Node, ReservedIp, State
from tests.unit.components.clusters import cluster, topology, web_service, worker

replace = msgspec.structs.replace


@st.composite
def specs(draw: st.DrawFn) -> ClusterSpec:
    names = draw(st.lists(st.sampled_from(["api", "site", "blog", "shop"]), unique=True, max_size=4))
    services = [
        web_service(name, domains=(f"{name}.example.com", f"www.{name}.example.com")) for name in names
    ]
    if services and draw(st.booleans()):
        services[0] = replace(services[0], default=True)
    if draw(st.booleans()):
        services.append(worker())
    entry = draw(st.sampled_from([NoEntry(), VipEntry(), VipEntry(interface="eth1", witness="198.18.16.1")]))
    return cluster(services=tuple(services), entry=entry, nodes=draw(st.integers(1, 4)))


def shuffled(spec: ClusterSpec, seed: int) -> ClusterSpec:
    """The same cluster, listed in another order."""
    order = random.Random(seed)

    def mixed(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(order.sample(items, len(items)))

    services = [
        replace(s, containers=mixed(s.containers), files=mixed(s.files), domains=tuple(sorted(s.domains)))
        for s in spec.services
    ]
    return replace(spec, services=mixed(tuple(services)))


def bytes_of(rendered: dict[str, dict[str, Recipe]]) -> bytes:
    return msgspec.json.encode(rendered, order="deterministic")


@given(specs(), st.integers(0, 1000))
def test_rendering_is_independent_of_input_order(spec: ClusterSpec, seed: int) -> None:
    whole, mixed = topology(spec), topology(shuffled(spec, seed))
    mixed = replace(
        mixed,
        templates=dict(reversed(whole.templates.items())),
        images=dict(reversed(whole.images.items())),
    )
    assert bytes_of(recipes(whole)) == bytes_of(recipes(mixed))


@given(specs())
def test_every_node_gets_identical_files_but_node_env(spec: ClusterSpec) -> None:
    rendered = recipes(topology(spec))
    kinds = {name: recipe for name, recipe in next(iter(rendered.values())).items() if name != "node"}
    for components in rendered.values():
        assert {name: recipe for name, recipe in components.items() if name != "node"} == kinds
    own = [components["node"].release.files for components in rendered.values()]
    assert all([f.path for f in files] == ["/opt/dynia/node.env"] for files in own)
    assert len({files[0].content for files in own}) == len(rendered)


@given(specs())
def test_configs_name_every_node_of_the_cluster(spec: ClusterSpec) -> None:
    whole = topology(spec)
    everywhere = [node.private_ip for node in whole.nodes]
    silent = {"haproxy": not routed(spec), "keepalived": len(everywhere) == 1}
    for component, recipe in recipes(whole)[whole.nodes[0].name].items():
        if component in ("caddy", "firewall", "haproxy", "keepalived"):
            text = b"".join(file.content for file in recipe.release.files).decode()
            named = [address for address in everywhere if address in text]
            assert named == ([] if silent.get(component) else everywhere), component


def routed(spec: ClusterSpec) -> bool:
    return any(service.kind == "http" for service in spec.services)


@given(specs())
def test_every_file_is_ours_to_write(spec: ClusterSpec) -> None:
    units = ("haproxy.service.d/dynia.conf", "keepalived.service.d/dynia.conf", "dynia-firewall.service")
    allowed = {f"/etc/systemd/system/{name}" for name in units}
    for components in recipes(topology(spec)).values():
        for recipe in components.values():
            for file in recipe.release.files:
                assert file.path.startswith("/opt/dynia/") or file.path in allowed


def secret_cluster() -> Topology:
    spec = cluster(
        registries=(Registry(host="ghcr.io", user="acme", password=EnvSource(env="T")),),
        services=(web_service(dotenv=b"PASSWORD=hunter2\n"),),
    )
    return topology(spec, secrets={"/opt/dynia/registry/config.json": b'{"auths": "hunter2"}'})


def test_no_secret_stands_in_the_printed_tree() -> None:
    whole = secret_cluster()
    rendered = recipes(whole)
    secrets: list[ReleaseFile] = [
        file for one in rendered.values() for r in one.values() for file in r.release.files if file.secret
    ]
    assert {file.path for file in secrets} == {
        "/opt/dynia/registry/config.json",
        "/opt/dynia/services/api/.env",
    }
    assert all(b"hunter2" in file.content for file in secrets)
    tree = deploy_config(whole, rendered)
    assert not any(
        b"hunter2" in content or (path.endswith(".env") and "nodes/" not in path)
        for path, content in tree.items()
    )
    assert "registry/metadata.json" not in tree


def state_of(count: int) -> State:
    nodes = tuple(
        Node(
            cluster="demo",
            name=f"node-{n}",
            ordinal=n,
            provider_id=f"id-{n}",
            address=f"198.18.16.{n}",
            private_ip=f"198.18.16.{n}",
            host_key="k",
            priority=255 - n,
        )
        for n in range(1, count + 1)
    )
    home = Cluster(
        name="demo",
        provider="docker",
        next_ordinal=count + 1,
        reserved_ip=ReservedIp(address="198.18.16.200"),
    )
    return State(lineage="abc", clusters=(home,), nodes=nodes)


def test_nodes_that_are_not_made_yet_are_rendered_with_placeholders() -> None:
    spec = cluster(nodes=3)
    whole = preview_topology(spec, state_of(2), {}, topology(spec).templates, {})
    assert [node.private_ip for node in whole.nodes] == ["198.18.16.1", "198.18.16.2", "(known after apply)"]
    assert whole.reserved_ip == "198.18.16.200"
    tree = deploy_config(whole, recipes(whole))
    assert b"(known after apply):8080" in tree["haproxy/haproxy.cfg"]


def test_without_a_state_everything_is_a_placeholder() -> None:
    spec = cluster(nodes=2)
    whole = preview_topology(spec, State(lineage="abc"), {}, topology(spec).templates, {})
    assert [node.ordinal for node in whole.nodes] == [1, 2]
    assert whole.reserved_ip == "(known after apply)"


def test_a_node_that_leaves_is_in_no_config() -> None:
    spec = cluster(nodes=2)
    whole = preview_topology(spec, state_of(3), {}, topology(spec).templates, {})
    assert [node.name for node in whole.nodes] == ["node-1", "node-2"]
