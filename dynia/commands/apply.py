"""`dynia apply`: make the cluster what the file says."""

from __future__ import annotations

import click

from dynia.commands.options import detail_option, json_option, progress_option, target_options


@click.command()
@target_options
@click.option("--yes", is_flag=True, help="Apply without asking (for CI; name the cluster).")
@click.option("--allow-downtime", is_flag=True, help="A cluster of one node may be interrupted.")
@click.option("--force-dns", is_flag=True, help="Many DNS records of ours may change or go at once.")
@progress_option
@detail_option
@json_option
def command(
    file: str | None,
    cluster: str | None,
    yes: bool,
    allow_downtime: bool,
    force_dns: bool,
    progress: str,
    detail: str | None,
    as_json: bool,
) -> int:
    """Make the cluster what the file says: shows the plan, asks, does it.

    Killed or failed part way, run it again: it goes on where the cluster is. Ctrl-C finishes what is in
    flight; a second one stops at once.

    \b
    Example:
      dynia apply --cluster prod
      dynia apply --cluster prod --yes --progress plain      (in CI)
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import detail_of, progress_of
    from dynia.interfaces.requests import ApplyRequest, Target

    return apply(
        ApplyRequest(
            target=Target(file=file, cluster=cluster),
            yes=yes,
            allow_downtime=allow_downtime,
            force_dns=force_dns,
            progress=progress_of(progress),
            detail=detail_of(detail),
            as_json=as_json,
        )
    )
