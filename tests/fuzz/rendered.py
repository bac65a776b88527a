"""All that goes to the nodes of an accepted cluster: rendered, packed as it is sent, and held to its folders."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.node_requests import PushRequest
from dynia.providers.ssh.messages import push_message
from dynia.services.planning.deploy_config import deploy_config
from dynia.services.planning.render import recipes
from tests.fuzz.oracle import Broken
from tests.unit.components.clusters import topology

PLACES = ("/opt/dynia/", "/etc/systemd/system/haproxy.service.d/dynia.conf",
          "/etc/systemd/system/keepalived.service.d/dynia.conf", "/etc/systemd/system/dynia-firewall.service",
          "/etc/systemd/system/dynia-failover.service")  # fmt: skip


def everything_of(spec: ClusterSpec) -> Iterator[str]:
    """The texts of `dynia render`. Raises `Broken` where a file would land outside."""
    whole = topology(spec, count=min(spec.nodes, 3))
    made = recipes(whole)
    for path, content in deploy_config(whole, made).items():
        inside(posixpath.join("/deploy-config", path), "/deploy-config/")
        content.decode()
    for per_node in made.values():
        for recipe in per_node.values():
            packed(PushRequest(
                component=recipe.release.component, lineage="a" * 32, files=recipe.release.files, check=recipe.check,
                activate=recipe.activate, probe=recipe.probe,
            ))  # fmt: skip
    yield spec.name


def packed(request: PushRequest) -> None:
    """The tar as the node unpacks it: plain files, each below ``root`` or ``.dynia``, each where it may be."""
    with tarfile.open(fileobj=io.BytesIO(push_message(request))) as tar:
        for member in tar:
            if not member.isreg():
                raise Broken(f"{member.name!r} is no plain file")
            if member.name.startswith(".dynia/") and posixpath.normpath(member.name) == member.name:
                continue
            inside("/" + member.name.removeprefix("root/"), *PLACES)
            if member.mode & ~0o777:
                raise Broken(f"{member.name!r} has mode {member.mode:o}")


def inside(path: str, *places: str) -> None:
    if posixpath.normpath(path) != path or not path.startswith(places) or not path.isprintable():
        raise Broken(f"a file would land at {path!r}")
