"""Joins the file, the state and the vendors to one run: what every verb that touches a cluster opens."""

from __future__ import annotations

import dataclasses
import getpass
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from dynia.interfaces.clusters_file import load
from dynia.interfaces.desired import ApiEntry, ClusterSpec, Desired, FileState
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.events import Event, EventSink
from dynia.interfaces.find_file import find_file
from dynia.interfaces.secret_sources import all_secrets, secrets_here
from dynia.interfaces.state_place import open_state
from dynia.interfaces.target import resolve_target
from dynia.interfaces.templates import templates_of
from dynia.interfaces.tls_files import read_tls_files
from dynia.providers.api_url import api_url
from dynia.providers.registry import vendors_for
from dynia.providers.tls.registry import authority_for
from dynia.services.ask_entry import ask_entry
from dynia.services.planning.components import PEM, TOKEN_VARIABLE, secret_files
from dynia.services.planning.components.service_secrets import paths_of
from dynia.services.planning.generations import Inputs
from dynia.services.planning.protect import protected_by
from dynia.services.rollback import Chosen
from dynia.services.session import Session
from dynia.state.lease import TERM_S, Lessee
from dynia.state.store import Store

PROVIDER_URL = "DYNIA_DIGITALOCEAN_URL"


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def open_session(
    *,
    file: str | None,
    cluster: str | None,
    named_by: str = "the command line",
    emit: EventSink | None = None,
    destroy: bool = False,
    leave_names: bool = False,
    desired: Desired | None = None,
    home: Path | None = None,
    make: bool = True,
    environ: Mapping[str, str] = os.environ,
    lock_wait: float = 0.0,
    needs_secrets: bool = False,
) -> Session:
    """Read the file and the state, choose the cluster, join the vendors. Connects to nothing.

    `named_by` is where `cluster` was said. `desired` is what the file will say once an edit is written;
    None: the file is read as it is. `home` is where the state lies and whose lab is meant; None: the file's
    folder. Without `make` no state is begun where there is none. `needs_secrets`: what the file's `secrets:`
    name is had by every source; else what needs no command, as far as it is there.
    Raises BadInput for mistakes in any file, DyniaError when no cluster can be chosen.
    """
    if desired is None:
        path = find_file(file, environ, Path.cwd())
        desired = load(path)
    else:
        path = Path(desired.path)
    store = open_state(home or path.parent, FileState() if home else desired.state, make=make)
    home = home or path.parent
    known = sorted({*(c.name for c in desired.clusters), *(c.name for c in store.state.clusters)})
    target = resolve_target(cluster, environ, store.state.current_cluster, tuple(known), named_by=named_by)
    spec = called_from_nodes(_spec(desired, target), environ)
    if spec is None and not destroy:
        kept = protected_by(None, store.state, target)
        raise DyniaError(
            f"cluster {target} is in the state and no longer in {path.name}",
            hint=f"it is protected: put it back into {path.name}"
            if kept
            else f"`dynia cluster destroy {target}` removes it, or put it back into {path.name}",
        )
    logins = _logins(spec, environ)
    pem = None if destroy else read_tls_files(spec)
    secrets = secret_files(spec, logins, environ.get(TOKEN_VARIABLE, "")) if spec else {}
    if spec is not None and not destroy:
        secrets |= (all_secrets if needs_secrets else secrets_here)(spec, environ)
    guard = LeaseGuard(store, target)

    def bring_back(session: Session, wanted: Inputs, chosen: Chosen) -> Session:
        return brought_back(session, wanted, chosen, home, environ)

    return Session(
        cluster=target,
        spec=None if destroy else spec,
        templates=templates_of(spec),
        secrets={**secrets, PEM: pem.content} if pem else secrets,
        store=store,
        vendors=vendors_for(target, spec, store.state, home, logins, guard=guard),
        emit=emit or _silent,
        clock=SystemClock(),
        lessee=_lessee(environ),
        lease=this_run(environ, desired.lease),
        lock_wait=lock_wait,
        commit=environ.get("GITHUB_SHA", "")[:12],
        ask_entry=ask_entry,
        leave_names=leave_names,
        bring_back=bring_back,
        certificate=pem.seen if pem else None,
        protect=protected_by(spec, store.state, target),
        authority=None if destroy else authority_for(spec, environ, guard),
    )


