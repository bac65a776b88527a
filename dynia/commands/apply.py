"""`dynia apply`: make the cluster what the file says."""

from __future__ import annotations

import click

from dynia.commands.options import (
    allow_destroy_option,
    detail_option,
    json_option,
    lock_wait_option,
    part_options,
    progress_option,
    target_options,
)


@click.command()
@click.argument("planfile", required=False)
@target_options
@click.option("--expect", metavar="DIGEST", help="Only if the plan still is the reviewed one (for CI).")
@click.option("--resume", is_flag=True, help="Go on with what waits after its canary.")
@click.option("--yes", is_flag=True, help="Apply without asking (for CI; name the cluster).")
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
@click.option("--force-dns", is_flag=True, help="Many DNS records of ours may change or go at once.")
@allow_destroy_option
@part_options
@lock_wait_option
@progress_option
@detail_option
@json_option
def command(
    planfile: str | None,
    file: str | None,
    cluster: str | None,
    expect: str | None,
    resume: bool,
    yes: bool,
    allow_downtime: bool,
    allow_destroy: int,
    force_dns: bool,
    targets: tuple[str, ...],
    excludes: tuple[str, ...],
    replace: str,
    lock_wait: float,
    progress: str,
    detail: str | None,
    as_json: bool,
) -> int:
    """Make the cluster what the file says: shows the plan, asks, does it.

    With PLANFILE (of `dynia plan --out`) or --expect (the digest that `dynia plan --full` shows) it plans
    again and goes on only where that is the reviewed plan; else it touches nothing, exits 6, and says what
    differs. The review was the yes: nothing is asked.

    With `rollout: {pause_after_canary: true}` a new release goes to its first node and waits there: exit 10,
    each time, until --resume brings it to the others. (A saved plan says by itself whether it resumes.)

    It has succeeded when every domain was answered by its release, through each node and the reserved IP.

    Killed or failed part way, run it again: it goes on where the cluster is. Ctrl-C finishes what is in
    flight; a second one stops at once.

    With --target or --exclude it does a part of what the file wants, as `dynia plan` shows it with the same
    options (--expect wants them again), and says at the end that the cluster is not settled by it.

    \b
    Example:
      dynia apply --cluster prod
      dynia apply --cluster prod --yes --progress plain      (in CI)
      dynia apply --cluster prod --resume
      dynia apply prod.plan
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import checked_digest, detail_of, part_of, progress_of
    from dynia.interfaces.requests import ApplyRequest, Target

    if resume and planfile:
        raise click.UsageError("a saved plan says by itself whether it resumes: `dynia plan --resume --out`")
    if planfile and (targets or excludes or replace):
        raise click.UsageError("a saved plan says by itself what it is of: `dynia plan --target ... --out`")
    return apply(
        ApplyRequest(
            target=Target(file=file, cluster=cluster),
            part=part_of(targets, excludes, replace),
            yes=yes,
            allow_downtime=allow_downtime,
            allow_destroy=allow_destroy,
            force_dns=force_dns,
            plan_file=planfile or "",
            expect=checked_digest(expect, planfile),
            resume=resume,
            lock_wait=lock_wait,
            progress=progress_of(progress),
            detail=detail_of(detail),
            as_json=as_json,
        )
    )
