"""`dynia state show|rebuild|pull|push`: what Dynia remembers, and what to do when it is lost.

`dynia state unlock` is a module of its own, which the command line joins into this group.
"""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.group()
def command() -> None:
    """What Dynia remembers of the clusters that it made.

    \b
    Example:
      dynia state show
    """


@command.command()
@target_options
@json_option
def show(file: str | None, cluster: str | None, as_json: bool) -> int:
    """Show the state in words: lineage, clusters, how often each was written. Asks nobody.

    \b
    Example:
      dynia state show --json
    """
    from dynia.commands.state_files import show_state
    from dynia.interfaces.requests import StateRequest, Target

    return show_state(StateRequest(target=Target(file=file, cluster=cluster), as_json=as_json))


@command.command()
@target_options
@click.option("--lineage", default="", metavar="ID", help="Whose machines, where those of several are there.")
@click.option("--yes", is_flag=True, help="Write it without asking (name the cluster).")
@json_option
def rebuild(file: str | None, cluster: str | None, lineage: str, yes: bool, as_json: bool) -> int:
    """Make a cluster's state again from its nodes and its provider, when state.json and .dynia are gone.

    Reads the manifest that each node keeps; the newest wins. Shows what it found and the plan that follows
    from it, and asks before it writes. Changes nothing on nodes or at vendors.

    \b
    Example:
      dynia state rebuild --cluster prod
    """
    from dynia.commands.rebuilding import rebuild as run
    from dynia.interfaces.requests import RebuildRequest, Target

    return run(
        RebuildRequest(target=Target(file=file, cluster=cluster), lineage=lineage, yes=yes, as_json=as_json)
    )


@command.command()
@target_options
def pull(file: str | None, cluster: str | None) -> int:
    """Print the whole state as JSON: state.json with the journal in it. A copy to keep, or to push elsewhere.

    \b
    Example:
      dynia state pull > state-copy.json
    """
    from dynia.commands.state_files import pull_state
    from dynia.interfaces.requests import StateRequest, Target

    return pull_state(StateRequest(target=Target(file=file, cluster=cluster)))


@command.command()
@click.argument("source", metavar="FILE")
@target_options
@click.option("--force", is_flag=True, help="Also an older state, or one that lacks clusters.")
@click.option("--yes", is_flag=True, help="Replace it without asking.")
def push(source: str, file: str | None, cluster: str | None, force: bool, yes: bool) -> int:
    """Replace the state by a copy (a file that `dynia state pull` printed; - reads standard input).

    The copy must be of the same lineage, and for no cluster older than what is there.

    \b
    Example:
      dynia state push state-copy.json
    """
    from dynia.commands.state_files import push_state
    from dynia.interfaces.requests import StatePushRequest, Target

    return push_state(
        StatePushRequest(target=Target(file=file, cluster=cluster), source=source, force=force, yes=yes)
    )