def open_by_state(
    home: Path,
    store: Store,
    cluster: str,
    spec: ClusterSpec | None,
    *,
    emit: EventSink,
    lock_wait: float,
    term: float,
    environ: Mapping[str, str] = os.environ,
) -> Session:
    """A run of a cluster that the state knows, whatever the file says: enough to reach its nodes. `spec` says
    how, where there is a file."""
    return Session(
        cluster=cluster,
        spec=spec,
        templates={},
        secrets={},
        store=store,
        vendors=vendors_for(cluster, spec, store.state, home, {}, guard=LeaseGuard(store, cluster)),
        emit=emit,
        clock=SystemClock(),
        lessee=_lessee(environ),
        lease=this_run(environ, term),
        lock_wait=lock_wait,
        commit=environ.get("GITHUB_SHA", "")[:12],
        ask_entry=ask_entry,
        protect=protected_by(spec, store.state, cluster),
    )


def brought_back(
    session: Session,
    wanted: Inputs,
    chosen: Chosen,
    home: Path,
    environ: Mapping[str, str] = os.environ,
) -> Session:
    """The run that makes the cluster what a generation was. Logins, tokens and `secrets:` are today's, if
    they are here."""
    spec, store = wanted.spec, session.store
    logins = _logins(spec, environ)
    guard = LeaseGuard(store, session.cluster)
    named = {path for service in spec.services for path in paths_of(service)}
    present = {path: content for path, content in session.secrets.items() if path in named}
    return dataclasses.replace(
        session,
        spec=spec,
        templates=templates_of(spec),
        images=wanted.images,
        secrets={**secret_files(spec, logins, environ.get(TOKEN_VARIABLE, "")), **present},
        vendors=vendors_for(session.cluster, spec, store.state, home, logins, guard=guard),
        rollback=chosen.rollback,
        chosen_at=chosen.at,
    )


class LeaseGuard:
    """Keeps `providers.guard.Guard`: the lease of one cluster, whenever this run has it."""

    def __init__(self, store: Store, cluster: str) -> None:
        self._store, self._cluster = store, cluster

    def check(self) -> None:
        self._store.check(self._cluster)

    def left(self) -> float | None:
        return self._store.left(self._cluster)


def read_only(file: str | None, environ: Mapping[str, str] = os.environ) -> tuple[Desired, Store]:
    """The file and the state, for verbs that look at nothing else."""
    path = find_file(file, environ, Path.cwd())
    desired = load(path)
    return desired, open_state(path.parent, desired.state)


def called_from_nodes(spec: ClusterSpec | None, environ: Mapping[str, str]) -> ClusterSpec | None:
    """With the URL at which nodes ask the provider: where this machine asks it too."""
    if spec is None or not isinstance(spec.entry, ApiEntry):
        return spec
    return replace(spec, entry=replace(spec.entry, api=api_url(environ, PROVIDER_URL, spec.entry.api)))


def _spec(desired: Desired, name: str) -> ClusterSpec | None:
    return next((spec for spec in desired.clusters if spec.name == name), None)


def _logins(spec: ClusterSpec | None, environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Registry host -> (user, password), for those whose source is there; the rest is compared at apply."""
    found = {}
    for registry in spec.registries if spec else ():
        password = environ.get(registry.password.env)
        if password:
            found[registry.host] = (registry.user, password)
    return found


def _lessee(environ: Mapping[str, str]) -> str:
    job = environ.get("GITHUB_RUN_ID") or environ.get("CI_JOB_URL")
    who = environ.get("GITHUB_ACTOR") or getpass.getuser()
    return f"{who}@{socket.gethostname()}" + (f" ({job})" if job else "")


def this_run(environ: Mapping[str, str], term: float = TERM_S) -> Lessee:
    """This process as a lock names it."""
    return Lessee(
        who=_lessee(environ), host=socket.gethostname(), pid=os.getpid(), url=_job_url(environ), term=term
    )


def _job_url(environ: Mapping[str, str]) -> str:
    """Where the CI job that this is can be seen, by the usual variables."""
    github = [environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if all(github):
        return "{}/{}/actions/runs/{}".format(*github)
    names = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
    return next((url for name in names if (url := environ.get(name))), "")


def _silent(event: Event) -> None:
    del event
