"""States, changes and stories for tests, made of plain values."""

from __future__ import annotations

from dynia.state.model import (
    AppliedFile,
    AppliedRelease,
    Change,
    Cluster,
    Deployment,
    DropIntent,
    Intent,
    Node,
    PutCluster,
    PutIntent,
    PutNode,
    Route,
    SetComponent,
    SetDeployments,
)


def cluster(name: str = "prod") -> Cluster:
    return Cluster(name=name, provider="docker")


def node(cluster: str, ordinal: int) -> Node:
    return Node(
        cluster=cluster, name=f"node-{ordinal}", ordinal=ordinal, provider_id=f"id-{ordinal}",
        address=f"198.18.0.{ordinal}", private_ip=f"198.18.1.{ordinal}", host_key="ssh-ed25519 AAAA",
    )  # fmt: skip


def release(component: str, id: str) -> AppliedRelease:
    file = AppliedFile(path=f"/opt/dynia/{component}/main", mode=0o644, digest=f"sha256:{id}")
    return AppliedRelease(component=component, id=id, files=(file,))


def intent(cluster: str, ordinal: int) -> Intent:
    return Intent(cluster=cluster, step=f"node-{ordinal}/provision", kind="node", ordinal=ordinal)


def services(cluster: str, *names: str) -> SetDeployments:
    return SetDeployments(
        cluster=cluster,
        deployments=tuple(Deployment(cluster=cluster, name=n, kind="http", release="r") for n in names),
        routes=tuple(Route(cluster=cluster, domain=f"{n}.example.com", service=n) for n in names),
    )


def born(cluster: str, ordinal: int) -> tuple[Change, ...]:
    """What the end of a node's creation changes."""
    return (
        PutNode(node=node(cluster, ordinal)),
        DropIntent(cluster=cluster, step=f"node-{ordinal}/provision"),
    )


def begun(cluster: str, ordinal: int) -> tuple[Change, ...]:
    return (PutIntent(intent=intent(cluster, ordinal)),)


def recorded(name: str) -> tuple[Change, ...]:
    return (PutCluster(cluster=cluster(name)),)


def good(cluster: str, ordinal: int, component: str, id: str) -> tuple[Change, ...]:
    return (SetComponent(cluster=cluster, node=f"node-{ordinal}", release=release(component, id)),)
