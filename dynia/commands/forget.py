"""`dynia forget`: a node leaves the state; the machine stays as it is."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@click.argument("node")
@target_options
@click.option("--yes", is_flag=True, help="Forget it without asking (name the cluster).")
def command(node: str, file: str | None, cluster: str | None, yes: bool) -> int:
    """Take a node out of the state without touching it. The others' configs name it until the next apply.

    \b
    Example:
      dynia forget misty-owl --cluster prod
    """
    from dynia.commands.state_files import forget_node
    from dynia.interfaces.requests import ForgetRequest, Target

    return forget_node(ForgetRequest(target=Target(file=file, cluster=cluster), node=node, yes=yes))
