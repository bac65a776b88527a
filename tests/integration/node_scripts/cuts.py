"""The node scripts with a place to die before every command: each cut is a real SIGKILL of the real script."""

from __future__ import annotations

import functools
import re
import subprocess

from dynia.providers.ssh.scripts import ScriptName, script

# Lines that begin a command of their own: not a pattern of a `case`, not the middle or the end of a structure.
_COMMAND = re.compile(
    r"\s*(?!fi\b|done\b|esac\b|then\b|else\b|elif\b|do\b|\}|\{|;;|'|-\*|\+\*|[\w*]+\)|\w[\w ]*\||\w+\(\))\S"
)
_HEAD = 'dies() { [ "$CUT" != "$1" ] || { TIMES=$((TIMES - 1)); [ "$TIMES" -gt 0 ] || kill -9 $$; }; }'


@functools.cache
def cuttable(name: ScriptName) -> tuple[str, int]:
    """The script with ``dies N`` before its commands, and how many there are."""
    lines = []
    count = 0
    inside_case = False
    text_open = False
    for line in script(name).splitlines():
        word = line.strip()
        if (
            not text_open
            and not inside_case
            and _COMMAND.match(line)
            and not (lines and lines[-1].endswith("\\"))
        ):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{indent}dies {count}; {line.lstrip()}")
            count += 1
        else:
            lines.append(line)
        if word.startswith("case ") and not word.endswith("esac"):
            inside_case = True
        elif word.startswith("esac"):
            inside_case = False
        text_open = text_open != (word.count("'") % 2 == 1)
    text = "\n".join([_HEAD, *lines])
    subprocess.run(["sh", "-n", "-c", text], check=True)
    return text, count


def cut_at(name: ScriptName, number: int, times: int) -> str:
    """The script that dies at its place `number`, when it comes there for the `times`-th time."""
    return f"CUT={number} TIMES={times}\n{cuttable(name)[0]}"


def place_of(name: ScriptName, line: str) -> int:
    """The last place where that very line stands."""
    return int(re.findall(rf"^dies (\d+); {re.escape(line)}$", cuttable(name)[0], re.MULTILINE)[-1])


def places_between(name: ScriptName, begin: str, end: str) -> range:
    """The places from the line `begin` to the line `end`, both functions of the script."""
    text = cuttable(name)[0]
    part = text[text.index(f"\n{begin}() {{") : text.index(f"\n{end}() {{")]
    numbers = [int(found) for found in re.findall(r"dies (\d+);", part)]
    return range(numbers[0], numbers[-1] + 1)
