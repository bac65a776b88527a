"""Our reading of variables and env files against the real Compose: the one that the lab's nodes run."""

from __future__ import annotations

import json
import pathlib
import random
import subprocess

import pytest

from dynia.interfaces.files.dotenv import read_dotenv, write_dotenv
from dynia.interfaces.files.interpolation import CannotInterpolate, interpolate
from dynia.providers.nodes.docker.images import node_image

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]
# The node image's programs alone: it does not boot, and sees nothing but the folder.
COMPOSE = ("docker", "run", "--rm", "--network", "none", "--entrypoint", "/usr/bin/docker")


def environment_of(folder: pathlib.Path, entries: dict[str, str], dotenv: bytes) -> dict[str, str]:
    """What Compose makes of a container's environment."""
    (folder / ".env").write_bytes(dotenv)
    (folder / "c.yaml").write_text(json.dumps({"services": {"a": {"image": "x", "environment": entries}}}))
    command = ("-f", "/w/c.yaml", "--env-file", "/w/.env", "config", "--format", "json")
    done = subprocess.run(
        [*COMPOSE, "--volume", f"{folder}:/w:ro", node_image(), "compose", *command],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)["services"]["a"]["environment"]
    return {key: value.replace("$$", "$") for key, value in shown.items()}


@pytest.mark.parametrize("seed", range(3))
def test_a_written_env_file_is_read_exactly(seed: int, tmp_path: pathlib.Path) -> None:
    chance = random.Random(seed)
    alphabet = "ab $'\"\\{}#=:\n\r\t~`!é中;&|%nrt0\x0b\xa0\x85"
    values = {f"V{n}": "".join(chance.choices(alphabet, k=chance.randint(0, 12))) for n in range(300)}
    asked = {name: "${%s}" % name for name in values}  # noqa: UP031
    assert environment_of(tmp_path, asked, write_dotenv(values)) == values


PIECES = [
    "$A",
    "${A}",
    "${B}",
    "${C}",
    "${A:-d}",
    "${B:-d}",
    "${B-d}",
    "${X:-d}",
    "${X-d}",
    "${X:-${A}}",
    "${X:-${Y:-z}}",
    "${A:+p}",
    "${B:+p}",
    "${B+p}",
    "${X+p}",
    "${X:+p}",
    "${A:?e}",
    "${A?e}",
    "${B?e}",
    "$$",
    "$$A",
    "$",
    "$1",
    "a",
    "{",
    "}",
    "-",
    "${X:-}",
    "${X:-:-q}",
    "${A:-x:?y}",
    "${X:-x:+y}",
    "${X:-$$}",
    "${X:-a}b",
    "$A_",
    "é",
    "$É",
    "${X:-a$}",
    "${X:-?}",
    "${X--}",
    "${X:-${A}-${A:+u}}",
    "${X:-$A}z",
]


@pytest.mark.parametrize("seed", range(3))
def test_variables_are_filled_in_alike(seed: int, tmp_path: pathlib.Path) -> None:
    chance = random.Random(seed)
    known = {"A": "one", "B": "", "C": "x}y$A"}
    ours: dict[str, str] = {}
    texts: dict[str, str] = {}
    for number in range(400):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 4)))
        try:
            ours[f"T{number}"] = interpolate(text, known)
            texts[f"T{number}"] = text
        except CannotInterpolate:
            continue
    assert len(texts) > 300
    assert environment_of(tmp_path, texts, write_dotenv(known)) == ours


LINES = (
    "A=1", "export B=two", "C='si $A \\' x'", 'D="do $A ${B:-q} \\n \\$A \\\\ \\" e"', "E=un $A # c", "F= sp ", "G: yaml",
    "# c", "", "H=$A$B", "I='multi\nline'", 'J="multi\nline"', "K=a#b", 'L="q" # c', "M=", "N=''", "O=$$A", "P=a'b'",
    'Q="a\\tb\\0101\\q"', "R='a\\nb'", "S=a\\nb", "T = x", "U='a\\\\'",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_env_files_are_read_alike(seed: int, tmp_path: pathlib.Path) -> None:
    chance = random.Random(seed)
    text = ("\n".join(chance.sample(LINES, len(LINES) - 4)) + "\n").encode()
    ours = read_dotenv("f", text, {}, strict=False).values
    asked = {name: "${%s}" % name for name in ours}  # noqa: UP031
    assert environment_of(tmp_path, asked, text) == ours
