"""`dynia drift ignore`: leave something that drifted as it is, until a day and for a reason."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@target_options
@click.option("--until", required=True, metavar="TIME", help="For how long, like 7d or 2w, or the last day.")
@click.option("--because", required=True, metavar="TEXT", help="Why, for whoever reads it then.")
@click.option("--yes", is_flag=True, help="Write it without asking (for CI; name the cluster).")
def command(
    items: tuple[str, ...], file: str | None, cluster: str | None, until: str, because: str, yes: bool
) -> int:
    """Write into clusters.yaml that something is no finding for a while: shows the edit, asks, writes it.

    ITEM is an entry's name: `misty-owl:haproxy/haproxy.cfg`, `dns api.example.com`; without the node's
    name it is that on every node. Up to and with that day (UTC, at most 90 days ahead) `dynia drift` shows it
    apart, and it does not count for exit 3. Then it counts again. Apply puts it back all the same.

    \b
    Example:
      dynia drift ignore misty-owl:haproxy/haproxy.cfg --until 7d --because "load test, ticket 114"
    """
    from dynia.commands.answering import ignore
    from dynia.interfaces.requests import IgnoreRequest, Target

    because = " ".join(because.split())
    if not because:
        raise click.UsageError("--because says nothing; say why, for whoever reads it then")
    return ignore(
        IgnoreRequest(
            target=Target(file=file, cluster=cluster),
            items=tuple(dict.fromkeys(items)),
            until=until,
            because=because,
            yes=yes,
        )
    )
