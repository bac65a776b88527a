"""`dynia secrets`: whether what the file's `secrets:` name is there, without values."""

from __future__ import annotations

import click

from dynia.commands.options import json_option, target_options


@click.group()
def command() -> None:
    """The secrets of services.

    \b
    Example:
      dynia secrets check
    """


@command.command()
@target_options
@json_option
def check(file: str | None, cluster: str | None, as_json: bool) -> int:
    """Ask every source of a secret, as apply would; commands are run. No node is asked, no value is shown.

    Exits 1 where one is missing. Without --cluster all clusters of the file are looked at.

    \b
    Example:
      dynia secrets check --cluster prod
    """
    from dynia.commands.checking_secrets import check_secrets
    from dynia.interfaces.requests import SecretsRequest

    return check_secrets(SecretsRequest(file=file, cluster=cluster, as_json=as_json))
