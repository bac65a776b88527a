"""Runs the verbs that edit clusters.yaml: the edit, and how the file reads with it; the rest is apply's.

Nothing is written before the yes: the plan is made from the text as it would be.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from dynia.commands.applying import Edited, apply
from dynia.commands.approval import show_edit, show_plan
from dynia.commands.exit_codes import plan_code
from dynia.commands.interrupts import run_interruptible
from dynia.commands.known import Known, look
from dynia.commands.output import Output, standard_output
from dynia.commands.screens.plan_json import plan_json
from dynia.interfaces.clusters_file import load
from dynia.interfaces.composition import open_session
from dynia.interfaces.desired import ClusterSpec
from dynia.interfaces.errors import DyniaError, Refused
from dynia.interfaces.files.new_file import new_file
from dynia.interfaces.files.rewrite import FileEdit, looking_past
from dynia.interfaces.files.rules_cluster import IMAGE
from dynia.interfaces.files.yaml_edit import Edit, Put, edit
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import Mapping, child, plain, text_of
from dynia.interfaces.find_file import NAME
from dynia.interfaces.requests import (
    ApplyRequest,
    CreateRequest,
    DeployRequest,
    InitRequest,
    ScaleRequest,
    UndeployRequest,
)
from dynia.interfaces.state_place import kept_state, open_state
from dynia.interfaces.target import resolve_target
from dynia.services import wishes
from dynia.services.planning.plan import Plan
from dynia.services.reconcile import reconciler


def scale(request: ScaleRequest) -> int:
    """Set the number of nodes, then apply; the exit code."""
    file, spec, _ = _where(request.run)
    return _go(request.run, spec.name, file, _edited(file, wishes.scale(spec, request.nodes)))


def deploy(request: DeployRequest) -> int:
    """Put a service into the file, or another image, then apply; the exit code."""
    file, spec, _ = _where(request.run)
    if request.image:
        return _go(request.run, spec.name, file, _with_image(request, file, spec))
    compose = _beside(request.compose, file, spec, request.service)
    edits = wishes.deploy(spec, request, compose)
    if request.names and request.domains:
        edits += wishes.names(spec, _keys(file, spec.name))
    return _go(request.run, spec.name, file, _edited(file, edits))


def undeploy(request: UndeployRequest) -> int:
    """Take a service out of the file, then apply; the exit code."""
    file, spec, known = _where(request.run)
    applied = tuple(each.name for each in known.state.deployments if each.cluster == spec.name)
    return _go(request.run, spec.name, file, _edited(file, wishes.undeploy(spec, request.service, applied)))


def create(request: CreateRequest) -> int:
    """Put a cluster into the file, made if need be, and apply; it is the current one once it is there."""
    file = _file_to_write(request.run.target.file)
    entry = wishes.create(request)
    if not file.exists():
        made = FileEdit(path=str(file), before=None, after=new_file(request.cluster, entry, None))
    else:
        made = _added(file, request.cluster, entry)
    code = _go(request.run, request.cluster, file, made)
    if code == 0 and not request.run.dry_run:
        open_state(file.parent, kept_state(file)).write_current(request.cluster)
        output = standard_output()
        beside = request.run.as_json or request.run.progress == "json"
        (output.tell if beside else output.show)(f"Current cluster: {request.cluster}")
    return code


def init(request: InitRequest) -> int:
    """Write a first file that is right, and nothing else; the exit code."""
    from dynia.interfaces.files.rewrite import write_edit

    file = Path(request.file)
    compose = _from_here(request.compose, file) if request.compose else ""
    service = wishes.service(compose, request.domains, request.target, request.health)
    named = {request.service: service} if request.compose else None
    made = FileEdit(path=str(file), before=None, after=new_file(request.cluster, wishes.init(request), named))
    load(file, look=looking_past(made))
    write_edit(made)
    output = standard_output()
    output.show(made.after.decode().rstrip("\n") + f"\n\n{file} is written.")
    output.show(
        "Next: `dynia lab up`, `dynia plan`" if request.provider == "docker" else "Next: `dynia plan`"
    )
    return 0


def _where(run: ApplyRequest) -> tuple[Path, ClusterSpec, Known]:
    """The file, and the cluster of it that is meant."""
    known = look(run.target.file, os.environ, Path.cwd())
    cluster = resolve_target(run.target.cluster, os.environ, known.state.current_cluster, known.names)
    spec = known.specs.get(cluster)
    if known.file is None or spec is None:
        name = known.file.name if known.file else NAME
        raise DyniaError(
            f"cluster {cluster} is in the state and not in {name}", hint="put it into the file first"
        )
    return known.file, spec, known


def _keys(file: Path, cluster: str) -> frozenset[str]:
    """What a cluster's entry says, defaults left out."""
    tree, _ = read_yaml(str(file), file.read_bytes())
    entry = child(child(tree, "clusters"), cluster)
    return frozenset(entry.entries) if isinstance(entry, Mapping) else frozenset()


