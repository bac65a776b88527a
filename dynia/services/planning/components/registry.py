"""The logins of image registries, as the file that ``docker --config`` reads. A secret: compared by HMAC."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT

LOGINS = f"{ROOT}/registry/config.json"
_DOCKER_HUB = "https://index.docker.io/v1/"


class Registry(Basic):
    """Only there if the file names registries. Without its source the content is empty, and never pushed."""

    name: str = "registry"
    roots: tuple[str, ...] = (f"{ROOT}/registry",)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        content = topology.secrets.get(LOGINS, b"")
        file = ReleaseFile(path=LOGINS, mode=0o600, content=content, secret=True)
        return Recipe(release=Release(component=self.name, files=(file,)))


def logins_file(spec: ClusterSpec, logins: Mapping[str, tuple[str, str]]) -> bytes | None:
    """The file's content from host -> (user, password); None while one of the passwords is not there."""
    if not spec.registries or any(one.host not in logins for one in spec.registries):
        return None
    auths = {}
    for one in spec.registries:
        user, password = logins[one.host]
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        auths[_DOCKER_HUB if one.host == "docker.io" else one.host] = {"auth": token}
    return msgspec.json.format(msgspec.json.encode({"auths": auths}, order="deterministic")) + b"\n"
