"""One container of a compose file: the rules it keeps, the files it takes along, and its own content."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator

import msgspec

from dynia.interfaces.desired import Container
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files.compose_keys import keys
from dynia.interfaces.files.compose_mounts import mounts
from dynia.interfaces.files.compose_tree import Model, Part
from dynia.interfaces.files.dotenv import read_dotenv
from dynia.interfaces.files.look import Folder, Regular
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.rules_cluster import IMAGE
from dynia.interfaces.files.shipping import Shipment
from dynia.interfaces.files.yaml_tree import (
    Mapping,
    Path,
    Scalar,
    Sequence,
    Spot,
    Tree,
    child,
    entries,
    items,
    text_of,
    unfilled,
)
from dynia.interfaces.shape import Shape

# what does not change the running container
_BESIDE = frozenset(("build", "depends_on", "develop", "profiles", "pull_policy", "scale"))


class Context(Shape):
    """What all containers of a service share."""

    model: Model
    variables: dict[str, str]
    text: bytes
    dotenv: bytes
    shipment: Shipment
    per_node: bool
    found: list[Mistake]


def active(part: Part) -> bool:
    """Containers with profiles are left out, as ``docker compose up`` leaves them out."""
    return not items(child(part.tree, "profiles"))


def container(name: str, part: Part, context: Context) -> Container | None:
    """The container, or None when too little of it can be understood."""
    path: Path = ("services", name)
    found = context.found
    if not isinstance(part.tree, Mapping):
        found.append(mistake(part.key, path, "bad-type", "a container is a mapping with image:"))
        return None
    tree = part.tree
    found.extend(keys(tree, path))
    found.extend(_rules(tree, part.key, path))
    files: list[str] = []
    data: list[str] = []
    extra: dict[str, object] = {}
    files += _mounts(tree, part, path, context, extra, data)
    files += _env_files(tree, part, path, context)
    _inherited(tree, path, context)
    for section, singular in (("configs", "config"), ("secrets", "secret")):
        files += _granted(tree, path, context, section, singular, extra)
    networks = _networks(tree, path, context)
    extra["networks"] = {each: _top(context.model, "networks", each) for each in networks}
    extra["volumes"] = {
        mount.source: _top(context.model, "volumes", mount.source)
        for mount in mounts(tree, path, [])
        if mount.kind == "volume"
    }
    own = {key: unfilled(entry.value) for key, entry in tree.entries.items() if key not in _BESIDE}
    own = {key: value for key, value in own.items() if not key.startswith("x-")}
    # No value of a variable is in here: a hash of it is kept, and would give a short one away.
    config = {"container": own, **{key: value for key, value in extra.items() if value}}
    return Container(
        name=name,
        image=text_of(child(tree, "image")) or "",
        config=msgspec.json.encode(config, order="deterministic").decode(),
        files=tuple(sorted(set(files))),
        data=tuple(sorted(set(data))),
        networks=networks,
        one_shot=_one_shot(name, tree, context.model),
        has_healthcheck=_has_healthcheck(child(tree, "healthcheck")),
        sets_logging="logging" in tree.entries,
        unseen_dotenv="dotenv" in extra,
    )


def _rules(tree: Mapping, owner: Spot, path: Path) -> Iterator[Mistake]:
    image = child(tree, "image")
    if text_of(image) is None:
        built = tree.entries.get("build")
        spot, at = (built.key, (*path, "build")) if built else (owner, path)
        message = "build without image: nodes build nothing" if built else "image is missing"
        yield mistake(spot, at, "image-missing", message, "build it before, and name it with image:")
    elif isinstance(image, Scalar) and not IMAGE.fullmatch(image.text):
        message = f"{image.text!r} is not an image"
        yield mistake(image.spot, (*path, "image"), "bad-image", message, "for example ghcr.io/acme/api:1.9")
    if "extends" in tree.entries:
        message, hint = "extends is not supported", "use a YAML anchor, or include:"
        yield mistake(tree.entries["extends"].key, (*path, "extends"), "extends", message, hint)
    for at, value in (
        ((*path, "scale"), child(tree, "scale")),
        ((*path, "deploy", "replicas"), child(child(tree, "deploy"), "replicas")),
    ):
        if isinstance(value, Scalar) and value.text != "1" and value.value is not None:
            message, hint = "every node runs one of each container", "for more of them add nodes"
            yield mistake(value.spot, at, "replicas", message, hint)


def _mounts(
    tree: Mapping, part: Part, path: Path, context: Context, extra: dict[str, object], data: list[str]
) -> list[str]:
    files: list[str] = []
    found = context.found
    for mount in mounts(tree, path, found):
        stays = mount.kind in ("volume", "anonymous")
        writes = mount.kind in ("shipped", "host") and not mount.read_only
        if (stays or writes) and not context.per_node:
            what = "a volume" if stays else f"{mount.source} is mounted writable, so what it writes"
            message = f"{what} stays on one node and is not replicated"
            hint = "say volumes: per-node in clusters.yaml if each node may have its own"
            if writes:
                hint = "mount it with :ro, or " + hint.replace("if each node may have its own", "").strip()
            found.append(mistake(mount.spot, mount.path, "volume-refused", message, hint))
        elif mount.kind == "volume":
            _known(context, "volumes", mount.source, mount.spot, mount.path, "volume")
        if mount.kind == "shipped":
            relative = posixpath.normpath(posixpath.join(part.folder, mount.source))
            # what Dynia writes into the folder itself is not among the shipped files
            if relative in (".", ".env"):
                extra["dotenv"] = "mounted"
            if relative in (".", context.shipment.compose_name):
                extra["compose"] = hashlib.sha256(context.text).hexdigest()
            files += context.shipment.ship(part.folder, mount.source, mount.spot, mount.path)
            if writes and isinstance(context.shipment.settle(relative), Folder):
                data.append(relative)
    return files


def _env_files(tree: Mapping, part: Part, path: Path, context: Context) -> list[str]:
    listed = child(tree, "env_file")
    files: list[str] = []
    for index, item in enumerate(items(listed) if isinstance(listed, Sequence) else (listed,)):
        if item is None:
            continue
        here = (*path, "env_file", index) if isinstance(listed, Sequence) else (*path, "env_file")
        source = text_of(child(item, "path") if isinstance(item, Mapping) else item)
        if not source:
            context.found.append(mistake(item.spot, here, "bad-type", "expected a file"))
            continue
        optional = text_of(child(item, "required")) == "false"
        relative = posixpath.normpath(posixpath.join(part.folder, source))
        if relative == ".env":
            # on the nodes that is the file's .env and the service's env: in one
            if not isinstance(context.shipment.read("", ".env"), Regular) and not optional:
                message = f"{context.shipment.name('.env')}: no such file"
                context.found.append(mistake(item.spot, here, "missing-file", message))
            continue
        # env files are where people keep passwords: what is in them is never shown
        shipped = context.shipment.ship(part.folder, source, item.spot, here, secret=True, optional=optional)
        files += shipped
        for each in shipped:
            content = context.shipment.files[each].content
            shown = context.shipment.files[each].source
            context.found.extend(read_dotenv(shown, content, context.variables, strict=False).mistakes)
    return files


def _inherited(tree: Mapping, path: Path, context: Context) -> None:
    """Variables that ``environment`` names without a value: Compose takes them from its own."""
    named: list[tuple[str, Spot, Path]] = []
    environment = child(tree, "environment")
    for index, item in enumerate(items(environment)):
        text = text_of(item)
        if text is None:
            context.found.append(
                mistake(item.spot, (*path, "environment", index), "bad-type", "expected NAME=value")
            )
        elif "=" not in text:
            named.append((text, item.spot, (*path, "environment", index)))
    for key, entry in entries(environment):
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            named.append((key, entry.key, (*path, "environment", key)))
        elif not isinstance(entry.value, Scalar):
            context.found.append(
                mistake(entry.value.spot, (*path, "environment", key), "bad-type", "expected text")
            )
    for name, spot, here in named:
        if name not in context.variables:
            hint = "give it a value, or define it in .env or the service's env:"
            message = f"the variable {name} is not defined"
            context.found.append(mistake(spot, here, "undefined-variable", message, hint))


def _granted(
    tree: Mapping, path: Path, context: Context, section: str, singular: str, extra: dict[str, object]
) -> list[str]:
    """The configs or secrets that this container is given."""
    files: list[str] = []
    tops: dict[str, object] = {}
    for index, item in enumerate(items(child(tree, section))):
        here = (*path, section, index)
        source = text_of(child(item, "source") if isinstance(item, Mapping) else item)
        if not source:
            context.found.append(mistake(item.spot, here, "bad-type", f"expected the name of a {singular}"))
        elif _known(context, section, source, item.spot, here, singular):
            part = context.model.sections[section][source]
            tops[source] = _top(context.model, section, source)
            file, variable = text_of(child(part.tree, "file")), text_of(child(part.tree, "environment"))
            spot = part.tree.spot
            if file and isinstance(part.tree, Mapping):
                spot = part.tree.entries["file"].value.spot
                at = (section, source, "file")
                files += context.shipment.ship(part.folder, file, spot, at, secret=section == "secrets")
            elif variable and variable in context.variables:
                extra["dotenv"] = "granted"
    extra[section] = tops
    return files


def _networks(tree: Mapping, path: Path, context: Context) -> tuple[str, ...]:
    listed = child(tree, "networks")
    named = [(text_of(item) or "", item.spot) for item in items(listed)]
    named += [(key, entry.key) for key, entry in entries(listed)]
    for name, spot in named:
        if name != "default":
            _known(context, "networks", name, spot, (*path, "networks", name), "network")
    return tuple(sorted({name for name, _ in named}))


def _known(context: Context, section: str, name: str, spot: Spot, path: Path, singular: str) -> bool:
    if name in context.model.sections[section]:
        return True
    message, hint = f"there is no {singular} {name}", f"define it under {section}: at the top level"
    context.found.append(mistake(spot, path, f"unknown-{singular}", message, hint))
    return False


def _top(model: Model, section: str, name: str) -> object:
    part = model.sections[section].get(name)
    return unfilled(part.tree) if part else None


def _one_shot(name: str, tree: Mapping, model: Model) -> bool:
    if text_of(child(tree, "restart")) == "no":
        return True
    waiting = (child(child(part.tree, "depends_on"), name) for part in model.sections["services"].values())
    done = "service_completed_successfully"
    return any(text_of(child(waits, "condition")) == done for waits in waiting)


def _has_healthcheck(tree: Tree | None) -> bool:
    if tree is None or text_of(child(tree, "disable")) == "true":
        return False
    test = child(tree, "test")
    first = text_of(items(test)[0]) if items(test) else text_of(test)
    return first is not None and first != "NONE"
