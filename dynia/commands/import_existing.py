"""`dynia import`: a machine or a reserved IP that exists becomes the cluster's, without being made."""

from __future__ import annotations

import click

from dynia.commands.options import lock_wait_option, target_options


@click.command(name="import")
@click.argument("words", metavar="[reserved-ip] WHAT", nargs=-1, required=True)
@target_options
@click.option(
    "--host-key", default="", metavar="LINE", help="The machine's public host key (ssh-ed25519 AAAA...)."
)
@click.option("--known-hosts", default="", metavar="FILE", help="A known_hosts file that has it.")
@click.option("--yes", is_flag=True, help="Import it without asking (name the cluster).")
@lock_wait_option
def command(
    words: tuple[str, ...],
    file: str | None,
    cluster: str | None,
    host_key: str,
    known_hosts: str,
    yes: bool,
    lock_wait: float,
) -> int:
    """Take an existing machine (its id, name or address) into a cluster as a node, or a reserved IP as its
    entry.

    It is looked at, shown and asked about; then it gets the cluster's tags, and the state knows it. Nothing
    else of it is changed before the next apply, whose plan is shown. For droplets and addresses of
    DigitalOcean's. Hosts of kind ssh are listed in clusters.yaml; a DNS record is taken over with
    `dns: {adopt: true}` there.

    \b
    Example:
      dynia import web-1 --known-hosts ~/.ssh/known_hosts --cluster prod
      dynia import reserved-ip 203.0.113.9 --cluster prod
    """
    from dynia.commands.importing import import_existing
    from dynia.interfaces.requests import ImportRequest, Target

    *kind, said = words
    if kind not in ([], ["reserved-ip"]):
        raise click.UsageError("say one machine, or reserved-ip and one address")
    return import_existing(
        ImportRequest(
            target=Target(file=file, cluster=cluster),
            what="reserved_ip" if kind else "node",
            said=said,
            host_key=host_key,
            known_hosts=known_hosts,
            yes=yes,
            lock_wait=lock_wait,
        )
    )
