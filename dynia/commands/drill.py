"""`dynia drill failover`: does the reserved IP move, and how long does it take?"""

from __future__ import annotations

import click

from dynia.commands.options import json_option, lock_wait_option, target_options


@click.group()
def command() -> None:
    """Practise on the running cluster what else only an accident would show.

    \b
    Example:
      dynia drill failover
    """


@command.command()
@target_options
@click.option("--node", default="", metavar="NAME", help="Who shall take over (else whoever VRRP elects).")
@click.option("--hard", is_flag=True, help="Stop keepalived at once: connections at work are cut.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@lock_wait_option
@json_option
def failover(
    file: str | None, cluster: str | None, node: str, hard: bool, yes: bool, lock_wait: float, as_json: bool
) -> int:
    """Move the reserved IP to another node and back, and watch it ten times a second from here.

    The holder hands it over: new connections wait for a moment, those at work end first. With --hard its
    keepalived just stops. The report says who answered when, and for how long nobody did. Asks before.

    \b
    Example:
      dynia drill failover --cluster staging --hard --yes
    """
    from dynia.commands.drilling import drill_failover
    from dynia.interfaces.requests import DrillRequest, Target

    return drill_failover(
        DrillRequest(
            target=Target(file=file, cluster=cluster),
            node=node,
            hard=hard,
            yes=yes,
            lock_wait=lock_wait,
            as_json=as_json,
        )
    )
