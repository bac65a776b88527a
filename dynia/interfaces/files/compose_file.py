"""A service's compose file: read, filled in, held to the documented subset, with the files it takes along."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dynia.interfaces.desired import Container, Target
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import raw
from dynia.interfaces.files.compose_container import Context, active, container
from dynia.interfaces.files.compose_ports import exposed, ports, taken
from dynia.interfaces.files.compose_target import NoTarget, find_target
from dynia.interfaces.files.compose_tree import Model, Part, read_model
from dynia.interfaces.files.dotenv import read_dotenv, write_dotenv
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import MAX_FILE, Absent, Folder, Link, Look, Regular
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.shipping import Shipment
from dynia.interfaces.files.variables import reserved_variable
from dynia.interfaces.files.yaml_tree import Mapping, Path, Spot, child, entries, items, text_of
from dynia.interfaces.shape import Shape

MOST_CONTAINERS = 200
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


class Base(Shape):
    """Where relative paths start: the absolute folder, and how messages name it."""

    folder: str
    shown: str
    look: Look


class Shared(Shape):
    """What the services of one cluster share on a node: ports and container names, each with its owner."""

    ports: dict[tuple[int, str], list[tuple[str, str]]]
    container_names: dict[str, str]


class ComposeFile(Shape):
    """What a compose file came to. `text` is untouched. `main` is the container that a command for the whole
    service runs in, or empty where that is not clear."""

    source: str
    text: bytes
    dotenv: bytes
    shipment: Shipment
    containers: tuple[Container, ...]
    target: Target | None
    main: str = ""


def read_compose(
    ground: Ground, path: Path, name: str, spec: raw.Service, base: Base, shared: Shared
) -> tuple[ComposeFile | None, list[Mistake]]:
    """The compose file of service `name`, and every mistake in it."""
    location = posixpath.normpath(posixpath.join(base.folder, spec.compose))
    shown = spec.compose
    if not posixpath.isabs(shown):
        shown = posixpath.normpath(posixpath.join(base.shown, shown))
    seen = base.look(location, follow=True)
    at = (*path, "compose")
    if isinstance(seen, Folder):
        hint = f"name the file, for example {posixpath.join(spec.compose, 'compose.yaml')}"
        return None, [ground.at(at, "missing-file", f"{shown} is a folder", hint)]
    if isinstance(seen, Absent | Link):
        reason = seen.reason if isinstance(seen, Absent) else "a symbolic link"
        rule = "missing-file" if reason == "no such file" else "unreadable-file"
        return None, [ground.at(at, "symlink-loop" if "loop" in reason else rule, f"{shown}: {reason}")]
    if seen.content is None:
        return None, [ground.at(at, "file-too-large", f"{shown} is larger than {MAX_FILE // 1048576} MiB")]

    relative = posixpath.basename(location)
    shipment = Shipment(posixpath.dirname(location), posixpath.dirname(shown), base.look, relative)
    found: list[Mistake] = []
    variables = _variables(shipment, spec.env, found)
    unsure = bool(found)
    dotenv = write_dotenv(variables)
    model = read_model(relative, seen.content, variables, shipment, found)
    if model is None:
        return None, _first_causes(found, unsure)
    context = Context(
        model=model,
        variables=variables,
        text=seen.content,
        dotenv=dotenv,
        shipment=shipment,
        per_node=spec.volumes == "per-node",
        found=found,
    )
    found.extend(_model_rules(model))
    if len(model.sections["services"]) > MOST_CONTAINERS:
        return None, _first_causes(found, unsure)
    running = {key: part for key, part in model.sections["services"].items() if active(part)}
    containers = tuple(
        one for key, part in running.items() if (one := container(key, part, context)) is not None
    )
    found.extend(_node_rules(name, running, shared))
    target = None
    if spec.kind == "http":
        listening = _listening(running, containers)
        wanted = find_target(spec.target, listening)
        if isinstance(wanted, NoTarget):
            here = (*path, "target") if spec.target else path
            if ground.sound(*path, "target") and listening:
                found.append(ground.at(here, wanted.rule, wanted.message, wanted.hint, key=not spec.target))
        else:
            target = wanted
            found.extend(_routed(wanted.container, running[wanted.container]))
    lasting = [one.name for one in containers if not one.one_shot]
    main = target.container if target else lasting[0] if len(lasting) == 1 else ""
    if spec.pre_deploy and spec.kind == "worker" and not main:
        message = f"which container it runs in is not clear: {', '.join(sorted(lasting)) or 'none'} could be"
        hint = "make a service of its own of what it belongs to"
        found.append(ground.at((*path, "pre_deploy"), "pre-deploy-unclear", message, hint, key=True))
    found.extend(shipment.found)
    result = ComposeFile(
        source=shown,
        text=seen.content,
        dotenv=dotenv,
        shipment=shipment,
        containers=tuple(sorted(containers, key=lambda each: each.name)),
        target=target,
        main=main,
    )
    return result, _first_causes(found, unsure)


def _first_causes(found: list[Mistake], unsure: bool) -> list[Mistake]:
    """Without what only follows from a variable that could not be filled in. `unsure`: .env was broken."""
    unfilled = ("undefined-variable", "interpolation")
    hollow = {(each.file, each.key) for each in found if each.rule in unfilled}
    return [
        each
        for each in found
        if (each.rule in unfilled or (each.file, each.key) not in hollow)
        and not (unsure and each.rule == "undefined-variable" and not each.file.endswith(".env"))
    ]


def _variables(shipment: Shipment, env: dict[str, str], found: list[Mistake]) -> dict[str, str]:
    """``.env`` beside the compose file, then the service's own: nothing else is ever read."""
    beside = shipment.settle(".env")
    values: dict[str, str] = {}
    file = shipment.name(".env")
    if isinstance(beside, Regular) and beside.content is not None:
        read = read_dotenv(file, beside.content, env, strict=True)
        found.extend(read.mistakes)
        values = read.values
        for variable in values:
            if reserved_variable(variable):
                message = f"{variable} would change how Compose itself works"
                spot = _line_of(file, beside.content, variable)
                found.append(mistake(spot, (variable,), "reserved-variable", message, "give it another name"))
    elif not (isinstance(beside, Absent) and beside.reason == "no such file"):
        reason = beside.reason if isinstance(beside, Absent) else "not a file, or too large"
        spot = Spot(file=file, line=1, column=1)
        found.append(mistake(spot, (), "unreadable-file", f"cannot be read: {reason}"))
    return {**values, **env}


