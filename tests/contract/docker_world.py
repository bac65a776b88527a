"""The lab as a contract test needs it: a provider, a cluster of its own, and what the world looks like."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from dynia.providers.nodes.docker.docker_cli import inspect, listed
from dynia.providers.nodes.docker.lab import CLUSTER, Lab
from dynia.providers.nodes.docker.operator_key import authorized_key, operator_key
from dynia.providers.nodes.docker.provider import DockerNodeProvider
from dynia.providers.nodes.docker.teardown import remove_cluster
from dynia.providers.protocols import NodeOrder, NodeProvider
from tests.contract.world import Foreign


class World:
    """One cluster in the lab that no other test has. `makes`: its provider makes machines; `container` is
    the one behind ``node-1`` where it does not."""

    makes = True
    absent = Foreign(machine="no-such-thing", address="no-such-thing")
    container = ""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.lineage = uuid.uuid4().hex
        self.cluster = f"contract-{uuid.uuid4().hex[:6]}"
        self.provider: NodeProvider = DockerNodeProvider(lab)

    def order(self, ordinal: int) -> NodeOrder:
        """An order as the engine gives it; every call has fresh host keys."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        return NodeOrder(
            lineage=self.lineage,
            cluster=self.cluster,
            ordinal=ordinal,
            name=f"node-{ordinal}",
            authorized_key=authorized_key(self.lab),
            host_private_key=key.export_private_key().decode(),
            host_public_key=key.export_public_key().decode().strip(),
        )

    def other(self) -> World:
        """Another cluster at the same vendor."""
        return World(self.lab)

    def machine(self, provider_id: str) -> str:
        """The container behind it."""
        return self.container or provider_id

    async def ready_for_an_address(self) -> None:
        """The lab's addresses wait for no machine."""

    async def told(self, provider_id: str) -> str:
        """All that the vendor tells about a machine."""
        image = ("history", "--no-trunc", "-q", "dynia-lab/hello:1")
        return self.docker("inspect", provider_id) + self.docker(*image)

    async def power_off(self, provider_id: str) -> None:
        self.docker("kill", provider_id)

    async def take_away(self, provider_id: str) -> None:
        """As somebody would who knows nothing of Dynia."""
        self.docker("rm", "-f", provider_id)

    @asynccontextmanager
    async def foreign(self) -> AsyncIterator[Foreign]:
        name = f"foreign-{self.cluster}"
        self.docker("create", "--name", name, "dynia-lab/hello:1")
        self.docker("volume", "create", name)
        try:
            yield Foreign(machine=name, address=name)
            assert self.docker("inspect", "-f", "{{.State.Status}}", name).strip() == "created"
            assert self.docker("volume", "inspect", "-f", "{{.Name}}", name).strip() == name
        finally:
            self.docker("rm", "-f", name)
            self.docker("volume", "rm", name)

    async def now(self) -> dict[str, tuple[str, str]]:
        """Everything of the cluster: name -> (id, since when); equal only if nothing happened."""
        mark = (self.lab.mark, f"label={CLUSTER}={self.cluster}")
        containers = await inspect("container", await listed("container", *mark))
        volumes = await inspect("volume", await listed("volume", *mark))
        return {
            **{c["Name"]: (c["Id"], c["State"]["StartedAt"] + c["State"]["Status"]) for c in containers},
            **{v["Name"]: (str(sorted(v["Labels"].items())), "") for v in volumes},
        }

    async def ssh(self, address: str, host_key: str, script: str) -> str:
        """Run a script on a node, over a connection that is pinned to its host key."""
        pinned = asyncssh.import_known_hosts(f"{address} {host_key}\n")
        async with asyncssh.connect(
            address, username="root", client_keys=[str(operator_key(self.lab))], known_hosts=pinned
        ) as connection:
            done = await connection.run(script, check=True, stdin=asyncssh.DEVNULL)
            return str(done.stdout).strip()

    def docker(self, *argv: str) -> str:
        """The docker command, as an operator would type it."""
        return subprocess.run(
            ["docker", *argv], check=True, capture_output=True, text=True, timeout=60
        ).stdout

    async def remove(self) -> None:
        await remove_cluster(self.lab, self.cluster, lambda _: None)
