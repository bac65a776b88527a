"""Runs the verbs that reach into a service's containers: logs and exec."""

from __future__ import annotations

import asyncio
import sys

from dynia.commands.exit_codes import DONE, NOT_OBSERVED
from dynia.commands.interrupts import run_interruptible
from dynia.commands.output import Output, standard_output
from dynia.commands.screens.text import clean, paint
from dynia.interfaces.composition import open_session
from dynia.interfaces.desired import Service
from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.node_requests import ExecRequest as NodeExec
from dynia.interfaces.node_requests import Executed
from dynia.interfaces.requests import ExecRequest, LogsRequest
from dynia.providers.protocols import NodeConnection
from dynia.services.planning.components.compose_override import project
from dynia.services.reconcile import Reconciler, reconciler
from dynia.services.session import Session
from dynia.state.model import Node

# From /, so that no compose file that happens to lie in a home directory is taken for the project's.
_LOGS = 'cd / && exec docker compose -p "$0" logs --no-color "$@"'
_OF_PROJECT = '--filter "label=com.docker.compose.project=$0"'
_OF_SERVICE = '--filter "label=com.docker.compose.service=$1"'
_FIND = f"docker ps -q {_OF_PROJECT} {_OF_SERVICE}"
_RUN = f'id=$({_FIND}) && id=$(echo "$id" | head -n 1) && [ -n "$id" ] || exit 125; shift; exec docker exec '
EXEC_S = 24 * 3600.0


def logs(request: LogsRequest) -> int:
    """Print what containers wrote; the exit code."""
    output = standard_output()
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    service = _service(session, request.service)
    nodes = _nodes(session, request.node)
    wide = max(len(node.name) for node in nodes) if len(nodes) > 1 else 0

    async def work() -> int:
        async with reconciler(session) as run:
            asked = (_logs_of(run, node, service, request, output, wide) for node in nodes)
            codes = await asyncio.gather(*asked)
        return max(codes, default=DONE)

    return run_interruptible(work())


async def _logs_of(
    run: Reconciler, node: Node, service: Service, request: LogsRequest, output: Output, wide: int
) -> int:
    argv = ["sh", "-c", _LOGS, project(service.name), "-n", str(request.lines)]
    if request.follow:
        argv.append("-f")
    prefix = f"{node.name:<{wide}}  " if wide else ""
    try:
        connection = await _connect(run, node)
        async for line in connection.stream(tuple(argv)):
            output.show(paint(prefix, "dim", output.color) + clean(line))
            if output.closed:
                return DONE
    except NotObservedError as error:
        output.tell(f"{node.name}: not observed ({clean(error.message)})")
        return NOT_OBSERVED
    return DONE


def execute(request: ExecRequest) -> int:
    """Run a command in a container; its own exit code."""
    output = standard_output()
    session = open_session(file=request.target.file, cluster=request.target.cluster)
    service = _service(session, request.service)
    container = _container(service, request.container)
    nodes = _nodes(session, request.node)
    stdin = sys.stdin.buffer.read() if request.with_stdin else b""
    flags = ("-i",) if request.with_stdin else ()
    script = f'{_RUN}{" ".join(flags)} "$id" "$@"'
    argv = ("sh", "-c", script, project(service.name), container, *request.argv)

    async def work() -> Executed:
        silent: list[str] = []
        async with reconciler(session) as run:
            for node in nodes:
                try:
                    connection = await _connect(run, node)
                    done = await connection.exec(NodeExec(argv=argv, stdin=stdin, deadline_s=EXEC_S))
                except NotObservedError as error:
                    silent.append(f"{node.name} ({error.message})")
                    continue
                if done.exit_code != 125 or done.stdout or done.stderr:
                    return done
        if silent:
            raise NotObservedError(
                f"service {service.name}: no node where {container} runs was found; "
                f"not observed: {', '.join(silent)}"
            )
        raise DyniaError(
            f"service {service.name}: {container} runs on none of {', '.join(n.name for n in nodes)}",
            hint="look with `dynia status`",
        )

    done = run_interruptible(work())
    output.data(done.stdout)
    output.error_data(done.stderr)
    return done.exit_code


async def _connect(run: Reconciler, node: Node) -> NodeConnection:
    try:
        async with asyncio.timeout(run.session.node_timeout):
            return await run.connections.get(node.name)
    except TimeoutError:
        raise NotObservedError(f"no answer within {run.session.node_timeout:g} s") from None


def _service(session: Session, name: str) -> Service:
    services = session.spec.services if session.spec else ()
    found = next((service for service in services if service.name == name), None)
    if found is None:
        known = ", ".join(service.name for service in services) or "none"
        raise DyniaError(f"cluster {session.cluster} has no service {name}", hint=f"its services: {known}")
    return found


def _nodes(session: Session, name: str) -> tuple[Node, ...]:
    nodes = session.store.state.nodes_of(session.cluster)
    if not nodes:
        raise DyniaError(f"cluster {session.cluster} has no node yet", hint="`dynia apply` makes them")
    if not name:
        return nodes
    found = tuple(node for node in nodes if node.name == name)
    if not found:
        raise DyniaError(
            f"cluster {session.cluster} has no node {name}",
            hint=f"its nodes: {', '.join(node.name for node in nodes)}",
        )
    return found


def _container(service: Service, name: str) -> str:
    names = [container.name for container in service.containers]
    if name and name not in names:
        raise DyniaError(
            f"service {service.name} has no container {name}", hint=f"its containers: {', '.join(names)}"
        )
    if name:
        return name
    if service.target is not None:
        return service.target.container
    if len(names) == 1:
        return names[0]
    raise DyniaError(
        f"service {service.name} has several containers", hint=f"say --container, one of {', '.join(names)}"
    )
