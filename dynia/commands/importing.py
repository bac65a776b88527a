"""Runs `dynia import`: look, show what it is, ask, mark and record it, show the plan that follows."""

from __future__ import annotations

from dynia.commands.agreeing import agree
from dynia.commands.approval import show_plan
from dynia.commands.beside import beside
from dynia.commands.exit_codes import plan_code
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.reporting import reporter_for
from dynia.commands.screens.text import one_line, wrap
from dynia.interfaces.composition import open_session
from dynia.interfaces.requests import ImportRequest
from dynia.services.importing import Candidate, Vouched, import_address, import_node
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import reconciler
from dynia.services.session import Session


def import_existing(request: ImportRequest) -> int:
    """The exit code: 4 where a node did not answer to the plan that follows."""
    output = standard_output()
    session = open_session(
        file=request.target.file,
        cluster=request.target.cluster,
        emit=reporter_for("plain", output, as_json=True).take,
        lock_wait=request.lock_wait,
    )
    return plan_code(run_interruptible(_import(session, request, output)), detailed=False)


async def _import(session: Session, request: ImportRequest, output: Output) -> Plan:
    async def ask(one: Candidate) -> None:
        await beside(lambda: _approve(one, request, session.cluster, output))

    async with reconciler(session) as run:
        if request.what == "node":
            done = await import_node(run, request.said, _vouched(request), ask)
        else:
            done = await import_address(run, request.said, ask)
        output.show(done + "\n")
        plan = await run.plan()
    show_plan(plan, "normal", output, beside=False)
    return plan


def _approve(one: Candidate, request: ImportRequest, cluster: str, output: Output) -> None:
    output.show("\n".join(wrap(f"{one_line(one.what)} becomes {one.becomes}.", output.width, rest="  ")))
    for note in one.notes:
        output.show("\n".join(wrap(one_line(note), output.width, first="  . ", rest="    ")))
    words = ("reserved-ip", request.said) if request.what == "reserved_ip" else (request.said,)
    agree(
        output,
        f"Import {request.said} into cluster {cluster}?",
        cluster,
        yes=request.yes,
        refusal=f"{request.said} is not imported",
        again=f"dynia import {' '.join(words)} --yes --cluster {cluster}",
    )


def _vouched(request: ImportRequest) -> Vouched:
    """Who is to be believed about a host key, by what was said on the command line."""
    if not request.host_key and not request.known_hosts:
        return lambda host, port: ""
    from dynia.providers.ssh.keys import load_known_hosts, public_line

    if request.host_key:
        said = public_line(request.host_key)
        return lambda host, port: said
    return load_known_hosts(request.known_hosts).line_of
