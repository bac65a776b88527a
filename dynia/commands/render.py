"""`dynia render`: every config, written to a folder and nowhere else."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@target_options
@click.option(
    "--out", metavar="DIR", default="", help="Where to (else deploy-config beside the file); - prints it."
)
def command(file: str | None, cluster: str | None, out: str) -> int:
    """Write every config to deploy-config/ without applying it. Connects to no node.

    An address that is not known yet is written as "(known after apply)". Secrets are left out.

    \b
    Example:
      dynia render --cluster prod --out /tmp/prod
    """
    from dynia.commands.rendering import render
    from dynia.interfaces.requests import RenderRequest, Target

    return render(RenderRequest(target=Target(file=file, cluster=cluster), out=out))
