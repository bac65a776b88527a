"""The commands of README, quickstart and runbook, run in the order of the page on a cluster like the demo's."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from dynia.providers.nodes.docker.lab import Lab
from tests.conftest import ROOT
from tests.e2e.scratch import Scratch
from tests.e2e.terminal import Terminal
from tests.unit.cli.test_docs import commands_in

pytestmark = pytest.mark.lab

PAGES = ("README.md", "docs/quickstart.md", "docs/operating.md")
# Of make's targets nothing is run here: what they run is.
NOT_HERE = {
    "make demo": "brings up the lab of this checkout, which these tests use, under the name demo",
    "make demo-down": "takes that lab's images away, which these tests use",
    "make test": "runs this",
}
# They edit clusters.yaml; test_commands_edit_the_file.py runs them, on files of its own, and test_import.py the import.
# test_drift_answers.py has the answers to drift.
# To go back there must be generations that differ: test_rollback.py has them.
ELSEWHERE = (
    "dynia init",
    "dynia cluster create ",
    "dynia cluster scale ",
    "dynia deploy ",
    "dynia drift adopt ",
    "dynia drift ignore ",
    "dynia drift revert ",
    "dynia import",
    "dynia rollback",
    "dynia undeploy ",
)


# Besides the verbs of one word that ask.
CONFIRMED = (
    ("state", "rebuild"),
    ("node", "drain"),
    ("node", "undrain"),
    ("node", "promote"),
    ("node", "replace"),
    ("node", "reboot"),
)


@pytest.fixture(scope="module")
def demo(lab: Lab) -> Iterator[Scratch]:
    """A copy of examples/demo under a name of its own; nothing is applied yet."""
    made = Scratch(lab, "docs")
    shutil.copytree(ROOT / "examples" / "demo", made.folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("state.json", ".dynia", "deploy-config"))  # fmt: skip
    made.edit("clusters.yaml", "  demo:\n", f"  {made.name}:\n")
    try:
        yield made
    finally:
        made.remove()


def kill_the_holder(demo: Scratch) -> None:
    demo.docker("kill", demo.nodes()[demo.holder()])


def change_the_greeting(demo: Scratch) -> None:
    greeting = demo.folder / "greeting" / "text"
    greeting.write_text(greeting.read_text() + "and more\n")


def nothing(demo: Scratch) -> None:
    """The command itself is the deed, which an apply then repairs."""


def edit_a_config(demo: Scratch) -> None:
    demo.sh(sorted(demo.nodes())[0], "echo '# by hand' >>/opt/dynia/haproxy/haproxy.cfg")


def lose_the_state(demo: Scratch) -> None:
    """Of a cluster that is there again: the page has just destroyed it."""
    demo.apply()
    (demo.folder / "state.json").unlink()
    shutil.rmtree(demo.folder / ".dynia")


def keep_a_copy(demo: Scratch) -> None:
    demo.write("copy.json", demo.dynia("state", "pull").stdout)


Deed = Callable[[Scratch], object]
# What the page tells to do before a command (by page, command and how often it stood there), and how that then exits.
FIRST: dict[tuple[str, str, int], tuple[Deed | None, int]] = {
    ("README.md", "dynia drift", 2): (kill_the_holder, 4),
    ("docs/quickstart.md", "dynia drift", 1): (kill_the_holder, 4),
    ("docs/quickstart.md", "dynia validate", 1): (change_the_greeting, 0),
    ("docs/operating.md", "dynia drift --cluster prod", 1): (edit_a_config, 3),
    ("docs/operating.md", "dynia drift --cluster prod --report drift-reports", 1): (Scratch.apply, 0),
    ("docs/operating.md", "dynia node ssh NAME -- docker stop CONTAINER", 1): (nothing, 0),
    # Nothing of the demo has failed.
    ("docs/operating.md", "dynia unhold api", 1): (nothing, 1),
    ("docs/operating.md", "dynia unhold", 1): (nothing, 1),
    # The demo has no certificate that could be taken away.
    ("docs/operating.md", "dynia node ssh NAME -- rm /opt/dynia/tls/cluster.pem", 1): (nothing, 1),
    ("docs/operating.md", "dynia plan --cluster prod --full --detailed-exitcode", 1): (
        change_the_greeting,
        2,
    ),
    ("docs/operating.md", "dynia state rebuild", 1): (nothing, 1),
    ("docs/operating.md", "dynia state rebuild --cluster prod", 1): (lose_the_state, 0),
    ("docs/operating.md", "dynia state push copy.json", 1): (keep_a_copy, 0),
}


def words_of(demo: Scratch, command: str) -> list[str]:
    """The command with this cluster's names in place of the page's. The demo's image has no `env` but busybox's."""
    node = sorted(demo.nodes())[0] if demo.nodes() else "none"
    command = command.replace("destroy NAME", f"destroy {demo.name}").replace(" -f examples/demo/", " -f ")
    command = command.replace(" -- env", " -- busybox env")
    spare = next(
        (
            n
            for n in sorted(demo.nodes())
            if {"drill", "promote", "replace"} & {*command.split()} and n != demo.holder()
        ),
        node,
    )
    named = {
        "CONTAINER": "dynia-hello-web-1",
        "NAME": node,
        "misty-owl": node,
        "swift-fox": spare,
        "SERVICE": "hello",
        "api": "hello",
        "prod": demo.name,
    }
    if "$DIGEST" in command:
        named["$DIGEST"] = json.loads(demo.dynia("plan", "--json").stdout)["digest"]
    return [named.get(word, word) for word in shlex.split(command)][1:]


def run(demo: Scratch, words: list[str]) -> tuple[int, str]:
    """At a terminal, as a reader does: questions are answered, a shell is left again."""
    with Terminal(demo, *words) as terminal:
        if words[0] in ("apply", "forget", "restart") or tuple(words[:2]) in CONFIRMED:
            terminal.answer("is accepted:", "yes")
        elif words[0] == "drill":
            terminal.answer("[y/N]", "y")
        elif words[:2] == ["cluster", "destroy"]:
            terminal.answer("to destroy it:", demo.name)
        elif words[:2] == ["node", "ssh"] and "--" not in words:
            terminal.answer(":~# ", "exit")
        return terminal.end(), terminal.shown


@pytest.mark.parametrize(
    "page", [pytest.param(one, marks=[pytest.mark.slow] * (one != "README.md")) for one in PAGES]
)
def test_the_commands_of_a_page_end_as_it_says(demo: Scratch, page: str) -> None:
    text = (ROOT / page).read_text()
    stood: dict[str, int] = {}
    left, changed = {key for key in FIRST if key[0] == page}, False
    if page != "README.md" and not demo.nodes():
        demo.apply()
    for curl in re.findall(r"`(curl [^`]+)`", text):
        words = shlex.split(curl.replace("RESERVED-IP", demo.entry()))
        assert "Hello from" in subprocess.run(words, capture_output=True, text=True, timeout=10).stdout
    for command in commands_in(text):
        if command.startswith(ELSEWHERE):
            continue
        stood[command] = stood.get(command, 0) + 1
        deed, exits = FIRST.get((page, command, stood[command]), (None, 0))
        left.discard((page, command, stood[command]))
        if deed is not None:
            deed(demo)
            changed = True
        elif stood[command] > 1 and not changed:
            continue  # the same again, on the same cluster
        code, shown = run(demo, words_of(demo, command))
        assert code == exits, f"{page}: {command}: exit {code}, not {exits}\n{shown}"
        assert "Traceback" not in shown
        changed = changed and not command.startswith("dynia apply")
    assert not left, f"{page} does not say this any more"


def test_what_the_pages_let_one_make_is_declared() -> None:
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    assert set(re.findall(r"(?:^|`)(make [a-z-]+)", text, re.M)) == {*NOT_HERE}
