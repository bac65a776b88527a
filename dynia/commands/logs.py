"""`dynia logs`: what a service's containers wrote."""

from __future__ import annotations

import click

from dynia.commands.options import cluster_option, file_option


@click.command()
@click.argument("service")
@file_option("--file")  # -f is --follow here, as everywhere where logs are followed
@cluster_option
@click.option("--node", metavar="NAME", help="Only from this node (else from all).")
@click.option("-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="How far back.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
def command(
    service: str, file: str | None, cluster: str | None, node: str | None, lines: int, follow: bool
) -> int:
    """Show what a service's containers wrote, from every node; each line says where it comes from.

    Exits 4 where a node did not answer.

    \b
    Example:
      dynia logs api --node misty-owl -n 20 -f
    """
    from dynia.commands.service_access import logs
    from dynia.interfaces.requests import LogsRequest, Target

    request = LogsRequest(
        target=Target(file=file, cluster=cluster),
        service=service,
        node=node or "",
        lines=lines,
        follow=follow,
    )
    return logs(request)
