"""`dynia unhold`: a release that failed may be applied again."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@click.argument("service", required=False, default="")
@target_options
def command(service: str, file: str | None, cluster: str | None) -> int:
    """Let the release of SERVICE that failed and was rolled back be applied again; without a name, all.

    Where its content changed since, no hold is in the way, and this is not needed. Touches no node.

    \b
    Example:
      dynia unhold api --cluster prod
    """
    from dynia.commands.state_files import unhold
    from dynia.interfaces.requests import Target, UnholdRequest

    return unhold(UnholdRequest(target=Target(file=file, cluster=cluster), service=service))
