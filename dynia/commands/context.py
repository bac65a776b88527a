"""`dynia context`: which cluster is meant where a command does not say it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dynia.commands.options import json_option, target_options
from dynia.commands.output import standard_output


@click.group()
def command() -> None:
    """The cluster used by default.

    \b
    Example:
      dynia context use prod
    """


@command.command()
@target_options
def current(file: str | None, cluster: str | None) -> None:
    """Print the current cluster. Exit 1 where none is set.

    \b
    Example:
      dynia context current
    """
    from dynia.commands.known import store_of
    from dynia.interfaces.errors import DyniaError

    name = store_of(file, os.environ, Path.cwd(), make=False).state.current_cluster
    if name is None:
        raise DyniaError("no current cluster is set", hint="`dynia context use NAME` sets one")
    standard_output().show(name)


@command.command()
@click.argument("name")
@target_options
def use(name: str, file: str | None, cluster: str | None) -> None:
    """Make a cluster of the file or the state the current one.

    \b
    Example:
      dynia context use staging
    """
    from dynia.commands.known import look, store_of
    from dynia.interfaces.target import resolve_target

    known = look(file, os.environ, Path.cwd())
    resolve_target(name, {}, None, known.names)
    if known.state.current_cluster != name:
        store_of(file, os.environ, Path.cwd(), make=True).write_current(name)
    standard_output().show(f"Current cluster: {name}")


@command.command()
@target_options
def clear(file: str | None, cluster: str | None) -> None:
    """Forget the current cluster. The clusters themselves are not touched.

    \b
    Example:
      dynia context clear
    """
    from dynia.commands.known import store_of

    if store_of(file, os.environ, Path.cwd(), make=False).state.current_cluster is not None:
        store_of(file, os.environ, Path.cwd(), make=True).write_current(None)
    standard_output().show("No current cluster.")


@command.command(name="list")
@target_options
@json_option
def list_(file: str | None, cluster: str | None, as_json: bool) -> None:
    """List every cluster that the file or the state knows; * is the current one.

    \b
    Example:
      dynia context list
    """
    from dynia.commands.cluster import show_list

    show_list(file, as_json)
