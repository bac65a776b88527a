"""The printed form of what will lie on the nodes: the tree ``deploy-config/``, without any secret."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dynia.interfaces.desired import ClusterSpec, NoEntry, VipEntry
from dynia.interfaces.observed import CertificateSeen, NodeFacts, Observed, ProviderNode, ResolvedImage
from dynia.interfaces.release import Release, ReleaseFile
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.planning.addresses import PENDING, recorded_address
from dynia.services.planning.components.base import Topology
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.inputs import PlanningInput
from dynia.services.planning.nodes import decide_nodes
from dynia.services.planning.simulate import apply_steps
from dynia.services.planning.topology import topology_of
from dynia.state.model import State

Permissions = Annotated[str, msgspec.Meta(pattern="^[0-7]{3,4}$")]
Digest = Annotated[str, msgspec.Meta(pattern="^sha256:[0-9a-f]{64}$")]
AbsolutePath = Annotated[str, msgspec.Meta(pattern="^/")]

_SYSTEMD = "/etc/systemd/system/"
_MAIN = ("haproxy.cfg", "Caddyfile", "keepalived.conf", "docker-compose.yml", "dynia.nft", "node.env")


class FileMetadata(Shape, rename="camel"):
    """Where a file lands, and as what."""

    target_path: AbsolutePath
    permissions: Permissions
    hash: Digest


class ComponentMetadata(FileMetadata, rename="camel"):
    """``metadata.json`` of a component: its main file, and the others under `files`."""

    files: tuple[FileMetadata, ...] = ()


class NodeMetadata(Shape, rename="camel"):
    name: str
    ordinal: int
    private_ip: str
    priority: int


class ServiceMetadata(Shape, rename="camel"):
    name: str
    kind: str
    domains: tuple[str, ...]


class ClusterMetadata(Shape, rename="camel"):
    """``cluster-metadata.json``. `releases` maps components to what they are; `files` is the whole tree."""

    version: int
    name: str
    reserved_ip: str
    router_id: int
    nodes: tuple[NodeMetadata, ...]
    services: tuple[ServiceMetadata, ...]
    releases: dict[str, str]
    files: tuple[str, ...]


def preview_topology(
    spec: ClusterSpec,
    state: State,
    images: dict[str, ResolvedImage],
    templates: dict[str, str],
    secrets: dict[str, bytes],
    certificate: CertificateSeen | None = None,
) -> Topology:
    """The cluster as it will be, from file and state alone. Unknown addresses are placeholders."""
    recorded = tuple(
        ProviderNode(provider_id=n.provider_id, name=n.name, ordinal=n.ordinal, status="running")
        for n in state.nodes_of(spec.name)
    )
    # As if every machine answered: who leaves is decided by the file alone.
    nodes = {n.name: NodeFacts(hostname=n.name, boot_id="", os="", arch="") for n in recorded}
    given = PlanningInput(
        target=spec.name,
        desired=spec,
        state=state,
        observed=Observed(nodes=dict(nodes), provider_nodes=recorded),
        templates=templates,
        secrets=secrets,
    )
    _, machines = decide_nodes(given, spec, "")
    world = apply_steps(given, machines.steps, None)
    membership, _ = decide_nodes(world, spec, "")
    return topology_of(given, spec, membership.staying, _entry_address(given, spec), images, certificate)


def deploy_config(topology: Topology, rendered: dict[str, dict[str, Recipe]]) -> dict[str, bytes]:
    """Relative path -> content, sorted. What is a node's own is below ``nodes/<name>/``."""
    tree: dict[str, bytes] = {}
    releases: dict[str, str] = {}
    for number, node in enumerate(topology.nodes):
        for name, recipe in rendered[node.name].items():
            if name == "node":
                _add(tree, f"nodes/{node.name}", recipe.release)
            elif number == 0:
                releases[name] = recipe.release.id
                _add(tree, _folder(name), recipe.release)
    tree["cluster-metadata.json"] = b""
    tree["cluster-metadata.json"] = _json(_cluster(topology, releases, tuple(sorted(tree))))
    return dict(sorted(tree.items()))


def _entry_address(given: PlanningInput, spec: ClusterSpec) -> str:
    if isinstance(spec.entry, NoEntry):
        return ""
    if isinstance(spec.entry, VipEntry) and spec.entry.address:
        return spec.entry.address
    recorded = recorded_address(given)
    return recorded.address if recorded else PENDING


def _cluster(topology: Topology, releases: dict[str, str], files: tuple[str, ...]) -> ClusterMetadata:
    services = sorted(topology.spec.services, key=lambda s: s.name)
    return ClusterMetadata(
        version=1,
        name=topology.cluster,
        reserved_ip=topology.reserved_ip,
        router_id=topology.router_id,
        nodes=tuple(
            NodeMetadata(name=n.name, ordinal=n.ordinal, private_ip=n.private_ip, priority=n.priority)
            for n in topology.nodes
        ),
        services=tuple(
            ServiceMetadata(name=s.name, kind=s.kind, domains=tuple(sorted(s.domains))) for s in services
        ),
        releases=dict(sorted(releases.items())),
        files=files,
    )


def _folder(component: str) -> str:
    kind, _, service = component.partition("/")
    return f"services/{service}" if kind == "service" else component


def _add(tree: dict[str, bytes], folder: str, release: Release) -> None:
    files = [file for file in sorted(release.files, key=lambda f: f.path) if not file.secret]
    if not files:
        return
    for file in files:
        tree[f"{folder}/{_name(folder, file.path)}"] = file.content
    main = next((f for f in files if f.path.rpartition("/")[2] in _MAIN), files[0])
    first = _metadata(main)
    tree[f"{folder}/metadata.json"] = _json(
        ComponentMetadata(
            target_path=first.target_path,
            permissions=first.permissions,
            hash=first.hash,
            files=tuple(_metadata(file) for file in files if file is not main),
        )
    )


def _name(folder: str, path: str) -> str:
    """Where a file stands in its component's folder of the tree."""
    for start in (f"{ROOT}/{folder}/", _SYSTEMD, f"{ROOT}/"):
        if path.startswith(start):
            return path.removeprefix(start)
    raise ValueError(f"{path} is no path of ours")


def _metadata(file: ReleaseFile) -> FileMetadata:
    return FileMetadata(target_path=file.path, permissions=f"{file.mode:o}", hash=file.digest)


def _json(value: Shape) -> bytes:
    """Encoded, and read back through its own type: what is written is what a reader will accept."""
    text = msgspec.json.format(msgspec.json.encode(value)) + b"\n"
    if msgspec.json.decode(text, type=type(value)) != value:
        raise ValueError(f"{type(value).__name__} does not read back as it was written")
    return text
