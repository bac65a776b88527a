"""Lets a droplet reach itself through its reserved IP: its port of the bridge sends back what came from it.

Every start of a container makes a new port, a reboot from inside too, so Docker is asked to tell of each.
"""

from __future__ import annotations

import asyncio
import json
import sys

from dynia.interfaces.errors import DyniaError
from dynia.lab.packets import run
from dynia.providers.nodes.docker.docker_cli import docker, inspect, listed
from dynia.providers.nodes.docker.lab import KIND, Lab

AGAIN_SECONDS = 1.0


async def watch_ports(lab: Lab, kind: str) -> None:
    """For containers of this kind that run, and for each that is started, until cancelled."""
    marks = (lab.mark, f"label={KIND}={kind}")
    while True:
        process = await asyncio.create_subprocess_exec(
            *("docker", "events", "--filter", "type=container", "--filter", "event=start"),
            *(part for one in marks for part in ("--filter", one)),
            *("--format", "{{.Actor.Attributes.name}}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            for name in await listed("container", *marks):
                await _open_port(name)
            while process.stdout and (line := await process.stdout.readline()):
                await _open_port(line.decode().strip())
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        await asyncio.sleep(AGAIN_SECONDS)  # the daemon was restarted


async def _open_port(name: str) -> None:
    try:
        if not any(one["State"]["Running"] for one in await inspect("container", (name,))):
            return
        port = int(await docker("exec", name, "cat", "/sys/class/net/eth0/iflink"))
        for link in json.loads(await run("ip", "-j", "link", "show")):
            if link["ifindex"] == port:
                await run("ip", "link", "set", link["ifname"], "type", "bridge_slave", "hairpin", "on")
    except (DyniaError, ValueError) as error:
        print(f"{name} does not reach itself through a reserved IP: {error}", file=sys.stderr, flush=True)
