"""`dynia drift`: what differs from what was applied? Each answer to it is a module of its own."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.group(invoke_without_command=True)
@target_options
@json_option
@click.pass_context
def command(ctx: click.Context, file: str | None, cluster: str | None, as_json: bool) -> int:
    """Show what differs from what was applied. Touches nothing.

    What the file asks for and was not applied yet is pending, not drift. Exits 0 where nothing drifted
    and every node was observed, 3 where something did, 4 where a node did not answer.

    \b
    Example:
      dynia drift --cluster prod --json
    """
    if ctx.invoked_subcommand is not None:
        said = {"file": file, "cluster": cluster, "as_json": as_json}
        ctx.default_map = {ctx.invoked_subcommand: {name: value for name, value in said.items() if value}}
        return 0

    from dynia.commands.looking import drift
    from dynia.interfaces.requests import DriftRequest, Target

    return drift(DriftRequest(target=Target(file=file, cluster=cluster), as_json=as_json))
