"""`dynia show`: a saved plan again, and whether it still holds."""

from __future__ import annotations

import click

from dynia.commands.options import detail_option, json_option, target_options


@click.command()
@click.argument("planfile")
@target_options
@detail_option
@json_option
def command(planfile: str, file: str | None, cluster: str | None, detail: str | None, as_json: bool) -> int:
    """Show a plan that `dynia plan --out` kept, and who made it when.

    Says "stale because ..." as far as file and state tell: no node and no vendor is asked, so it works
    anywhere. `dynia apply PLANFILE` looks at all of it again. Exits 0 also where the plan is stale.

    \b
    Example:
      dynia show prod.plan --full
    """
    from dynia.commands.options import detail_of
    from dynia.commands.saved import show
    from dynia.interfaces.requests import ShowRequest, Target

    return show(
        ShowRequest(
            file=planfile,
            target=Target(file=file, cluster=cluster),
            detail=detail_of(detail),
            as_json=as_json,
        )
    )
