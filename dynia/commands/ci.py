"""`dynia ci plan|apply|nightly`: what a CI job on a cluster repository runs."""

from __future__ import annotations

import click

from dynia.commands.options import lock_wait_option, progress_option, target_options


@click.group()
def command() -> None:
    """What a CI job on a cluster repository runs; docs/ci.md says how.

    \b
    Example:
      dynia ci plan --cluster prod
    """


@command.command()
@target_options
def plan(file: str | None, cluster: str | None) -> int:
    """Plan, and keep one comment of the pull request up to date. Touches nothing.

    The comment holds the plan's digest: after the merge `dynia ci apply` applies just that plan. A run
    without secrets (a fork) only checks the file. Where there is no GitHub it prints the Markdown.

    \b
    Example:
      dynia ci plan --cluster prod
    """
    from dynia.commands.ci_looking import ci_plan
    from dynia.interfaces.requests import CiPlanRequest, Target

    return ci_plan(CiPlanRequest(target=Target(file=file, cluster=_named(cluster))))


@command.command()
@target_options
@click.option("--expect", metavar="DIGEST", help="The reviewed plan (else: that of the merged pull request).")
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
@click.option("--force-dns", is_flag=True, help="Many DNS records of ours may change or go at once.")
@lock_wait_option
@progress_option
def apply(
    file: str | None,
    cluster: str | None,
    expect: str | None,
    allow_downtime: bool,
    force_dns: bool,
    lock_wait: float,
    progress: str,
) -> int:
    """Apply what was reviewed in the pull request that was merged, or touch nothing and exit 6.

    The digest comes from the comment of `dynia ci plan`, and only from one that this token's own user wrote.
    How it ended stands in one more comment. A run that was cut goes on when it is run again.

    \b
    Example:
      dynia ci apply --cluster prod --lock-wait 15m --progress plain
    """
    from dynia.commands.ci_applying import ci_apply
    from dynia.commands.options import checked_digest, progress_of
    from dynia.interfaces.requests import ApplyRequest, Target

    return ci_apply(
        ApplyRequest(
            target=Target(file=file, cluster=_named(cluster)),
            expect=checked_digest(expect or None, None),
            allow_downtime=allow_downtime,
            force_dns=force_dns,
            lock_wait=lock_wait,
            progress=progress_of(progress),
        )
    )


@command.command()
@target_options
@click.option("--report", required=True, metavar="DIR", help="What `dynia drift --report DIR` wrote.")
@click.option("--found", required=True, type=int, metavar="CODE", help="How that ended.")
def nightly(file: str | None, cluster: str | None, report: str, found: int) -> int:
    """Keep one issue up to date with a drift report: opened, edited, and closed when nothing drifts any more.

    Exits as the drift report did. Anything but 0, 3 and 4 claims nothing, so it changes nothing.

    \b
    Example:
      dynia ci nightly --cluster prod --report drift --found 3
    """
    from dynia.commands.ci_nightly import ci_nightly
    from dynia.interfaces.requests import CiNightlyRequest

    return ci_nightly(CiNightlyRequest(cluster=_named(cluster), report=report, found=found))


def _named(cluster: str | None) -> str:
    if not cluster:
        raise click.UsageError("CI names its cluster: --cluster NAME")
    return cluster
