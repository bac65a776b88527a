"""`dynia sync`: apply, for files and services only."""

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
@target_options
@click.option("--yes", is_flag=True, help="Do it without asking (for CI; name the cluster).")
@click.option(
    "--allow-downtime", is_flag=True, help="Visitors may be interrupted where no other node could take over."
)
@allow_destroy_option
@lock_wait_option
@progress_option
@detail_option
@json_option
def command(
    file: str | None,
    cluster: str | None,
    yes: bool,
    allow_downtime: bool,
    allow_destroy: int,
    lock_wait: float,
    progress: str,
    detail: str | None,
    as_json: bool,
) -> int:
    """Like apply, but never makes, deletes or moves a machine, an address or a name.

    What would need that is named and left out.

    \b
    Example:
      dynia sync --cluster prod --yes
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import detail_of, progress_of
    from dynia.interfaces.requests import ApplyRequest, Target

    return apply(
        ApplyRequest(
            target=Target(file=file, cluster=cluster),
            verb="sync",
            yes=yes,
            allow_downtime=allow_downtime,
            allow_destroy=allow_destroy,
            lock_wait=lock_wait,
            progress=progress_of(progress),
            detail=detail_of(detail),
            as_json=as_json,
        )
    )
