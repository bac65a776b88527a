"""Runs the answers to drift that write files: a look, what is meant, the edit, the question, the write."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dynia.commands.agreeing import agree
from dynia.commands.approval import show_edit
from dynia.commands.looking import look
from dynia.commands.output import Output, standard_output
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.files.rewrite import FileEdit, looking_past_all, write_edit
from dynia.interfaces.files.yaml_edit import edit
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import IgnoreRequest, Target
from dynia.services import drift_answers
from dynia.services.planning.drift_items import chosen
from dynia.services.planning.ignoring import until
from dynia.services.session import Session


def ignore(request: IgnoreRequest) -> int:
    """What is named is no finding until a day; the exit code."""
    output = standard_output()
    day = until(request.until, time.time())
    file, session = _opened(request.target)
    found, _ = look(session, output)
    chosen(found.drift, request.items, (name for name, _ in found.not_observed))
    if session.spec is None:
        raise DyniaError(f"cluster {session.cluster} is not in {file}")
    before = file.read_bytes()
    edits = drift_answers.ignore(session.spec, request.items, day, request.because)
    made = FileEdit(path=str(file), before=before, after=edit(str(file), before, edits))
    if not write((made,), session.cluster, output, file=file, yes=request.yes, again="drift ignore"):
        return 0
    output.show(f"No finding up to and with {day}. `dynia apply` puts it back all the same.")
    return 0


def _opened(target: Target) -> tuple[Path, Session]:
    file = find_file(target.file, os.environ, Path.cwd())
    return file, open_session(file=None, cluster=target.cluster, desired=load(file))


def write(
    edits: tuple[FileEdit, ...], cluster: str, output: Output, *, file: Path, yes: bool, again: str
) -> bool:
    """Shows the edits, asks, and writes them; what would make `file` wrong is refused before. Whether there
    was anything to write."""
    made = tuple(one for one in edits if not one.empty)
    if not made:
        output.show("The file says this already.")
        return False
    load(file, look=looking_past_all(made))
    for one in made:
        show_edit(one, output)
    names = ", ".join(one.path for one in made)
    agree(
        output,
        f"Write {names}?",
        cluster,
        yes=yes,
        refusal=f"cluster {cluster}: not written",
        again=f"dynia {again} ... --yes --cluster {cluster}",
    )
    for one in made:
        write_edit(one)
        output.show(f"{one.path} is written.")
    return True
