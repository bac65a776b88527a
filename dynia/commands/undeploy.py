"""`dynia undeploy`: take a service out of clusters.yaml and apply it."""

from __future__ import annotations

import click

from dynia.commands.options import edit_options


@click.command()
@click.argument("name")
@edit_options
def command(name: str, **said: object) -> int:
    """Take a service out of clusters.yaml and apply it: shows the edit and the plan, asks, does both.

    Its containers, routes and names go; its compose file stays where it is.

    \b
    Example:
      dynia undeploy api --cluster prod
    """
    from dynia.commands.editing import undeploy
    from dynia.commands.options import edit_request
    from dynia.interfaces.requests import UndeployRequest

    return undeploy(UndeployRequest(run=edit_request("undeploy", said), service=name))
