"""`dynia rollback`: back to what the cluster was good on, from the nodes alone."""

from __future__ import annotations

import click

from dynia.commands.options import (
    allow_destroy_option,
    detail_option,
    json_option,
    lock_wait_option,
    progress_option,
    target_options,
)


@click.command()
@click.argument("generation", type=click.IntRange(min=1), required=False)
@target_options
@click.option("--service", default="", metavar="NAME", help="Only this service goes back.")
@click.option(
    "--list", "listing", is_flag=True, help="Show the generations that nodes keep, and change nothing."
)
@click.option("--adopt", is_flag=True, help="Write it into clusters.yaml and the files that it names, too.")
@click.option("--yes", is_flag=True, help="Do it without asking (name the cluster).")
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
@allow_destroy_option
@lock_wait_option
@progress_option
@detail_option
@json_option
def command(
    generation: int | None,
    file: str | None,
    cluster: str | None,
    service: str,
    listing: bool,
    adopt: bool,
    yes: bool,
    allow_downtime: bool,
    allow_destroy: int,
    lock_wait: float,
    progress: str,
    detail: str | None,
    as_json: bool,
) -> int:
    """Go back to GENERATION, or to the last good one: shows the plan, asks, does it, node by node like apply.

    Services with their `.env`, templates, firewall and Caddy go back; machines, addresses, names,
    certificates and logins stay. What it needs is read from the nodes: not the files of the repository, no
    registry, no vendor. Afterwards `dynia plan` shows what the file still asks for, until it follows: with
    --adopt it is written (after a rollback without a GENERATION: what runs now), shown and asked about first.

    \b
    Example:
      dynia rollback --list
      dynia rollback --cluster prod
      dynia rollback 40 --service api
      dynia rollback --adopt
    """
    from dynia.commands.options import detail_of, progress_of
    from dynia.commands.rolling_back import list_generations, rollback
    from dynia.interfaces.requests import ApplyRequest, GenerationsRequest, RollbackRequest, Target

    target = Target(file=file, cluster=cluster)
    if listing:
        if generation or service or adopt:
            raise click.UsageError("--list shows them all, and does nothing else")
        return list_generations(GenerationsRequest(target=target, as_json=as_json))
    return rollback(
        RollbackRequest(
            run=ApplyRequest(
                target=target,
                verb="rollback",
                yes=yes,
                allow_downtime=allow_downtime,
                allow_destroy=allow_destroy,
                lock_wait=lock_wait,
                progress=progress_of(progress),
                detail=detail_of(detail),
                as_json=as_json,
            ),
            generation=generation or 0,
            service=service,
            adopt=adopt,
        )
    )
