"""The Docker engine: its unit. Its settings are the host's own (``daemon.json`` is never touched)."""

from __future__ import annotations

from dynia.interfaces.release import Release
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic

_ACTIVATE = """systemctl is-enabled -q docker.service || systemctl enable -q docker.service
systemctl start docker.service
"""
_PROBE = "docker version >/dev/null && docker compose version >/dev/null\n"


class Docker(Basic):
    name: str = "docker"
    units: tuple[str, ...] = ("docker.service",)
    packages: tuple[str, ...] = ("docker.io", "docker-cli", "docker-compose")

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        return Recipe(release=Release(component=self.name, files=()), activate=_ACTIVATE, probe=_PROBE)
