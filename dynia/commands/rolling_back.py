"""Runs `dynia rollback`: choose, read it from the nodes, then plan, ask and do it as apply does."""

from __future__ import annotations

import os
from pathlib import Path

from dynia.commands.adopting import adopted, show_adopted, write_adopted
from dynia.commands.applying import run_apply, tell
from dynia.commands.approval import approve_apply
from dynia.commands.around import Around
from dynia.commands.interrupts import run_interruptible
from dynia.commands.known import Known, look_leniently, store_of
from dynia.commands.output import standard_output
from dynia.commands.reporting import reporter_for
from dynia.commands.screens.generations import back_text, generations_json, generations_text
from dynia.interfaces.composition import brought_back, open_by_state
from dynia.interfaces.desired import Ssh
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.requests import GenerationsRequest, RollbackRequest, Target
from dynia.interfaces.target import resolve_target
from dynia.services.planning.plan import Plan
from dynia.services.rollback import choose, gathered


def list_generations(request: GenerationsRequest) -> int:
    """Show what the state says that nodes keep."""
    known, cluster = _known(request.target)
    home, output = known.state.cluster(cluster), standard_output()
    if request.as_json:
        output.data(generations_json(cluster, home))
    else:
        output.show(generations_text(cluster, home, width=output.width))
    return 0


def rollback(request: RollbackRequest) -> int:
    """The exit code, as of apply."""
    output, run = standard_output(), request.run
    known, cluster = _known(run.target)
    reporter = reporter_for(run.progress, output, as_json=run.as_json)
    spec = known.specs.get(cluster)
    ssh = spec.ssh if spec else Ssh()
    session = open_by_state(
        known.folder,
        store_of(run.target.file, os.environ, Path.cwd(), make=True),
        cluster,
        spec,
        emit=reporter.take,
        lock_wait=run.lock_wait,
        term=known.lease,
    )
    for note in (*session.store.notes, *known.notes):
        output.tell(f"Note: {note}")
    state = session.store.state
    home = state.cluster(cluster)
    if request.adopt and (known.file is None or spec is None):
        raise Refused(
            f"cluster {cluster}: there is no clusters.yaml here that can be read, so none can be written",
            hint="roll back without --adopt; with the file at hand, `dynia rollback --adopt` writes it",
        )
    number = request.generation
    if request.adopt and not number and home is not None and home.rollback is None and home.generations:
        # What runs since a rollback is what the file is to say.
        number = home.generations[-1].number if home.generations[-1].of else 0
    chosen = choose(session.store, cluster, number, request.service)
    wanted = run_interruptible(gathered(session, chosen, ssh))
    session = brought_back(session, wanted, chosen, known.folder)
    file = adopted(known.file, spec, wanted.spec) if request.adopt and known.file and spec else None
    beside = run.as_json or run.progress == "json"
    approve = approve_apply(run, output)
    said = back_text(chosen, len(state.nodes_of(cluster)), width=output.width)
    (output.tell if beside else output.show)(said + "\n")
    if file is not None:
        show_adopted(file, output, beside=beside)

    def ask(plan: Plan) -> bool:
        agreed = approve(plan)
        if agreed and file is not None:
            write_adopted(file, output, beside=beside)
        return agreed

    writes = file is not None and bool(file.edits)
    around = Around(spec, session, "rollback", reporter.note)
    result = run_apply(
        session, reporter, ask, verb="rollback", restrict=False, ask_always=writes, around=around
    )
    return tell(result, output, run, verb="rollback")


def _known(target: Target) -> tuple[Known, str]:
    """The state must be here; of a file that is missing or wrong only its clusters are not known."""
    known = look_leniently(target.file, os.environ, Path.cwd())
    names = tuple(sorted(c.name for c in known.state.clusters))
    if not names:
        raise DyniaError(
            f"there is no state in {known.folder}",
            hint="go where it is, or make it again from the nodes: `dynia state rebuild`",
        )
    return known, resolve_target(target.cluster, os.environ, known.state.current_cluster, names)
