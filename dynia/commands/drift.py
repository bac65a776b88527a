"""`dynia drift`: what differs from what was applied? Each answer to it is a module of its own."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.group(invoke_without_command=True)
@target_options
@click.option("--report", default="", metavar="DIR", help="Also write the report into this folder.")
@click.option(
    "--alert-after",
    type=click.IntRange(1, 90),
    metavar="N",
    help="Tell webhooks what is in N reports on end.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    file: str | None,
    cluster: str | None,
    report: str,
    alert_after: int | None,
    as_json: bool,
) -> int:
    """Show what differs from what was applied. Touches nothing.

    What the file asks for and was not applied yet is pending, not drift. Exits 0 where nothing drifted
    and every node was observed, 3 where something did, 4 where a node did not answer.
    `--report` writes drift.txt, drift.md, drift.json and drift.html, whatever was found.

    \b
    Example:
      dynia drift --cluster prod --json
      dynia drift --cluster prod --report drift-reports --alert-after 2
    """
    if ctx.invoked_subcommand is not None:
        said = {"file": file, "cluster": cluster, "as_json": as_json}
        ctx.default_map = {ctx.invoked_subcommand: {name: value for name, value in said.items() if value}}
        return 0

    from dynia.commands.looking import drift
    from dynia.interfaces.requests import DriftRequest, Target

    if alert_after and not report:
        raise click.UsageError("--alert-after counts the reports of a folder: name it with --report DIR")
    target = Target(file=file, cluster=cluster)
    return drift(DriftRequest(target=target, as_json=as_json, report=report, alert_after=alert_after or 0))
