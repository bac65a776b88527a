"""`dynia service list`: the services of a cluster."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.group()
def command() -> None:
    """The services of a cluster.

    \b
    Example:
      dynia service list
    """


@command.command(name="list")
@target_options
@json_option
def list_(file: str | None, cluster: str | None, as_json: bool) -> int:
    """List the services of the file and of the state. Asks nobody; `dynia status` asks them.

    \b
    Example:
      dynia service list --cluster prod
    """
    from dynia.commands.listing import list_services
    from dynia.interfaces.requests import ServiceListRequest, Target

    return list_services(ServiceListRequest(target=Target(file=file, cluster=cluster), as_json=as_json))