def _edited(file: Path, edits: tuple[Edit, ...]) -> FileEdit:
    before = file.read_bytes()
    return FileEdit(path=str(file), before=before, after=edit(str(file), before, edits))


def _added(file: Path, cluster: str, entry: dict[str, object]) -> FileEdit:
    """The file with one more cluster; one that is there as wished stays: what was cut short goes on."""
    tree, _ = read_yaml(str(file), file.read_bytes())
    there = child(child(tree, "clusters"), cluster)
    if there is None:
        return _edited(file, (Put(path=("clusters", cluster), value=entry),))
    have = plain(there)
    if isinstance(have, dict) and all(have.get(key) == value for key, value in entry.items()):
        return _edited(file, ())
    raise Refused(
        f"{file} has a cluster {cluster} already, and another one than this",
        hint=f"`dynia cluster show {cluster}`, `dynia cluster scale {cluster} N`, or another name",
    )


def _with_image(request: DeployRequest, file: Path, spec: ClusterSpec) -> FileEdit:
    """The edit that changes the routed container's image, wherever it is said."""
    found = wishes.service_of(spec, request.service)
    if found is None:
        raise Refused(f"cluster {spec.name} has no service {request.service}, so none to change the image of")
    if not IMAGE.fullmatch(request.image):
        raise Refused(f"{request.image!r} is not an image", hint="for example ghcr.io/acme/api:1.9")
    container = wishes.routed_container(found)
    tree, _ = read_yaml(found.source, found.compose)
    written = text_of(child(child(child(tree, "services"), container), "image"))
    if written is None:
        raise Refused(
            f"{found.source} does not say the image of {container} itself (it builds, extends or includes)",
            hint="change it where it is said, then run `dynia apply`",
        )
    in_compose, change = wishes.image(spec.name, found, container, written, request.image)
    made = _edited(Path(found.source) if in_compose else file, (change,))
    after = next(each for each in load(file, look=looking_past(made)).clusters if each.name == spec.name)
    wishes.check_image(after, found.name, container, request.image)
    return made


def _go(run: ApplyRequest, cluster: str, file: Path, made: FileEdit) -> int:
    """Read the file as it would be, plan, ask, write, apply. A mistake in it costs nothing."""
    desired = load(file, look=looking_past(made))
    run = msgspec.structs.replace(
        run, target=msgspec.structs.replace(run.target, file=str(file), cluster=cluster)
    )
    output = standard_output()
    if made.empty:
        output.tell(f"Note: {made.path} says this already.")
    edited = Edited(file=made, desired=desired)
    return _shown(run, edited, output) if run.dry_run else apply(run, edited)


def _shown(run: ApplyRequest, edited: Edited, output: Output) -> int:
    """`--dry-run`: the edit and the plan, and neither done."""
    session = open_session(file=None, cluster=run.target.cluster, desired=edited.desired)

    async def work() -> Plan:
        async with reconciler(session) as open_run:
            found = await open_run.plan()
            open_run.refuse()
            return found

    plan = run_interruptible(work())
    show_edit(edited.file, output, beside=run.as_json)
    if run.as_json:
        output.data(plan_json(plan))
    else:
        show_plan(plan, run.detail, output, beside=False)
    output.tell("Dry run: nothing was changed.")
    return plan_code(plan, detailed=False)


def _file_to_write(said: str | None) -> Path:
    """The file that was named, else the nearest one upwards, else a new one here."""
    from dynia.interfaces.find_file import find_file

    try:
        return find_file(said, os.environ, Path.cwd())
    except DyniaError:
        return Path(NAME)


def _beside(compose: str, file: Path, spec: ClusterSpec, service: str) -> str:
    """A path as it was typed here, relative to the file's folder; empty where the file says it already."""
    if not compose:
        return ""
    have = wishes.service_of(spec, service)
    if have is not None and os.path.realpath(have.source) == os.path.realpath(compose):
        return ""
    return _from_here(compose, file)


def _from_here(compose: str, file: Path) -> str:
    if Path(compose).is_absolute() or compose.startswith("~"):
        return compose
    if file.parent.resolve() == Path.cwd().resolve():
        return compose
    below = os.path.relpath(Path(compose).absolute(), file.parent.absolute())
    return below if below.startswith("..") else f"./{below}"
