"""The options that verbs share, so that they are spelled the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from dynia.interfaces.requests import Detail, ProgressKind

_F = TypeVar("_F", bound=Callable[..., object])


def file_option(*names: str) -> Callable[[_F], _F]:
    """Parameter `file`: None where not said."""
    return click.option(
        *names, "file", metavar="FILE", help="The desired file (else DYNIA_FILE, else upwards)."
    )


def cluster_option(function: _F) -> _F:
    """Parameter `cluster`: None where not said."""
    return click.option("--cluster", metavar="NAME", help="The cluster (else DYNIA_CLUSTER).")(function)


def target_options(function: _F) -> _F:
    """Which file and which cluster: parameters `file` and `cluster`, both None where not said."""
    return file_option("-f", "--file")(cluster_option(function))


def json_option(function: _F) -> _F:
    """Parameter `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="The same facts for programs (docs/json.md)."
    )(function)


def detail_option(function: _F) -> _F:
    """Parameter `detail`: summary, normal or full."""
    function = click.option("--summary", "detail", flag_value="summary", help="Only the last lines.")(
        function
    )
    return click.option(
        "--full", "detail", flag_value="full", help="Every line of every diff, and every step."
    )(function)


def detail_of(said: str | None) -> Detail:
    """The detail that the options mean."""
    return "full" if said == "full" else "summary" if said == "summary" else "normal"


def progress_option(function: _F) -> _F:
    """Parameter `progress`: auto, tty, plain or json."""
    return click.option(
        "--progress",
        type=click.Choice(["auto", "tty", "plain", "json"]),
        default="auto",
        help="How progress is shown; auto: live on a terminal, else plain lines.",
    )(function)


def progress_of(said: str) -> ProgressKind:
    """The kind that the option means."""
    return "tty" if said == "tty" else "plain" if said == "plain" else "json" if said == "json" else "auto"
