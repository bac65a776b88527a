"""`dynia state unlock`: take a cluster's lock from a run that will never end."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@target_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--above",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Go above N, which nodes have seen.",
)
def command(file: str | None, cluster: str | None, yes: bool, above: int) -> int:
    """Show who holds a cluster's lock and when it last gave a sign of life; after a yes, take it away.

    Whoever had it is fenced: it writes nothing more, no node takes anything from it any more, and it ends
    with exit 5 when it notices. A lock whose process has ended is free already; then there is nothing to do.

    With --above the number of the lock goes up, also where nobody holds it: for a state that was restored
    from a copy older than what the nodes have seen.

    \b
    Example:
      dynia state unlock --cluster prod
    """
    from dynia.commands.unlocking import unlock
    from dynia.interfaces.requests import Target, UnlockRequest

    return unlock(UnlockRequest(target=Target(file=file, cluster=cluster), yes=yes, above=above))
