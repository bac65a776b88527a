"""`dynia history`: the last runs, and one of them with its plan and what happened."""

from __future__ import annotations

import click

from dynia.commands.options import detail_option, json_option, target_options


@click.group(invoke_without_command=True)
@target_options
@click.option(
    "--last",
    type=click.IntRange(1, 200),
    default=20,
    metavar="N",
    help="So many of them, 20 if not said; 200 are kept.",
)
@json_option
@click.pass_context
def command(
    context: click.Context, file: str | None, cluster: str | None, last: int, as_json: bool
) -> int | None:
    """Show the last runs of a cluster: when, what, how it ended, how long it took, and who ran it.

    Kept is every apply (by whatever verb) from its yes on, every drill and every drift. Asks no node. A run
    that was killed did not end. `show N` tells all of one.

    \b
    Example:
      dynia history --cluster prod
      dynia history show 12 --full
    """
    if context.invoked_subcommand is not None:
        if file or cluster or as_json:
            raise click.UsageError("say these options after `show`")
        return None
    from dynia.commands.telling import list_runs
    from dynia.interfaces.requests import HistoryRequest, Target

    return list_runs(HistoryRequest(target=Target(file=file, cluster=cluster), last=last, as_json=as_json))


@command.command()
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@target_options
@detail_option
@json_option
def show(number: int, file: str | None, cluster: str | None, detail: str | None, as_json: bool) -> int:
    """Show one run: who ran it, the plan that ran, and what happened. Asks no node.

    \b
    Example:
      dynia history show 12
    """
    from dynia.commands.options import detail_of
    from dynia.commands.telling import show_run
    from dynia.interfaces.requests import HistoryRequest, Target

    return show_run(
        HistoryRequest(
            target=Target(file=file, cluster=cluster),
            number=number,
            detail=detail_of(detail),
            as_json=as_json,
        )
    )
