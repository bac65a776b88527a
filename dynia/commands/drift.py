"""`dynia drift`: what differs from what was applied?"""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.command()
@target_options
@json_option
def command(file: str | None, cluster: str | None, as_json: bool) -> int:
    """Show what differs from what was applied. Touches nothing.

    What the file asks for and was not applied yet is pending, not drift. Exits 0 where nothing drifted
    and every node was observed, 3 where something did, 4 where a node did not answer.

    \b
    Example:
      dynia drift --cluster prod --json
    """
    from dynia.commands.looking import drift
    from dynia.interfaces.requests import DriftRequest, Target

    return drift(DriftRequest(target=Target(file=file, cluster=cluster), as_json=as_json))
