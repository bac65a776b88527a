"""`dynia rehearse`: the same file on this machine, before production is touched."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.command()
@target_options
@click.option("--keep", is_flag=True, help="Leave what was made, to look at it.")
@json_option
def command(file: str | None, cluster: str | None, keep: bool, as_json: bool) -> int:
    """Play a cluster's whole life on this machine: plan, apply, failover, plan again, destroy.

    The same file, on nodes of a lab of its own; DigitalOcean and Cloudflare are their twins, secrets are
    placeholders, images that this machine does not have are replaced by a stand-in. Nothing outside of this
    machine is reached, and that is proven first. The report says what was replaced and what was seen. Without
    --cluster all clusters of the file are played, one after the other.

    \b
    Example:
      dynia rehearse -f clusters.yaml --cluster prod
    """
    from dynia.commands.rehearsing import rehearse
    from dynia.interfaces.requests import RehearseRequest, Target

    return rehearse(RehearseRequest(target=Target(file=file, cluster=cluster), keep=keep, as_json=as_json))
