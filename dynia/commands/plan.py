"""`dynia plan`: what would apply change, and will it hurt?"""

from __future__ import annotations

import click

from dynia.commands.options import detail_option, json_option, part_options, target_options


@click.command()
@target_options
@click.option("--out", metavar="FILE", help="Keep the plan, to be reviewed and applied as it is.")
@click.option("--resume", is_flag=True, help="As `dynia apply --resume` would go on after a canary.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@part_options
@detail_option
@json_option
def command(
    file: str | None,
    cluster: str | None,
    out: str | None,
    resume: bool,
    detailed_exitcode: bool,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    replace: str,
    detail: str | None,
    as_json: bool,
) -> int:
    """Show what apply would change, and whether it will hurt. Touches nothing.

    Exits 0, with --detailed-exitcode 2 where there are changes, and 4 where a node did not answer. What is
    kept with --out holds no secret; `dynia show FILE` shows it again, `dynia apply FILE` applies just that.

    With --target or --exclude it is a part of the file, and what belongs to it is taken along; configs are
    rendered for the whole cluster all the same. A plan of a part does not settle the cluster.

    \b
    Example:
      dynia plan --cluster prod --detailed-exitcode
      dynia plan --cluster prod --target api
      dynia plan --cluster prod --out prod.plan
    """
    from dynia.commands.looking import plan
    from dynia.commands.options import detail_of, part_of
    from dynia.interfaces.requests import PlanRequest, Target

    return plan(
        PlanRequest(
            target=Target(file=file, cluster=cluster),
            part=part_of(targets, excludes, replace),
            detail=detail_of(detail),
            as_json=as_json,
            detailed_exitcode=detailed_exitcode,
            out=out or "",
            resume=resume,
        )
    )
