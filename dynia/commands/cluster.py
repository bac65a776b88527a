"""`dynia cluster list|show`: what the file and the state say of clusters. Asks no node and no vendor.

`dynia cluster destroy` is a module of its own, which the command line joins into this group.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from dynia.commands.options import json_option, target_options
from dynia.commands.output import standard_output


@click.group()
def command() -> None:
    """Clusters of this file and state.

    \b
    Example:
      dynia cluster list
    """


@command.command(name="list")
@target_options
@json_option
def list_(file: str | None, cluster: str | None, as_json: bool) -> None:
    """List every cluster that the file or the state knows; * is the current one.

    \b
    Example:
      dynia cluster list
    """
    show_list(file, as_json)


@command.command()
@click.argument("name", required=False)
@target_options
@json_option
def show(name: str | None, file: str | None, cluster: str | None, as_json: bool) -> None:
    """Show a cluster as it was last applied: nodes, services, routes. `dynia status` looks at the nodes.

    \b
    Example:
      dynia cluster show prod
    """
    from dynia.commands.known import look
    from dynia.commands.screens.clusters import cluster_json, cluster_text, cluster_view
    from dynia.interfaces.target import resolve_target

    known = look(file, os.environ, Path.cwd())
    target = resolve_target(name or cluster, os.environ, known.state.current_cluster, known.names)
    output = standard_output()
    for note in known.notes:
        output.tell(f"Note: {note}")
    view = cluster_view(target, known.specs.get(target), known.state, known.unfinished)
    if as_json:
        output.data(cluster_json(view))
    else:
        output.show(cluster_text(view, width=output.width, color=output.color, now=time.time()))


def show_list(file: str | None, as_json: bool) -> None:
    """The list of clusters, which `dynia context list` shows too."""
    from dynia.commands.known import look
    from dynia.commands.screens.clusters import list_json, list_text, list_view

    known = look(file, os.environ, Path.cwd())
    output = standard_output()
    for note in known.notes:
        output.tell(f"Note: {note}")
    view = list_view(known.specs, known.state)
    if as_json:
        output.data(list_json(view))
    else:
        output.show(list_text(view, width=output.width, color=output.color, now=time.time()))
