"""`dynia restart`: a service starts again on every node, as it is."""

from __future__ import annotations

import click

from dynia.commands.options import by_hand_options


@click.command()
@click.argument("service")
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
@by_hand_options
def command(service: str, **said: object) -> int:
    """Start a service again on every node, as it is: shows the plan, asks, does it.

    One node after the other, as in any rollout: drained first, gated after it, the canary first. All of its
    containers are made again; volumes stay. What the file says otherwise by now is left to `dynia apply`.

    \b
    Example:
      dynia restart api --cluster prod
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import by_hand_request

    return apply(by_hand_request("restart", service, said))
