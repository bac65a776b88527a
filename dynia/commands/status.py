"""`dynia status`: who is there, what runs, what serves."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.command()
@target_options
@json_option
def command(file: str | None, cluster: str | None, as_json: bool) -> int:
    """Show roles, what runs on each node, and what each domain answers through each node.

    Also through the reserved IP, with the release that answered. Everything is asked now.
    Exits 4 where a node did not answer: nothing is claimed about it.

    \b
    Example:
      dynia status --cluster prod
    """
    from dynia.commands.looking import status
    from dynia.interfaces.requests import StatusRequest, Target

    return status(StatusRequest(target=Target(file=file, cluster=cluster), as_json=as_json))
