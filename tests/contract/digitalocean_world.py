"""DigitalOcean's twin as a contract test needs it; what the world looks like is read from its database."""

from __future__ import annotations

import asyncio
import pathlib
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh
import httpx
from msgspec.structs import replace

from dynia.lab.bodies import container_name
from dynia.lab.twins import TOKEN as TWIN
from dynia.lab.twins import folder
from dynia.providers.nodes.digitalocean.account import Account
from dynia.providers.nodes.digitalocean.droplets import Defaults
from dynia.providers.nodes.digitalocean.provider import DigitalOceanNodeProvider
from dynia.providers.nodes.docker.lab import Lab
from dynia.providers.nodes.docker.operator_key import authorized_key, operator_key
from dynia.providers.pace import Patience
from dynia.providers.protocols import NodeOrder
from tests.contract.world import Foreign, Seen
from tests.twin.judged import TOKEN, rows

QUICK = Patience(base=0.01, cap=0.1, poll=0.01, slowest=0.05, within=20.0)
BOOTING = Patience(base=0.1, poll=0.1, slowest=0.5, within=120.0)
OPERATOR = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


class DigitalOceanWorld:
    """One cluster in an account that other tests don't have."""

    token = TOKEN

    def __init__(self, url: str, database: pathlib.Path, patience: Patience = QUICK) -> None:
        self.url, self.database, self.patience = url, database, patience
        self.lineage = uuid.uuid4().hex
        self.cluster = f"contract-{uuid.uuid4().hex[:6]}"
        self.provider = self.fresh_provider()
        self.recorded: set[str] = set()

    def fresh_provider(self, token: str = TOKEN) -> DigitalOceanNodeProvider:
        """As another run of Dynia has it: it remembers nothing."""
        return DigitalOceanNodeProvider(Account(token, self.url), Defaults(region="lon1"), self.patience)

    def other(self) -> DigitalOceanWorld:
        return DigitalOceanWorld(self.url, self.database, self.patience)

    def order(self, ordinal: int) -> NodeOrder:
        """An order as the engine gives it; every call has fresh host keys."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        return NodeOrder(
            lineage=self.lineage,
            cluster=self.cluster,
            ordinal=ordinal,
            name=f"node-{ordinal}",
            authorized_key=OPERATOR,
            host_private_key=key.export_private_key().decode(),
            host_public_key=key.export_public_key().decode().strip(),
        )

    async def ready_for_an_address(self) -> None:
        """A reserved IP is born on a droplet."""
        await self.provider.create_node(self.order(1))

    async def now(self) -> Seen:
        """Droplets and addresses of the account, and marks of this cluster but the one that stays."""
        droplets = rows(self.database, "SELECT * FROM droplets WHERE deleted IS NULL")
        addresses = rows(self.database, "SELECT * FROM reserved_ips WHERE released IS NULL")
        mark = f"dynia:{self.lineage}:{self.cluster}:"
        tags = rows(self.database, "SELECT name FROM tags WHERE instr(name, ?) = 1", mark)
        return {
            **{f"droplet {one['id']}": (one["name"], one["status"]) for one in droplets},
            **{one["ip"]: (str(one["id"]), str(one["droplet"])) for one in addresses},
            **{one["name"]: ("", "") for one in tags},
        }

    async def api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """As somebody would who knows nothing of Dynia."""
        async with httpx.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}
        ) as client:
            got = await client.request(method, path, json=body)
            got.raise_for_status()
            return got

    async def told(self, provider_id: str) -> str:
        return (await self.api("GET", f"/v2/droplets/{provider_id}")).text

    async def power_off(self, provider_id: str) -> None:
        await self.api("POST", f"/v2/droplets/{provider_id}/actions", {"type": "power_off"})
        while (await self.api("GET", f"/v2/droplets/{provider_id}")).json()["droplet"]["status"] != "off":  # noqa: ASYNC110 (a vendor tells nobody)
            await asyncio.sleep(self.patience.slowest)

    async def take_away(self, provider_id: str) -> None:
        await self.api("DELETE", f"/v2/droplets/{provider_id}")

    @asynccontextmanager
    async def foreign(self) -> AsyncIterator[Foreign]:
        """A droplet with the name of a node, and an address: by hand, in the same account."""
        order = {"name": "node-1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "lon1"}
        droplet = (await self.api("POST", "/v2/droplets", {**order, "tags": ["dynia"]})).json()["droplet"][
            "id"
        ]
        while (await self.api("GET", f"/v2/droplets/{droplet}")).json()["droplet"]["locked"]:  # noqa: ASYNC110
            await asyncio.sleep(self.patience.slowest)
        address = (await self.api("POST", "/v2/reserved_ips", {"region": "lon1"})).json()["reserved_ip"]["ip"]
        before = self._as_made(droplet, address)
        yield Foreign(machine=str(droplet), address=address)
        assert self._as_made(droplet, address) == before

    def _as_made(self, droplet: int, address: str) -> object:
        return (
            rows(self.database, "SELECT * FROM droplets WHERE id = ?", droplet),
            rows(self.database, "SELECT * FROM droplet_tags WHERE droplet = ?", droplet),
            rows(self.database, "SELECT * FROM reserved_ips WHERE ip = ?", address),
        )

    async def remove(self) -> None:
        """The account goes with its database."""


class TwinWorld(DigitalOceanWorld):
    """The same with the lab's machines behind the droplets."""

    makes = True
    absent = Foreign(machine="299999999", address="198.19.255.1")
    token = TWIN

    def __init__(self, lab: Lab, environment: dict[str, str]) -> None:
        self.lab, self.environment = lab, environment
        super().__init__(environment["DYNIA_DIGITALOCEAN_URL"], folder(lab) / "digitalocean.db", BOOTING)

    def fresh_provider(self, token: str = TWIN) -> DigitalOceanNodeProvider:
        return super().fresh_provider(token)

    def other(self) -> TwinWorld:
        return TwinWorld(self.lab, self.environment)

    def order(self, ordinal: int) -> NodeOrder:
        return replace(super().order(ordinal), authorized_key=authorized_key(self.lab))

    def machine(self, provider_id: str) -> str:
        return container_name(self.lab, int(provider_id))

    def docker(self, *argv: str) -> str:
        done = subprocess.run(["docker", *argv], check=True, capture_output=True, text=True, timeout=60)
        return done.stdout

    async def ssh(self, address: str, host_key: str, script: str) -> str:
        """A droplet is called active while it boots."""
        pinned = asyncssh.import_known_hosts(f"{address} {host_key}\n")
        async with asyncio.timeout(90):
            while True:
                try:
                    async with asyncssh.connect(
                        address,
                        username="root",
                        client_keys=[str(operator_key(self.lab))],
                        known_hosts=pinned,
                    ) as connection:
                        done = await connection.run(script, check=True, stdin=asyncssh.DEVNULL)
                        return str(done.stdout).strip()
                except (OSError, asyncssh.ConnectionLost):
                    await asyncio.sleep(0.2)

    async def remove(self) -> None:
        for node in await self.provider.list_nodes(self.lineage, self.cluster):
            await self.provider.delete_node(node.provider_id)
        for address in await self.provider.list_reserved_ips(self.lineage, self.cluster):
            await self.provider.release_reserved_ip(address.provider_id)
