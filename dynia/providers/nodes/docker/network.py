"""The lab's network: one /24 of 198.18.0.0/16, its gateway, and which part of it is for what."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from dynia.interfaces.errors import DyniaError
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker, inspect
from dynia.providers.nodes.docker.lab import LAB, Lab

# .0 is the daemon's own bridge and .240 on are its pool for other networks (recipes/dockerd.sh).
FIRST, LAST = 1, 239
NODE_TAILS = range(2, 192)
GUEST_BITS = (192, 27)  # what joins without asking: .192 to .223
RESERVED_TAILS = range(224, 255)


async def make_network(lab: Lab) -> IPv4Network:
    """The lab's network, made if it is not there; the next /24 if another network has the first choice."""
    found = await find_network(lab)
    if found is not None:
        return found
    wish = int(lab.id, 16) % LAST
    for step in range(LAST):
        subnet = IPv4Network(f"198.18.{FIRST + (wish + step) % LAST}.0/24")
        if await _made(lab, subnet):
            return subnet
    raise DyniaError("no /24 of 198.18.0.0/16 is free for the lab", hint="remove unused Docker networks")


async def find_network(lab: Lab) -> IPv4Network | None:
    """The lab's network, or None if it is not there."""
    for seen in await inspect("network", (lab.name,)):
        return IPv4Network(seen["IPAM"]["Config"][0]["Subnet"])
    return None


async def network(lab: Lab) -> IPv4Network:
    """The lab's network, which must be there."""
    found = await find_network(lab)
    if found is None:
        raise DyniaError(f"the lab of {lab.root} has no network", hint="run `dynia lab up`")
    return found


def gateway(subnet: IPv4Network) -> IPv4Address:
    """This machine's address in the lab."""
    return subnet[1]


async def _made(lab: Lab, subnet: IPv4Network) -> bool:
    tail, bits = GUEST_BITS
    try:
        await docker(
            *("network", "create", "--driver", "bridge", "--label", f"{LAB}={lab.id}"),
            *("--subnet", str(subnet), "--gateway", str(gateway(subnet))),
            *("--ip-range", f"{subnet[tail]}/{bits}", lab.name),
        )
    except DockerRefused as error:
        if "already exists" in error.said:
            return (await network(lab)) == subnet
        if "overlap" in error.said.lower():
            return False
        raise
    return True
