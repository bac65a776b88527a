"""`dynia state`: what the state is, and how it is repaired. Each part is a module of its own."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """The state of a cluster, and its lock.

    \b
    Example:
      dynia state unlock --cluster prod
    """
