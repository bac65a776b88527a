"""`dynia drift adopt`: make the files say what somebody did by hand."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command()
@click.argument("items", metavar="ITEM...", nargs=-1, required=True)
@target_options
@click.option("--yes", is_flag=True, help="Write it without asking (for CI; name the cluster).")
def command(items: tuple[str, ...], file: str | None, cluster: str | None, yes: bool) -> int:
    """Write what was observed into the files that it comes from: shows the edit, asks, writes it.

    That works for a file that comes with a service (its compose file, what that mounts or includes), and
    for whether Cloudflare stands before the names. Nothing is written where nodes differ, where it is a
    secret, or where the file here was changed too. What Dynia renders goes into a template of yours.

    \b
    Example:
      dynia drift adopt misty-owl:services/api/config/app.toml
    """
    from dynia.commands.answering import adopt
    from dynia.interfaces.requests import AdoptRequest, Target

    return adopt(
        AdoptRequest(target=Target(file=file, cluster=cluster), items=tuple(dict.fromkeys(items)), yes=yes)
    )
