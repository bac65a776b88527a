"""A host that exists, as a contract test needs it: a machine of the lab that the provider did not make."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dynia.interfaces.desired import SshHost
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.provider import DockerNodeProvider
from dynia.providers.nodes.ssh.provider import SshNodeProvider
from dynia.providers.ssh.keys import load_known_hosts
from tests.contract.docker_world import World


class HostWorld(World):
    """Host ``node-1`` stands in the file, its key in a known_hosts file in `folder`."""

    makes = False

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(lab)
        machine = asyncio.run(DockerNodeProvider(lab).create_node(self.order(1)))
        host = SshHost(name="node-1", host=machine.public_ip, private_ip=machine.private_ip)
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"{machine.public_ip} {machine.host_key}\n")
        self.container = machine.provider_id
        self.provider = SshNodeProvider((host,), load_known_hosts(str(known_hosts)))
