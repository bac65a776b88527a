"""The options that verbs share, so that they are spelled the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from dynia.interfaces.requests import ApplyRequest, ByHandVerb, Detail, EditVerb, Part, ProgressKind

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


class _Wait(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        import re

        from dynia.interfaces.durations import PATTERN, seconds

        if isinstance(value, str) and not re.fullmatch(PATTERN, value):
            self.fail(f"{value!r} is no duration; write it like 30s or 5m", param, ctx)
        return seconds(value) if isinstance(value, str) else float(value)


def allow_destroy_option(function: _F) -> _F:
    """Parameter `allow_destroy`: 0 where not said."""
    return click.option(
        "--allow-destroy",
        type=click.IntRange(min=0),
        default=0,
        show_default=False,
        metavar="N",
        help="So many nodes and services may go at once, if it is more than a third of them (for CI).",
    )(function)


def part_options(function: _F) -> _F:
    """Parameters `targets`, `excludes` and `replace`; `part_of` reads them."""
    flags = (
        click.option(
            "--target", "targets", multiple=True, metavar="NAME", help="Only this node, service or component."
        ),
        click.option(
            "--exclude", "excludes", multiple=True, metavar="NAME", help="All but this one of them."
        ),
        click.option(
            "--replace", default="", metavar="NODE", help="Another machine takes the place of this node too."
        ),
    )
    for flag in reversed(flags):
        function = flag(function)
    return function


def part_of(targets: tuple[str, ...], excludes: tuple[str, ...], replace: str) -> Part:
    """The part of the file that the options mean."""
    from dynia.interfaces.requests import Part

    if replace and (targets or excludes):
        raise click.UsageError(
            "a node is replaced with all that the file wants: say --replace without --target and --exclude"
        )
    return Part(targets=targets, excludes=excludes, replace=replace)


def lock_wait_option(function: _F) -> _F:
    """Parameter `lock_wait`: seconds."""
    return click.option(
        "--lock-wait",
        type=_Wait(),
        default="0s",
        metavar="TIME",
        help="Wait so long for another run's lock, like 5m (else: exit 5 at once).",
    )(function)


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


def checked_digest(said: str | None, planfile: str | None) -> str:
    """The digest of `--expect`; empty where it was not said."""
    if said is None:
        return ""
    if planfile is not None:
        raise click.UsageError("a plan file has its own digest: say it or --expect, not both")
    if not re.fullmatch("sha256:[0-9a-f]{64}", said):
        raise click.UsageError(
            "--expect takes a whole digest, sha256: and 64 digits, as `dynia plan --full` shows it"
        )
    return said


def edit_options(function: _F) -> _F:
    """What every verb that edits the file and applies it takes; `edit_request` reads them."""
    flags = (
        click.option(
            "--yes", is_flag=True, help="Write and apply without asking (for CI; name the cluster)."
        ),
        click.option("--dry-run", is_flag=True, help="Show the edit and the plan, and do neither."),
        click.option(
            "--allow-downtime",
            is_flag=True,
            help="Visitors may be interrupted where no other node could take over.",
        ),
        click.option("--force-dns", is_flag=True, help="Many DNS records of ours may change or go at once."),
        allow_destroy_option,
        lock_wait_option,
        progress_option,
        detail_option,
        json_option,
    )
    return _with(function, flags)


def edit_request(verb: EditVerb, said: Mapping[str, Any]) -> ApplyRequest:
    """The request that the options of `edit_options` mean."""
    from dynia.interfaces.requests import ApplyRequest, Target

    return ApplyRequest(
        target=Target(file=said["file"], cluster=said["cluster"]),
        verb=verb,
        yes=said["yes"],
        dry_run=said["dry_run"],
        allow_downtime=said["allow_downtime"],
        force_dns=said["force_dns"],
        allow_destroy=said["allow_destroy"],
        lock_wait=said["lock_wait"],
        progress=progress_of(said["progress"]),
        detail=detail_of(said["detail"]),
        as_json=said["as_json"],
    )


def by_hand_options(function: _F) -> _F:
    """What every verb takes that does once what no file says; `by_hand_request` reads them."""
    flags = (
        click.option("--yes", is_flag=True, help="Do it without asking (for CI; name the cluster)."),
        lock_wait_option,
        progress_option,
        detail_option,
        json_option,
    )
    return _with(function, flags)


def by_hand_request(verb: ByHandVerb, name: str, said: Mapping[str, Any]) -> ApplyRequest:
    """The request that the options of `by_hand_options` mean. `name` is whom it is about."""
    from dynia.interfaces.requests import ApplyRequest, Target

    return ApplyRequest(
        target=Target(file=said["file"], cluster=said["cluster"]),
        verb=verb,
        name=name,
        os_updates=said.get("os_updates", False),
        items=said.get("items", ()),
        yes=said["yes"],
        allow_downtime=said.get("allow_downtime", False),
        allow_destroy=said.get("allow_destroy", 0),
        lock_wait=said["lock_wait"],
        progress=progress_of(said["progress"]),
        detail=detail_of(said["detail"]),
        as_json=said["as_json"],
    )


def _with(function: _F, flags: Sequence[Callable[[_F], _F]]) -> _F:
    """In this order in --help, after what names the cluster."""
    for flag in reversed(flags):
        function = flag(function)
    return target_options(function)


def named_cluster(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the cluster that was named as an argument."""
    if said["cluster"] not in (None, name):
        raise click.UsageError(f"{name!r} and --cluster {said['cluster']!r} are two clusters; say one")
    return {**said, "cluster": name}


def place_options(function: _F) -> _F:
    """Parameters `size` and `region` of machines at a vendor."""
    function = click.option("--region", default="", metavar="R", help="Where (else DIGITALOCEAN_REGION).")(
        function
    )
    return click.option("--size", default="", metavar="S", help="Of each machine, as its vendor names it.")(
        function
    )