def _line_of(file: str, content: bytes, variable: str) -> Spot:
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        match = re.match(rf"\s*(?:export\s+)?({re.escape(variable)})\s*[=:]", line)
        if match:
            column = match.start(1) + 1
            return Spot(
                file=file, line=number, column=column, width=len(variable), text=line.split("=")[0] + "="
            )
    return Spot(file=file, line=1, column=1)


def _model_rules(model: Model) -> Iterator[Mistake]:
    if len(model.sections["services"]) > MOST_CONTAINERS:
        message = f"more than {MOST_CONTAINERS} containers"
        yield mistake(model.top, ("services",), "too-many-containers", message, "split the service")
        return
    if not model.sections["services"]:
        yield mistake(model.top, ("services",), "no-container", "the file has no services")
    lowered: dict[str, str] = {}
    for name, part in model.sections["services"].items():
        path: Path = ("services", name)
        twin = lowered.setdefault(name.lower(), name)
        if not _CONTAINER.fullmatch(name):
            yield mistake(part.key, path, "bad-name", f"{name!r} cannot be the name of a container")
        elif twin != name:
            yield mistake(part.key, path, "differs-in-case", f"differs only in case from {twin}")
        yield from _depends(model, part, path)
    for section in ("networks", "volumes", "configs", "secrets"):
        for name, part in model.sections[section].items():
            outside = child(part.tree, "external")
            if outside is not None and text_of(outside) != "false":
                message = f"Dynia makes no {section} outside the compose file, so a new node would lack it"
                yield mistake(outside.spot, (section, name, "external"), "external", message, "leave it out")


def _depends(model: Model, part: Part, path: Path) -> Iterator[Mistake]:
    waits = child(part.tree, "depends_on")
    named = [(text_of(item) or "", item.spot) for item in items(waits)]
    named += [(key, entry.key) for key, entry in entries(waits)]
    for name, spot in named:
        other = model.sections["services"].get(name)
        if other is None:
            yield mistake(spot, (*path, "depends_on"), "unknown-container", f"there is no container {name}")
        elif active(part) and not active(other):
            message = f"{name} has profiles, so it never starts"
            yield mistake(spot, (*path, "depends_on"), "profile-needed", message)


def _node_rules(service: str, running: dict[str, Part], shared: Shared) -> Iterator[Mistake]:
    for name, part in running.items():
        wrong: list[Mistake] = []
        for port in ports(part.tree, ("services", name), wrong):
            yield from taken(f"{service}/{name}", port, shared.ports)
        exposed(part.tree, ("services", name), wrong)
        yield from wrong
        fixed = child(part.tree, "container_name")
        text = text_of(fixed)
        if fixed is not None and text:
            owner = shared.container_names.setdefault(text, f"{service}/{name}")
            if owner != f"{service}/{name}":
                at = ("services", name, "container_name")
                yield mistake(fixed.spot, at, "container-name-taken", f"{owner} has this name already")


def _listening(running: dict[str, Part], containers: tuple[Container, ...]) -> dict[str, tuple[int, ...]]:
    once = {each.name for each in containers if each.one_shot}
    result: dict[str, tuple[int, ...]] = {}
    for name, part in running.items():
        if name in once or not isinstance(part.tree, Mapping):
            continue
        published = [p.target for p in ports(part.tree, (), []) if p.protocol == "tcp"]
        numbers = {number for target in published for number in target} | set(exposed(part.tree, (), []))
        result[name] = tuple(sorted(numbers))
    return result


def _routed(name: str, part: Part) -> Iterator[Mistake]:
    for key, why in (
        ("network_mode", "Caddy reaches it over a network of its own"),
        ("container_name", "the old and the new one must be able to stand side by side"),
    ):
        if isinstance(part.tree, Mapping) and key in part.tree.entries:
            message = f"the container that requests go to may not have {key}: {why}"
            at = ("services", name, key)
            yield mistake(part.tree.entries[key].key, at, "routed-container", message, "leave it out")
