"""`dynia cluster create`: a new cluster in clusters.yaml, and its nodes."""

from __future__ import annotations

import click

from dynia.commands.options import edit_options, named_cluster, place_options


@click.command()
@click.argument("name")
@click.option("--nodes", required=True, type=click.IntRange(1, 200), help="How many.")
@click.option(
    "--provider",
    type=click.Choice(["digitalocean", "docker"]),
    default="digitalocean",
    help="Who makes the machines (else digitalocean); docker: the lab.",
)
@place_options
@click.option(
    "--image", default="", metavar="IMAGE", help="What the nodes boot (else the provider's default)."
)
@edit_options
def command(name: str, nodes: int, provider: str, size: str, region: str, image: str, **said: object) -> int:
    """Put a new cluster into clusters.yaml and make it: shows the edit and the plan, asks, does both.

    Without a file one is made here. Once the cluster is there, it is the current one. Cut short, it goes on
    when it is run again.

    \b
    Example:
      dynia cluster create mycluster --nodes 2 --size s-1vcpu-1gb --region lon1
      dynia cluster create demo --nodes 3 --provider docker      (the lab, on this machine)
    """
    from dynia.commands.asking import cloudflare, size_and_region
    from dynia.commands.editing import create
    from dynia.commands.options import edit_request
    from dynia.interfaces.requests import CreateRequest

    size, region = size_and_region(provider, size, region)
    return create(
        CreateRequest(
            run=edit_request("cluster create", named_cluster(name, said)),
            cluster=name,
            nodes=nodes,
            provider=provider,
            size=size,
            region=region,
            image=image,
            names=cloudflare(provider),
        )
    )
