"""`dynia node list|drain|undrain|promote|replace|reboot|ssh`: the machines of a cluster."""

from __future__ import annotations

import click

from dynia.commands.options import allow_destroy_option, by_hand_options, json_option, target_options


@click.group()
def command() -> None:
    """The machines of a cluster.

    \b
    Example:
      dynia node list
    """


@command.command(name="list")
@target_options
@json_option
def list_(file: str | None, cluster: str | None, as_json: bool) -> int:
    """List the nodes that the state records. Asks nobody; `dynia status` looks at them.

    \b
    Example:
      dynia node list --cluster prod --json
    """
    from dynia.commands.listing import list_nodes
    from dynia.interfaces.requests import NodeListRequest, Target

    return list_nodes(NodeListRequest(target=Target(file=file, cluster=cluster), as_json=as_json))


@command.command()
@click.argument("name")
@by_hand_options
def drain(name: str, **said: object) -> int:
    """Keep visitors away from a node until `dynia node undrain`: shows the plan, asks, does it.

    Every HAProxy sends it nothing new, and what is open there may end. It stays so over applies and reboots;
    its containers go on running, and an apply still changes them. Refused where too few others serve.

    \b
    Example:
      dynia node drain misty-owl --cluster prod
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import by_hand_request

    return apply(by_hand_request("node drain", name, said))


@command.command()
@click.argument("name")
@by_hand_options
def undrain(name: str, **said: object) -> int:
    """Let visitors come to a node again.

    \b
    Example:
      dynia node undrain misty-owl --cluster prod
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import by_hand_request

    return apply(by_hand_request("node undrain", name, said))


@command.command()
@click.argument("name")
@by_hand_options
def promote(name: str, **said: object) -> int:
    """Hand the reserved IP over to a node: shows the plan, asks, does it.

    New connections wait for the new holder, what is at work on the old one ends first. It stays there until
    it moves again, by itself or by this.

    \b
    Example:
      dynia node promote misty-owl --cluster prod
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import by_hand_request

    return apply(by_hand_request("node promote", name, said))


@command.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every node of the cluster, one after the other.")
@click.option(
    "--os-updates", is_flag=True, help="Bring its packages up to date first (apt-get dist-upgrade)."
)
@click.option(
    "--allow-downtime",
    is_flag=True,
    help="Visitors may be interrupted where no other node could take over.",
)
@by_hand_options
def reboot(name: str | None, every: bool, **said: object) -> int:
    """Reboot a node, or all of them in turn, without visitors noticing: shows the plan, asks, does it.

    It is drained, reboots, and takes visitors again once all that ran there runs again. The one that has the
    reserved IP goes last, and hands it over before.

    \b
    Example:
      dynia node reboot --all --os-updates --cluster prod
    """
    from dynia.commands.applying import ALL, apply
    from dynia.commands.options import by_hand_request

    if (name is None) is not every:
        raise click.UsageError("name a node, or say --all")
    return apply(by_hand_request("node reboot", name or ALL, said))


@command.command()
@click.argument("name")
@click.option("--allow-downtime", is_flag=True, help="A cluster of one node may be interrupted.")
@allow_destroy_option
@by_hand_options
def replace(name: str, **said: object) -> int:
    """Let another machine take the place of a node: shows the plan, asks, does it.

    The new one comes first, and is given all that the file wants; once it serves, the old one goes, whether
    it answers or not. What else the file wants is done too. Cut in the middle, say it again to go on; `dynia
    apply` instead takes away the newest that is one too many.

    \b
    Example:
      dynia node replace misty-owl --cluster prod
    """
    from dynia.commands.applying import apply
    from dynia.commands.options import by_hand_request

    return apply(by_hand_request("node replace", name, said))


@command.command()
@click.argument("name")
@click.argument("argv", nargs=-1, metavar="[-- COMMAND...]")
@target_options
def ssh(name: str, argv: tuple[str, ...], file: str | None, cluster: str | None) -> int:
    """Open a shell on a node, or run a command there, with the pinned host key. Ends with ssh's exit code.

    \b
    Example:
      dynia node ssh misty-owl -- journalctl -u keepalived -n 20
    """
    from dynia.commands.listing import open_shell
    from dynia.interfaces.requests import SshRequest, Target

    return open_shell(SshRequest(target=Target(file=file, cluster=cluster), node=name, argv=argv))
