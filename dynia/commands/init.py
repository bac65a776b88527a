"""`dynia init`: a first clusters.yaml that is right, with comments."""

from __future__ import annotations

import click

from dynia.commands.options import file_option, place_options


@click.command()
@click.option("--name", default="", help="The cluster's name.")
@click.option(
    "--provider", type=click.Choice(["docker", "ssh", "digitalocean"]), help="Where nodes come from."
)
@click.option("--nodes", type=click.IntRange(1, 200), default=None, help="How many (not with ssh).")
@click.option(
    "--host", "hosts", multiple=True, metavar="NAME,ADDRESS[,PRIVATE]", help="A host of yours (ssh)."
)
@place_options
@click.option("--service", default="", metavar="NAME", help="Name of a first service (else web).")
@click.option("--compose", default="", metavar="FILE", help="Its compose file; left out: no service yet.")
@click.option("--domain", "domains", multiple=True, metavar="HOST", help="A domain of it.")
@click.option("--target", default="", metavar="CONTAINER:PORT", help="Needed where the file leaves a choice.")
@click.option("--health", default="", metavar="PATH", help="Asked for whether it is well (else /).")
@file_option("-f", "--file")
def command(
    name: str,
    provider: str | None,
    nodes: int | None,
    hosts: tuple[str, ...],
    size: str,
    region: str,
    service: str,
    compose: str,
    domains: tuple[str, ...],
    target: str,
    health: str,
    file: str | None,
) -> int:
    """Write a commented clusters.yaml that works. Asks for what was not said; connects to nothing.

    With --provider ssh the hosts' keys are looked for in ~/.ssh/known_hosts.

    \b
    Example:
      dynia init
      dynia init --name demo --provider docker --nodes 3
      dynia init --name prod --provider ssh --host web-1,203.0.113.11,10.0.0.11
    """
    import os
    from pathlib import Path

    from dynia.commands.asking import completed
    from dynia.commands.editing import init
    from dynia.interfaces.errors import Refused
    from dynia.interfaces.find_file import NAME
    from dynia.interfaces.requests import InitRequest

    path = file or os.environ.get("DYNIA_FILE") or NAME
    if Path(path).exists():
        raise Refused(
            f"{path} is there already",
            hint="`dynia cluster create` adds a cluster to it; -f names another file",
        )
    said = InitRequest(
        file=path,
        cluster=name,
        provider=provider or "",
        nodes=nodes or 0,
        size=size,
        region=region,
        service=service,
        compose=compose,
        domains=domains,
        target=target,
        health=health,
    )
    return init(completed(said, hosts))
