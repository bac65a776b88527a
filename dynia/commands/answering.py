"""Runs the answers to drift that write files: a look, what is meant, the edit, the question, the write."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dynia.commands.agreeing import agree
from dynia.commands.approval import show_edit
from dynia.commands.interrupts import run_interruptible
from dynia.commands.looking import look
from dynia.commands.output import Output, standard_output
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.files.rewrite import FileEdit, looking_past_all, write_edit
from dynia.interfaces.files.yaml_edit import edit
from dynia.interfaces.find_file import find_file
from dynia.interfaces.requests import AdoptRequest, IgnoreRequest, Target
from dynia.services import drift_adoption, drift_answers
from dynia.services.drift_adoption import Taken
from dynia.services.former_texts import MOST, former_texts
from dynia.services.planning.drift_items import chosen
from dynia.services.planning.ignoring import until
from dynia.services.reconcile import reconciler
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


def adopt(request: AdoptRequest) -> int:
    """The files say what was observed; the exit code."""
    output = standard_output()
    file, session = _opened(request.target)
    found, given = look(session, output)
    meant = chosen(found.drift, request.items, (name for name, _ in found.not_observed))
    if session.spec is None:
        raise DyniaError(f"cluster {session.cluster} is not in {file}")
    wish = drift_adoption.adopt(given, session.spec, found.drift, meant)
    made = [
        FileEdit(path=one.source, before=one.before, after=text)
        for one, text in zip(wish.taken, _texts(session, wish.taken), strict=True)
    ]
    before = file.read_bytes()
    made.append(FileEdit(path=str(file), before=before, after=edit(str(file), before, wish.edits)))
    if write(tuple(made), session.cluster, output, file=file, yes=request.yes, again="drift adopt"):
        output.show("Next: `dynia plan` shows what is left of it to be done, `dynia apply` does that.")
    return 0


def _texts(session: Session, taken: tuple[Taken, ...]) -> list[bytes]:
    """What the files say on their nodes, which is what was seen in the look."""
    wanted: dict[str, tuple[str, ...]] = {}
    for one in taken:
        wanted[one.node] = (*wanted.get(one.node, ()), one.path)

    async def work() -> dict[str, str]:
        async with reconciler(session) as run:
            return await former_texts(run.connections, wanted)

    texts = run_interruptible(work()) if wanted else {}
    for one in taken:
        if one.digest not in texts:
            raise NotObservedError(
                f"{one.node}:{one.path} could not be read as it was seen: it changed since, is no text, is "
                f"larger than {MOST // 1024} KiB, or the key may only look",
                hint="nothing was written; look at it there: `dynia node ssh`",
            )
    return [texts[one.digest].encode() for one in taken]


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
