"""`dynia exec`: a command in a service's container."""

from __future__ import annotations

import click

from dynia.commands.options import target_options


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("service")
@click.argument("argv", nargs=-1, required=True, metavar="-- COMMAND...")
@target_options
@click.option("--node", metavar="NAME", help="On this node (else the first one where it runs).")
@click.option("--container", metavar="NAME", help="In this container (else the routed one).")
@click.option("-i", "--stdin", "with_stdin", is_flag=True, help="Hand this command's input on.")
def command(
    service: str,
    argv: tuple[str, ...],
    file: str | None,
    cluster: str | None,
    node: str | None,
    container: str | None,
    with_stdin: bool,
) -> int:
    """Run a command in a service's container on one node; its exit code is passed on.

    For a shell use `dynia node ssh NAME`.

    \b
    Example:
      dynia exec api --node misty-owl -- ./manage.py showmigrations
    """
    from dynia.commands.service_access import execute
    from dynia.interfaces.requests import ExecRequest, Target

    return execute(
        ExecRequest(
            target=Target(file=file, cluster=cluster),
            service=service,
            argv=argv,
            node=node or "",
            container=container or "",
            with_stdin=with_stdin,
        )
    )
