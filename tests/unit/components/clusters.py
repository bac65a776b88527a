"""Clusters that the tests of components and rendering look at."""

from __future__ import annotations

import json

from dynia.interfaces.desired import (
    ClusterSpec,
    Container,
    DockerProvider,
    EnvSource,
    Health,
    NoEntry,
    Registry,
    Service,
    ShippedFile,
    SshHost,
    SshProvider,
    Target,
    VipEntry,
)
from dynia.interfaces.observed import ResolvedImage
from dynia.interfaces.templates import builtin_templates
from dynia.services.planning.components.base import Topology, TopologyNode


def container(name: str, image: str, **fields: object) -> Container:
    own = fields.pop("own", {"image": image})
    return Container(name=name, image=image, config=json.dumps({"container": own}), **fields)  # type: ignore[arg-type]


def web_service(name: str = "api", **fields: object) -> Service:
    """One routed container, one beside it that mounts nothing."""
    given: dict[str, object] = {
        "name": name,
        "kind": "http",
        "source": f"{name}/compose.yaml",
        "compose": b"services:\n  web:\n    image: hello:1\n  cache:\n    image: cache:1\n",
        "containers": (
            container("web", "hello:1", files=("config/app.toml",)),
            container("cache", "cache:1"),
        ),
        "files": (ShippedFile(path="config/app.toml", mode=0o644, content=b"a = 1\n", source="app.toml"),),
        "domains": (f"{name}.example.com",),
        "target": Target(container="web", port=8000),
        "health": Health(path="/healthz"),
    }
    given.update(fields)
    return Service(**given)  # type: ignore[arg-type]


def worker(name: str = "mailer") -> Service:
    return Service(
        name=name,
        kind="worker",
        source=f"{name}/compose.yaml",
        compose=b"services:\n  send:\n    image: mail:1\n",
        containers=(container("send", "mail:1"),),
    )


def cluster(**fields: object) -> ClusterSpec:
    given: dict[str, object] = {
        "name": "demo",
        "provider": DockerProvider(),
        "nodes": 3,
        "entry": VipEntry(),
        "services": (web_service(),),
    }
    given.update(fields)
    return ClusterSpec(**given)  # type: ignore[arg-type]


def nodes(count: int) -> tuple[TopologyNode, ...]:
    names = ("misty-owl", "swift-fox", "brave-panda", "quick-lynx")
    return tuple(
        TopologyNode(
            name=names[n] if n < len(names) else f"node-{n + 1}",
            ordinal=n + 1,
            config_id=f"n{n + 1}",
            private_ip=f"198.18.{16 + (n + 11) // 256}.{(n + 11) % 256}",
            priority=254 - n % 254,
            address=f"203.0.113.{n % 200 + 11}",
        )
        for n in range(count)
    )


def topology(spec: ClusterSpec, count: int | None = None, **fields: object) -> Topology:
    given: dict[str, object] = {
        "cluster": spec.name,
        "lineage": "0123456789abcdef",
        "spec": spec,
        "nodes": nodes(spec.nodes if count is None else count),
        "reserved_ip": "" if isinstance(spec.entry, NoEntry) else "198.18.16.200",
        "router_id": 51,
        "images": {
            "hello:1": ResolvedImage(reference="hello:1", origin="operator", run="sha256:" + "1" * 64),
            "ghcr.io/acme/api:1.9": ResolvedImage(
                reference="ghcr.io/acme/api:1.9",
                origin="registry",
                run="ghcr.io/acme/api@sha256:" + "a" * 64,
                pull="ghcr.io/acme/api@sha256:" + "a" * 64,
            ),
        },
        "templates": builtin_templates(),
    }
    given.update(fields)
    return Topology(**given)  # type: ignore[arg-type]


def two_hosts() -> ClusterSpec:
    """Hosts that exist, one of them with its own ssh port; a witness, an interface, a login, lists in the firewall."""
    from dynia.interfaces.desired import Firewall, Ssh

    return cluster(
        name="prod",
        provider=SshProvider(),
        nodes=2,
        hosts=(
            SshHost(name="a", host="a.example.com", private_ip="198.18.16.11", port=2222),
            SshHost(name="b", host="b.example.com", private_ip="198.18.16.12"),
        ),
        ssh=Ssh(),
        entry=VipEntry(address="198.18.16.200", interface="eth1", witness="198.18.16.1"),
        firewall=Firewall(ssh=("203.0.113.0/24", "2001:db8::/32"), http=("198.51.100.0/24",)),
        registries=(Registry(host="ghcr.io", user="acme", password=EnvSource(env="TOKEN")),),
        services=(
            web_service("api", containers=(container("web", "ghcr.io/acme/api:1.9"),), files=()),
            web_service("site", default=True, domains=("www.example.com", "example.com")),
            worker(),
        ),
    )
