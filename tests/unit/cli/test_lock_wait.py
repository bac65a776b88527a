"""`--lock-wait`: how long to wait, as people write durations, at every verb that takes the lock."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from dynia.commands.options import lock_wait_option
from dynia.interfaces.cli import root, run


@click.command()
@lock_wait_option
def verb(lock_wait: float) -> None:
    """Says what it understood."""
    click.echo(repr(lock_wait))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0s", 0.0), ("30s", 30.0), ("5m", 300.0), ("1h30m", 5400.0), ("200ms", 0.2), ("1.5s", 1.5),
        ("999999h", 999_999 * 3600.0),
    ],
)  # fmt: skip
def test_it_is_a_duration(said: str, seconds: float) -> None:
    told = CliRunner().invoke(verb, ["--lock-wait", said])
    assert (told.exit_code, float(told.output)) == (0, seconds)


def test_without_it_nobody_waits() -> None:
    assert float(CliRunner().invoke(verb, []).output) == 0.0


@pytest.mark.parametrize(
    "said",
    ["5", "", "-5s", "5 m", "5M", "m", "1e3s", "5s\n", "inf", "nan", "1000000h", "5d", "\u0665s", ".5s"],
)
def test_what_is_none_is_refused_with_an_example(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A number alone could be seconds or minutes. Nothing is opened: the mistake is told first."""
    assert run(["apply", "--lock-wait", said, "-f", "/nowhere/clusters.yaml"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "is no duration; write it like 30s or 5m" in " ".join(told.err.split())
    assert "--lock-wait" in told.err and "Traceback" not in told.err


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = leaves(command, (*path, name)) if isinstance(command, click.Group) else None
        found |= inner if inner is not None else {" ".join((*path, name)): command}
    return found


def test_every_verb_that_applies_can_wait() -> None:
    waiting = {
        name for name, command in leaves(root).items() if any(p.name == "lock_wait" for p in command.params)
    }
    asked = ("apply", "sync", "deploy", "undeploy", "cluster create", "cluster scale", "cluster destroy")
    assert waiting >= {*asked, "drill failover"}
