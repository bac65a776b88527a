"""Every `dynia ...` that the docs name exists, with its options; every exit code stands in the runbook."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from dynia.commands.exit_codes import WINS
from dynia.commands.screens.plan import plan_text
from dynia.interfaces import errors
from dynia.interfaces.cli import root
from dynia.interfaces.clusters_file import load
from dynia.services.planning.planner import make_plan
from dynia.services.reconcile import RESULTS
from tests.plans import worlds

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def commands_in(text: str) -> list[str]:
    """Command lines in fenced blocks and in back ticks, in the order of the page."""
    found: list[str] = []
    for fence, inline in re.findall(r"```(.*?)```|`([^`]*)`", text, re.S):
        lines = fence.splitlines() if fence else [" ".join(inline.split())]
        for line in lines:
            said = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?(dynia [a-z-].*)", line)
            if said:
                found.append(re.split(r"\s+#\s|\s{3,}", said[1])[0].strip() if fence else said[1])
    return found


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


def test_the_transcript_of_the_readme_begins_with_what_the_demo_plans_today() -> None:
    """But for the nodes' names, which every state draws by lot, and the blanks that line them up."""
    shown = re.search(r"\$ dynia plan\n(.*?)\n\n\$ ", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert shown is not None
    (spec,) = load(ROOT / "examples" / "demo" / "clusters.yaml").clusters
    plan = make_plan(worlds.start(spec))
    text = plan_text(plan, width=100)
    for mine, theirs in zip(plan.joining, re.findall(r"\+ node (\S+)", shown[1]), strict=True):
        text = text.replace(mine, theirs)
    assert re.sub(" +", " ", text) == re.sub(" +", " ", shown[1])


def test_the_runbook_names_commands() -> None:
    assert len(commands_in((ROOT / "docs" / "operating.md").read_text(encoding="utf-8"))) > 30
    assert wrong("dynia plan --no-such") and wrong("dynia nonsense") and wrong("dynia node nonsense")


def test_every_law_has_its_test_and_names_no_other_that_is_not_there() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    laws = [int(number) for number in re.findall(r"^\| (\d+) \| \*\*", text, re.M)]
    there = [int(p.name[9:11]) for p in sorted((ROOT / "tests" / "laws").glob("test_law_*.py"))]
    assert laws == there == list(range(1, 13))
    paths = re.findall(r"`((?:tests|node_scripts|state_crash)[\w/.]*)`", text[text.index("## Laws") :])
    homes = (ROOT, ROOT / "tests" / "integration")
    assert [p for p in paths if not any((home / p).exists() for home in homes)] == []


def test_every_exit_code_stands_in_the_runbook_in_the_order_in_which_they_win() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.M)}
    classes = [errors.DyniaError, *errors.DyniaError.__subclasses__()]
    used = {0, 2, 3, *RESULTS, *(kind.exit_code for kind in classes)}
    assert rows == used
    order = re.search(r"If several apply: ([\d, ]+)\.", text)
    assert order is not None
    assert [int(n) for n in order[1].split(", ")] == [c for c in WINS if c in used and c not in (0, 130)]
