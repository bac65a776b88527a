"""The twins of one lab, joined: the vendors' simulators, with this machine's containers behind them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from dynia.interfaces.errors import DyniaError
from dynia.lab.bodies import DROPLET, LabBodies
from dynia.lab.hairpins import watch_ports
from dynia.lab.name_server import name_server, program
from dynia.lab.packets import Packets
from dynia.lab.places import API_PORT, CLOUDFLARE_PORT, NAMES_PORT, Places
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, inspect
from dynia.providers.nodes.docker.lab import LAB, Lab
from dynia.providers.nodes.docker.network import network
from dynia.twin.cloudflare.server import CloudflareTwin
from dynia.twin.digitalocean.server import DigitalOceanTwin

# A twin is not told secrets. The second token may do what a node needs to claim the address, and no more.
# They look like nothing else, so that a search for them finds them alone.
TOKEN = "dop_v1_lab-twin-all-scopes"  # noqa: S105
FAILOVER_TOKEN = "dop_v1_lab-twin-may-claim"  # noqa: S105
CLOUDFLARE_TOKEN = "cf_lab-twin-all-zones"  # noqa: S105
FAILOVER_SCOPES = frozenset(("reserved_ip:read", "reserved_ip:update"))
TOKENS = {TOKEN: None, FAILOVER_TOKEN: FAILOVER_SCOPES}
EVERYWHERE = {"*": frozenset(("Zone:Read", "DNS:Edit", "SSL and Certificates:Edit"))}
ZONES = ("example.com",)


def folder(lab: Lab) -> Path:
    """Where the twin's databases, its log and its lock are."""
    return lab.folder / "twin"


async def environment(lab: Lab) -> dict[str, str]:
    """What a command needs in its environment to talk to this lab's twin."""
    return {
        "DYNIA_DIGITALOCEAN_URL": Places(subnet=str(await network(lab))).url,
        "DIGITALOCEAN_ACCESS_TOKEN": TOKEN,
        "DYNIA_FAILOVER_TOKEN": FAILOVER_TOKEN,
        "DYNIA_CLOUDFLARE_URL": Places(subnet=str(await network(lab))).cloudflare_url,
        "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
    }


@asynccontextmanager
async def twins(lab: Lab, delay: float, zones: Sequence[str] = ZONES) -> AsyncIterator[None]:
    """All of them, from here to the end of the block. `zones` are Cloudflare's, served by a BIND if there is
    one on this machine."""
    places = Places(subnet=str(await network(lab)))
    vpc = f"{lab.name}-vpc"
    await _make_network(lab, vpc, places)
    packets = Packets(lab.name, await bridge(lab.name), await bridge(vpc), places)
    await packets.prepare()
    where = folder(lab)
    where.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(
            DigitalOceanTwin(
                where / "digitalocean.db",
                host=str(places.gateway),
                port=API_PORT,
                bodies=LabBodies(lab, places, packets, vpc),
                tokens=TOKENS,
                delay=delay,
            )
        )
        served = None
        if program():
            names = name_server(where / "names", str(places.gateway), NAMES_PORT, zones)
            served = await stack.enter_async_context(names)
        await stack.enter_async_context(
            CloudflareTwin(
                where / "cloudflare.db",
                zones,
                host=str(places.gateway),
                port=CLOUDFLARE_PORT,
                tokens={CLOUDFLARE_TOKEN: EVERYWHERE},
                name_server=served,
            )
        )
        ports = asyncio.create_task(watch_ports(lab, DROPLET))
        try:
            yield
        finally:
            ports.cancel()
            await asyncio.gather(ports, return_exceptions=True)


async def _make_network(lab: Lab, name: str, places: Places) -> None:
    """The droplets' private network: nothing of it leaves this machine."""
    try:
        await docker(
            *("network", "create", "--driver", "bridge", "--internal", "--label", f"{LAB}={lab.id}"),
            *("--subnet", str(places.vpc), "--gateway", str(places.vpc[1]), name),
        )
    except DockerRefused as error:
        if "already exists" not in error.said:
            raise


async def bridge(name: str) -> str:
    """The interface of a Docker network on this machine."""
    for seen in await inspect("network", (name,)):
        named = (seen.get("Options") or {}).get("com.docker.network.bridge.name")
        return str(named or f"br-{seen['Id'][:12]}")
    raise DyniaError(f"the network {name} is not there", hint="run `dynia lab up --twin`")


def export(variables: dict[str, str]) -> str:
    """Lines for a shell."""
    return "\n".join(f"export {name}={json.dumps(value)}" for name, value in variables.items())
