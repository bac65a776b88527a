"""Runs the verbs that need only file and state: the lists, and the system's own ssh."""

from __future__ import annotations

import os
from pathlib import Path

from dynia.commands.known import Known, look
from dynia.commands.output import standard_output
from dynia.commands.screens.lists import nodes_json, nodes_text, services_json, services_text, services_view
from dynia.commands.ssh_command import known_hosts_line, ssh_command
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.requests import NodeListRequest, ServiceListRequest, SshRequest, Target
from dynia.interfaces.target import resolve_target


def list_nodes(request: NodeListRequest) -> int:
    """Show the nodes that the state records."""
    known, cluster = _known(request.target)
    nodes, output = known.state.nodes_of(cluster), standard_output()
    if request.as_json:
        output.data(nodes_json(cluster, nodes))
    else:
        output.show(nodes_text(cluster, nodes, width=output.width))
    return 0


def list_services(request: ServiceListRequest) -> int:
    """Show the services of file and state."""
    known, cluster = _known(request.target)
    view, output = services_view(cluster, known.specs.get(cluster), known.state), standard_output()
    if request.as_json:
        output.data(services_json(cluster, view))
    else:
        output.show(services_text(cluster, view, width=output.width))
    return 0


def open_shell(request: SshRequest) -> int:
    """Become ssh. Comes back only if that is not possible."""
    known, cluster = _known(request.target)
    node = known.state.node(cluster, request.node)
    if node is None:
        names = ", ".join(node.name for node in known.state.nodes_of(cluster)) or "none yet"
        raise DyniaError(f"cluster {cluster} has no node {request.node}", hint=f"its nodes: {names}")
    if not node.host_key:
        raise DyniaError(
            f"{node.name}: no host key is pinned in the state",
            hint="nothing is trusted on first use; `dynia apply` records it",
        )
    from dynia.providers.identity import identity_file

    spec = known.specs.get(cluster)
    hosts = _write_known_hosts(known.folder, cluster, node.name, known_hosts_line(cluster, node))
    argv = ssh_command(
        cluster,
        node,
        known_hosts=str(hosts),
        identity=identity_file(spec, known.folder),
        jump=spec.ssh.jump if spec else "",
        argv=request.argv,
    )
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the whole point: ssh takes this process's place
    except FileNotFoundError:
        raise DyniaError("there is no ssh on this machine", hint="install the OpenSSH client") from None


def _known(target: Target) -> tuple[Known, str]:
    known = look(target.file, os.environ, Path.cwd())
    output = standard_output()
    for note in known.notes:
        output.tell(f"Note: {note}")
    cluster = resolve_target(target.cluster, os.environ, known.state.current_cluster, known.names)
    return known, cluster


def _write_known_hosts(folder: Path, cluster: str, node: str, line: str) -> Path:
    """A file for ssh, beside the journal. It holds public keys only."""
    place = folder / ".dynia" / "known_hosts"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{cluster}-{node}"
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(line, encoding="utf-8")
    fresh.replace(path)
    return path
