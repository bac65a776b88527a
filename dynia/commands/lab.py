"""`dynia lab`: a cloud on this machine, whose nodes are containers that boot systemd."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import click


@click.group()
def command() -> None:
    """A cloud on this machine: nodes are containers that boot systemd.

    Nothing of it uses a private address range, an account or a token.

    \b
    Example:
      dynia lab up
    """


@command.command()
@click.option(
    "--twin",
    is_flag=True,
    help="With a simulated cloud whose droplets are nodes of this lab, until `lab down`.",
)
@click.option(
    "--delay",
    type=click.FloatRange(0, 600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an action of the simulated cloud takes.",
)
@click.option(
    "--zone",
    "zones",
    multiple=True,
    default=("example.com",),
    show_default="example.com",
    metavar="NAME",
    help="A DNS zone of the simulated cloud; may be repeated.",
)
def up(twin: bool, delay: float, zones: tuple[str, ...]) -> None:
    """Start Docker if none answers, make the network and the images. Again is quick.

    \b
    Example:
      dynia lab up
      eval "$(dynia lab up --twin)"     (and the vendors' URLs and tokens are set)
    """
    from dynia.providers.nodes.docker.lab import find_lab
    from dynia.providers.nodes.docker.network import network
    from dynia.providers.nodes.docker.ready import make_ready

    lab = find_lab(Path.cwd(), os.environ)
    begun = time.monotonic()

    def tell(line: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.1f} s] {line}", err=True)

    async def go() -> str:
        await make_ready(lab, tell)
        return str(await network(lab))

    subnet = asyncio.run(go())
    # With --twin, standard output is for a shell to read.
    click.echo(f"The lab of {lab.root} is ready (network {subnet}).", err=twin)
    if twin:
        from dynia.lab.up import up as twin_up

        click.echo(asyncio.run(twin_up(lab, delay, tell, zones)))


@command.command()
def status() -> None:
    """Say what the lab of this folder has: network, nodes, addresses.

    \b
    Example:
      dynia lab status
    """
    from dynia.lab.process import log_file, running
    from dynia.providers.nodes.docker.inventory import take_inventory
    from dynia.providers.nodes.docker.lab import find_lab

    lab = find_lab(Path.cwd(), os.environ)
    seen = asyncio.run(take_inventory(lab))
    click.echo(f"lab {lab.id} of {lab.root}")
    click.echo(f"network  {seen.subnet or 'none (run `dynia lab up`)'}")
    click.echo(f"images   {', '.join(seen.images) or 'none'}")
    for node in seen.nodes:
        click.echo(f"node     {node.cluster}/{node.name}  {node.state}  {node.address}")
    for cluster, address in seen.reserved:
        click.echo(f"address  {cluster}  {address}")
    if process := running(lab):
        click.echo(f"twin     process {process}, log {log_file(lab)}")


@command.command()
@click.option(
    "--cluster", metavar="NAME", help="Remove only this cluster; the lab too if nothing is left in it."
)
@click.option("--images", is_flag=True, help="Remove the images too, unless another lab needs them.")
def down(cluster: str | None, images: bool) -> None:
    """Remove every container, volume and network of this folder's lab, its twin too, and nothing else.

    \b
    Example:
      dynia lab down
    """
    from dynia.lab.up import down as twin_down
    from dynia.providers.nodes.docker.lab import find_lab
    from dynia.providers.nodes.docker.ready import daemon_answers
    from dynia.providers.nodes.docker.teardown import is_empty, remove_cluster, remove_images, remove_lab

    lab = find_lab(Path.cwd(), os.environ)

    async def go() -> bool:
        if not await daemon_answers():
            return True  # nothing runs without a daemon, and starting one to look would be odd
        if cluster is not None:
            await remove_cluster(lab, cluster, click.echo)
            if not await is_empty(lab):
                return False
        await twin_down(lab, click.echo)
        await remove_lab(lab, click.echo)
        if images:
            await remove_images(click.echo)
        return True

    if asyncio.run(go()):
        click.echo(f"The lab of {lab.root} is gone.")
    else:
        click.echo(f"Cluster {cluster} is gone; the lab of {lab.root} has others.")
