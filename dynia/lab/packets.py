"""Where packets go on this machine: reserved IPs to anchors, and what a cloud firewall does not pass.

Two nftables tables of the lab's own, one for IPv4 and one for its bridge. Elements outlive a restart of the
twin; `dynia lab down` deletes the tables.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from dynia.interfaces.errors import DyniaError
from dynia.lab.places import Places

SECONDS = 30.0

# A flow that began while another droplet had the address is reset, as the new one would do, which knows
# nothing of it. A packet from a droplet to its own reserved IP comes back to it, so its source is masked.
# Redirects would teach droplets a way past this machine. And nothing for a metadata service leaves the lab.
RULES = """\
add table ip {table}
add map ip {table} holders {{ type ipv4_addr : ipv4_addr; }}
add set ip {table} current {{ type ipv4_addr . ipv4_addr; }}
add chain ip {table} guard {{ type filter hook prerouting priority -310; }}
add chain ip {table} arriving {{ type nat hook prerouting priority -110; }}
add chain ip {table} beginning {{ type nat hook output priority -110; }}
add chain ip {table} masking {{ type nat hook postrouting priority 90; }}
add chain ip {table} passing {{ type filter hook forward priority -10; }}
add chain ip {table} sent {{ type filter hook output priority 10; }}
add chain ip {table} received {{ type filter hook input priority -10; }}
flush table ip {table}
add rule ip {table} guard iifname {{ "{bridge}", "{vpc}" }} ip daddr 169.254.0.0/16 counter drop
add rule ip {table} arriving dnat to ip daddr map @holders
add rule ip {table} beginning dnat to ip daddr map @holders
add rule ip {table} masking ct original ip daddr {reserved} ip saddr {subnet} ip saddr != {gateway} masquerade
add rule ip {table} passing ct status dnat ct original ip daddr {reserved} ct direction original {stale} \
reject with tcp reset
add rule ip {table} passing ct original ip daddr {reserved} ct direction original {stale} drop
add rule ip {table} passing ct original ip daddr {reserved} ct direction reply {answer} drop
add rule ip {table} sent oifname "{bridge}" icmp type redirect drop
add rule ip {table} sent ct status dnat ct original ip daddr {reserved} ct direction original {stale} \
reject with tcp reset
add rule ip {table} sent ct original ip daddr {reserved} ct direction original {stale} drop
add rule ip {table} received tcp flags rst accept
add rule ip {table} received ct original ip daddr {reserved} ct direction reply {answer} drop
add table bridge {table}
add set bridge {table} guarded {{ type ipv4_addr; }}
add chain bridge {table} between {{ type filter hook forward priority 0; }}
flush chain bridge {table} between
add rule bridge {table} between ip protocol != {{ icmp, tcp, udp }} ip saddr @guarded counter drop
add rule bridge {table} between ip protocol != {{ icmp, tcp, udp }} ip daddr @guarded counter drop
"""
STALE = "ct original ip daddr . ip daddr != @current"
ANSWER = "ct original ip daddr . ip saddr != @current"


class Packets:
    """The tables of one lab; `table` is their name, `bridge` and `vpc` the lab's two bridges."""

    def __init__(self, table: str, bridge: str, vpc: str, places: Places) -> None:
        self._table, self._bridge, self._vpc, self._places = table, bridge, vpc, places
        self._moving = asyncio.Lock()

    async def prepare(self) -> None:
        """Tables, and this machine's own way to anchors and reserved IPs. Again changes nothing."""
        places = self._places
        await run(
            "nft",
            "-f",
            "-",
            stdin=RULES.format(
                table=self._table,
                bridge=self._bridge,
                vpc=self._vpc,
                reserved=places.reserved,
                subnet=places.network,
                gateway=places.gateway,
                stale=STALE,
                answer=ANSWER,
            ),
        )
        anchors = f"{places.anchor_gateway}/{places.anchors.prefixlen}"
        await run("ip", "address", "replace", anchors, "dev", self._bridge, "noprefixroute")
        for there in (places.anchors, places.reserved):
            await run(
                *("ip", "route", "replace", str(there), "dev", self._bridge, "src", str(places.gateway))
            )

    async def move(self, reserved_ip: str, anchor: str | None) -> None:
        """All of it at once: no packet sees half of it."""
        async with self._moving:
            await self._change([reserved_ip], anchor)

    async def forget(self, anchor: str) -> None:
        """No address leads there any more."""
        async with self._moving:
            listed = await self._holders()
            gone = [address for address, at in listed if at == anchor]
            if gone:
                await self._change(gone, None)

    async def guard(self, addresses: Iterable[str]) -> None:
        lines = [f"flush set bridge {self._table} guarded"]
        lines += [f"add element bridge {self._table} guarded {{ {one} }}" for one in sorted(addresses)]
        await run("nft", "-f", "-", stdin="\n".join(lines) + "\n")

    async def _change(self, addresses: list[str], anchor: str | None) -> None:
        lines: list[str] = []
        for address, at in await self._holders():
            if address in addresses:
                lines.append(f"delete element ip {self._table} holders {{ {address} }}")
                lines.append(f"delete element ip {self._table} current {{ {address} . {at} }}")
        for address in addresses if anchor else ():
            lines.append(f"add element ip {self._table} holders {{ {address} : {anchor} }}")
            lines.append(f"add element ip {self._table} current {{ {address} . {anchor} }}")
        if lines:
            await run("nft", "-f", "-", stdin="\n".join(lines) + "\n")

    async def _holders(self) -> list[tuple[str, str]]:
        import json

        seen = json.loads(await run("nft", "-j", "list", "map", "ip", self._table, "holders"))
        elements = next(one["map"].get("elem", []) for one in seen["nftables"] if "map" in one)
        return [(str(address), str(anchor)) for address, anchor in elements]


async def remove_packets(table: str) -> None:
    """The tables go; what is not there is gone already."""
    for family in ("ip", "bridge"):
        with contextlib.suppress(DyniaError):
            await run("nft", "delete", "table", family, table)


async def run(*argv: str, stdin: str = "") -> str:
    """Output of a command of this machine that succeeded."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise DyniaError(f"{argv[0]} is not installed", hint="run `dynia lab up --twin` as root") from error
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise DyniaError(f"{' '.join(argv[:3])}: no end within {SECONDS:.0f} s") from error
    if process.returncode:
        raise DyniaError(f"{' '.join(argv[:3])}: {err.decode(errors='replace').strip()[:500]}")
    return out.decode(errors="replace")
