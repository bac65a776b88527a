"""`dynia drift revert`: put back what somebody did by hand, and nothing else."""

from __future__ import annotations

import click

from dynia.commands.options import by_hand_options


@click.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@by_hand_options
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
def command(items: tuple[str, ...], **said: object) -> int:
    """Apply only what puts these items back: shows that plan, asks, does it, with drains and gates as always.

    ITEM is an entry's name; without the node's name it is that on every node. What comes back is a whole
    component of the node (HAProxy, a service, ...): what else drifted of it comes back too, and the plan says
    so. Refused where the file asks for something else of it.

    \b
    Example:
      dynia drift revert misty-owl:haproxy/haproxy.cfg --cluster prod
    """
    import shlex

    from dynia.commands.options import by_hand_request
    from dynia.commands.reverting import revert

    items = tuple(dict.fromkeys(items))
    return revert(by_hand_request("drift revert", shlex.join(items), {**said, "items": items}))
