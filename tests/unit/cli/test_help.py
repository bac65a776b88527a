"""Help: one screen, cheap, and true for every verb of the list."""

from __future__ import annotations

import importlib
import subprocess
import sys

import click
import pytest

from dynia.commands import GROUPS, VERBS, joined_to, top_level
from dynia.interfaces.cli import LazyCommands, root, run

CHEAP = """
import sys
from dynia.interfaces.cli import run
code = run({arguments!r})
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {
    "aiohttp",
    "asyncio",
    "asyncssh",
    "azure",
    "chevron",
    "cloudflare",
    "cryptography",
    "httpx",
    "msgspec",
    "pydo",
    "rich",
    "ruamel",
    "ssl",
}


def modules_after(*arguments: str) -> set[str]:
    """What a fresh process has imported after one command line."""
    done = subprocess.run(
        [sys.executable, "-c", CHEAP.format(arguments=list(arguments))],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    context = click.Context(root, info_name="dynia")
    assert isinstance(root, LazyCommands)
    for verb in top_level():
        command = root.get_command(context, verb.name)
        assert command is not None
        found.append((verb.name, command))
        if isinstance(command, click.Group):
            found += [(f"{verb.name} {name}", part) for name, part in sorted(command.commands.items())]
    return found


@pytest.mark.parametrize("arguments", [("--help",), (), ("-h",)])
def test_help_imports_click_and_nothing_else(arguments: tuple[str, ...]) -> None:
    seen = modules_after(*arguments)
    assert seen & HEAVY == set()
    ours = {name for name in seen if name.startswith("dynia")}
    assert ours == {"dynia", "dynia.commands", "dynia.interfaces", "dynia.interfaces.cli"}


@pytest.mark.parametrize("verb", ["plan", "apply", "status", "logs", "node"])
def test_help_of_a_verb_imports_no_sdk_and_no_ssh(verb: str) -> None:
    assert modules_after(verb, "--help") & HEAVY == set()


def test_help_is_one_screen_and_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 100
    for verb in top_level():
        assert f"  {verb.name} " in shown
    assert "Example:" in shown


def test_every_verb_stands_in_a_group_and_says_what_it_does() -> None:
    assert {verb.group for verb in VERBS} == set(GROUPS)
    for verb in VERBS:
        assert verb.help and not verb.help.endswith("."), verb.name
        assert isinstance(importlib.import_module(verb.module).command, click.Command)


def test_the_parts_of_a_group_are_those_that_help_names() -> None:
    commands = dict(every_command())
    for verb in top_level():
        command = commands[verb.name]
        parts = set(command.commands) if isinstance(command, click.Group) else set()
        assert parts == set(filter(None, verb.parts.split("|"))), verb.name
        assert {part.name.split()[1] for part in joined_to(verb.name)} <= parts


@pytest.mark.parametrize(
    ("name", "command"), every_command(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_has_an_example_and_the_options_that_all_have(
    name: str, command: click.Command
) -> None:
    text = command.get_help(click.Context(command, info_name=f"dynia {name}"))
    assert "Example:" in text
    assert f"dynia {name}" in text.split("Example:")[1]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--file", "--cluster", "--debug"} <= options
