"""`dynia cluster scale`: another number of nodes."""

from __future__ import annotations

import click

from dynia.commands.options import edit_options, named_cluster


@click.command()
@click.argument("name")
@click.argument("nodes", type=click.IntRange(1, 200))
@edit_options
def command(name: str, nodes: int, **said: object) -> int:
    """Set the number of nodes in clusters.yaml and apply it: shows the edit and the plan, asks, does both.

    Fewer: the nodes that came last go, never the one that holds the reserved IP.

    \b
    Example:
      dynia cluster scale prod 4
    """
    from dynia.commands.editing import scale
    from dynia.commands.options import edit_request
    from dynia.interfaces.requests import ScaleRequest

    return scale(ScaleRequest(run=edit_request("cluster scale", named_cluster(name, said)), nodes=nodes))
