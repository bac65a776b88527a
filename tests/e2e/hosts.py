"""Plain hosts for the `ssh` provider: lab nodes that nobody tells Dynia are lab nodes."""

from __future__ import annotations

import asyncio
import subprocess
import uuid

import asyncssh

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.images import bare_image, node_image
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import authorized_key, operator_key
from dynia.providers.nodes.docker.provider import DockerNodeProvider
from dynia.providers.nodes.docker.teardown import remove_cluster
from dynia.providers.protocols import NodeOrder


class Host(Shape):
    """A host as `provider: {kind: ssh}` wants it; `key` is the file of the operator's private key. `host_key`
    is what sshd shows there."""

    name: str
    container: str
    address: str
    host_key: str
    key: str
    user: str = "root"

    def sh(self, script: str, *, check: bool = True) -> str:
        """Run a script on it as root, past ssh."""
        argv = ["docker", "exec", self.container, "sh", "-c", script]
        return subprocess.run(argv, check=check, capture_output=True, text=True, timeout=120).stdout

    def yaml(self, *, pinned: bool = True) -> str:
        """Its entry under ``nodes:``; not `pinned`: known_hosts has its key."""
        key = f', host_key: "{self.host_key}"' if pinned else ""
        return (
            f"{{name: {self.name}, host: {self.address}, private_ip: {self.address}, user: {self.user}{key}}}"
        )


class Hosts:
    """Makes hosts; `remove` takes away all that it made. `group` is the word in their labels."""

    def __init__(self, lab: Lab, group: str = "") -> None:
        self._lab = lab
        self._group = group or f"hosts-{uuid.uuid4().hex[:6]}"
        self._made = 0

    def make(self, name: str, *, bare: bool = False, user: str = "root") -> Host:
        """A host: `bare` has nothing of Docker, HAProxy and keepalived; `user` gets ``sudo -n``."""
        self._made += 1
        key = asyncssh.generate_private_key("ssh-ed25519")
        order = NodeOrder(
            lineage=self._group,
            cluster=self._group,
            ordinal=self._made,
            name=name,
            authorized_key=authorized_key(self._lab),
            host_private_key=key.export_private_key().decode(),
            host_public_key=key.export_public_key().decode().strip(),
            image=bare_image() if bare else node_image(),
        )
        node = asyncio.run(DockerNodeProvider(self._lab).create_node(order))
        host = Host(
            name=name,
            container=node.provider_id,
            address=node.private_ip,
            host_key=node.host_key,
            key=str(operator_key(self._lab)),
            user=user,
        )
        host.sh("systemctl is-system-running --wait", check=False)
        if user != "root":
            host.sh(UNPRIVILEGED.format(user=user))
        return host

    def free_address(self) -> str:
        """An address of the hosts' network that nobody else gets."""
        provider = DockerNodeProvider(self._lab)
        return asyncio.run(provider.allocate_reserved_ip(self._group, self._group)).address

    def remove(self) -> None:
        asyncio.run(remove_cluster(self._lab, self._group, lambda _: None))


# root may not log in then: whatever works, works through sudo.
UNPRIVILEGED = """
set -eu
useradd --create-home --shell /bin/bash {user}
install -d -m 700 -o {user} -g {user} /home/{user}/.ssh
install -m 600 -o {user} -g {user} /root/.ssh/authorized_keys /home/{user}/.ssh/authorized_keys
printf '%s ALL=(ALL) NOPASSWD:ALL\\n' {user} >/etc/sudoers.d/{user}
chmod 440 /etc/sudoers.d/{user}
rm /root/.ssh/authorized_keys
"""
