"""`dynia cluster destroy`: delete a cluster and all that it has."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, lock_wait_option, progress_option, target_options


@click.command()
@click.argument("name", required=False)
@target_options
@click.option("--yes-destroy", metavar="NAME", help="The cluster's name, said beforehand (for CI).")
@click.option("--leave-names", is_flag=True, help="Leave its DNS records: their server is gone for good.")
@lock_wait_option
@progress_option
@json_option
def command(
    name: str | None,
    file: str | None,
    cluster: str | None,
    yes_destroy: str | None,
    leave_names: bool,
    lock_wait: float,
    progress: str,
    as_json: bool,
) -> int:
    """Delete a cluster: its machines, addresses and names, and what Dynia put on hosts that stay.

    Shows what goes and asks for the cluster's name. What is not ours stays.

    \b
    Example:
      dynia cluster destroy staging
    """
    from dynia.commands.applying import destroy
    from dynia.commands.options import progress_of
    from dynia.interfaces.requests import DestroyRequest, Target

    if name and cluster and name != cluster:
        raise click.UsageError(f"{name!r} and --cluster {cluster!r} are two clusters; say one")
    return destroy(
        DestroyRequest(
            target=Target(file=file, cluster=name or cluster),
            confirmed=yes_destroy or "",
            leave_names=leave_names,
            lock_wait=lock_wait,
            progress=progress_of(progress),
            as_json=as_json,
        )
    )
