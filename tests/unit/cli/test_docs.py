"""Every `dynia ...` that the docs name exists, with its options; every exit code stands in the runbook."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from dynia.commands.exit_codes import WINS
from dynia.interfaces import errors
from dynia.interfaces.cli import root

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def commands_in(text: str) -> list[str]:
    """Command lines in fenced blocks and in back ticks."""
    found = re.findall(
        r"^\s*(?:\$ )?(?:\.venv/bin/)?(dynia [a-z-][^#\n]*)",
        "\n".join(re.findall(r"```.*?```", text, re.S)),
        re.M,
    )
    inline = re.sub(r"```.*?```", "", text, flags=re.S)
    found += re.findall(r"`(?:\.venv/bin/)?(dynia [a-z-][^`]*)`", inline)
    return [line.strip() for line in found]


def wrong(line: str) -> str:
    """What is wrong with a command line, or nothing. Nothing is run."""
    words = shlex.split(line.split(" > ")[0].split(" | ")[0].replace("...", ""))[1:]
    words = words[: words.index("--")] if "--" in words else words
    command: click.Command = root
    context = click.Context(root, info_name="dynia")
    while words and isinstance(command, click.Group):
        if words[0].startswith("-"):
            known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
            if words[0] not in known:
                return f"no option {words[0]}"
            words = words[1:] if words[0] in ("--debug", "--version") else words[2:]
            continue
        names = words[0].split("|")
        parts = [command.get_command(context, name) for name in names]
        if None in parts:
            return f"no command {words[0]}"
        command = parts[0] or command
        words = words[1:]
    options = {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {"--help", "-h"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in options]
    return f"no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_the_docs_name_exists(page: Path) -> None:
    lines = commands_in(page.read_text(encoding="utf-8"))
    assert {line: wrong(line) for line in lines if wrong(line)} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_the_docs_name_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`]*`", text, re.S))
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) - there == set()


def test_the_runbook_names_commands() -> None:
    assert len(commands_in((ROOT / "docs" / "operating.md").read_text(encoding="utf-8"))) > 30
    assert wrong("dynia plan --no-such") and wrong("dynia nonsense") and wrong("dynia node nonsense")


def test_every_exit_code_stands_in_the_runbook_in_the_order_in_which_they_win() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    classes = [errors.DyniaError, *errors.DyniaError.__subclasses__()]
    used = {0, 2, 3, *(kind.exit_code for kind in classes)}
    assert rows == used
    order = re.search(r"If several apply: ([\d, ]+)\.", text)
    assert order is not None
    assert [int(n) for n in order[1].split(", ")] == [c for c in WINS if c in used and c not in (0, 130)]
