"""The door for the desired file: clusters.yaml and all it names, checked, as one `Desired`."""

from __future__ import annotations

import pathlib
import posixpath
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from dynia.interfaces import desired
from dynia.interfaces.desired import LONGEST_LEASE_S, SHORTEST_LEASE_S, Desired
from dynia.interfaces.durations import seconds
from dynia.interfaces.errors import BadInput, Mistake
from dynia.interfaces.files import (
    convert,
    raw,
    rules_cluster,
    rules_dns,
    rules_drift,
    rules_hooks,
    rules_secrets,
    rules_services,
    rules_tls,
)
from dynia.interfaces.files.checker import check
from dynia.interfaces.files.checker import convert as to_struct
from dynia.interfaces.files.compose_file import Base, Shared, read_compose
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import Absent, Folder, Link, Look, look_on_disk
from dynia.interfaces.files.mistakes import mistake
from dynia.interfaces.files.rules_names import RESERVED_CLUSTERS, names
from dynia.interfaces.files.shipping import Shipment
from dynia.interfaces.files.templates_folder import read_templates
from dynia.interfaces.files.yaml_reader import read_yaml
from dynia.interfaces.files.yaml_tree import Path, Spot, child, plain, spot_of
from dynia.interfaces.version import version as own_version


def load(
    path: pathlib.Path,
    templates: Iterable[str] | None = None,
    version: str | None = None,
    look: Look = look_on_disk,
) -> Desired:
    """Read the file. `templates` are the built-in templates' paths, `version` is Dynia's own.

    Raises `BadInput` with every mistake. Nothing but the files that it names is read: no environment.
    `look` is how files are seen: on disk, or as they would be after an edit.
    """
    where = str(path)
    folder = str(pathlib.Path(where).absolute().parent)
    return read(
        where,
        posixpath.normpath(folder),
        look,
        templates=_builtin() if templates is None else templates,
        version=version,
        home=str(pathlib.Path.home()),
    )


def read(
    shown: str,
    folder: str,
    look: Look,
    *,
    templates: Iterable[str] = (),
    version: str | None = "",
    home: str = "/",
) -> Desired:
    """`load` over any way to look at files. `shown` is how messages name the file, `folder` is absolute."""
    location = posixpath.join(folder, posixpath.basename(shown))
    seen = look(location, follow=True)
    start = Spot(file=shown, line=1, column=1)
    if isinstance(seen, Absent | Folder | Link):
        reason = seen.reason if isinstance(seen, Absent) else "a folder, not a file"
        rule = "missing-file" if reason == "no such file" else "unreadable-file"
        rule = "symlink-loop" if "loop" in reason else rule
        raise BadInput((mistake(start, (), rule, f"cannot be read: {reason}"),))
    if seen.content is None:
        raise BadInput((mistake(start, (), "too-large", "larger than 10 MiB"),))
    tree, wrong = read_yaml(shown, seen.content)
    if tree is None:
        raise BadInput(wrong)
    checked = check(tree, raw.File)
    found = [*wrong, *checked.mistakes]
    ground = Ground(tree=tree, lost=checked.lost)
    if not checked.usable:
        raise BadInput(_ordered(found, shown))
    file: Any = to_struct(checked, raw.File)
    found += _version(ground, file.requires, version)
    if not SHORTEST_LEASE_S <= (lease := seconds(file.state.lease)) <= LONGEST_LEASE_S:
        found.append(ground.at(("state", "lease"), "bad-duration", "between 5s and 1h"))
    base = Base(folder=folder, shown=posixpath.dirname(shown), look=look)
    known = tuple(templates)
    clusters = []
    found += names(ground, ("clusters",), file.clusters, "cluster", RESERVED_CLUSTERS)
    if not file.clusters and ground.sound("clusters"):
        found.append(ground.at(("clusters",), "no-cluster", "the file has no cluster", key=True))
    for name, spec in file.clusters.items():
        result, more = _cluster(ground, name, spec, base, known, home)
        found += more
        clusters.append(result)
    found += _shared_hosts(ground, file)
    found += rules_dns.shared_names(ground, file)
    if found:
        raise BadInput(_ordered(found, shown))
    kept = desired.GitState() if isinstance(file.state, raw.GitState) else desired.FileState()
    ordered = tuple(sorted(clusters, key=lambda each: each.name))
    return Desired(path=location, clusters=ordered, lease=lease, state=kept)


def _builtin() -> Iterable[str]:
    from dynia.interfaces.templates import builtin_templates

    return builtin_templates()


def _cluster(
    ground: Ground, name: str, spec: raw.Cluster, base: Base, known: tuple[str, ...], home: str
) -> tuple[desired.ClusterSpec, list[Mistake]]:
    path: Path = ("clusters", name)

    def resolve(written: str) -> str:
        if not written:
            return ""
        if written == "~" or written.startswith("~/"):
            written = home + written[1:]
        return posixpath.normpath(posixpath.join(base.folder, written))

    found = list(rules_cluster.cluster(ground, path, spec))
    found += rules_services.services(ground, (*path, "services"), spec)
    found += rules_tls.tls(ground, (*path, "tls"), spec, base.look, resolve)
    found += rules_dns.dns(ground, path, spec)
    found += rules_hooks.hooks(ground, path, spec)
    found += rules_drift.drift(ground, (*path, "drift", "ignore"), spec.drift)
    shared = Shared(ports={}, container_names={"dynia-caddy": "Dynia's Caddy"})
    services = []
    for key, service in spec.services.items():
        compose, wrong = read_compose(ground, (*path, "services", key), key, service, base, shared)
        found += wrong
        if compose is not None:
            entry = child(child(child(child(ground.tree, "clusters"), name), "services"), key)
            as_written = msgspec.json.encode(plain(entry)) if entry is not None else b""
            at: Path = (*path, "services", key, "secrets")
            found += rules_secrets.secrets(ground, at, service, compose.containers, base.look, resolve)
            secrets = rules_secrets.placed(ground, at, service, compose.containers, resolve)
            services.append(convert.service(key, service, compose, as_written, secrets))
    templates: dict[str, str] = {}
    if spec.templates:
        shown = posixpath.normpath(posixpath.join(base.shown, spec.templates))
        folder = Shipment(resolve(spec.templates), shown, base.look, "")
        templates, wrong = read_templates(ground, (*path, "templates"), folder, known)
        found += wrong
        found += _wrong_templates(folder, templates)
    said = spot_of(ground.tree, (*path, "protect"))
    protect = f"{said.file}:{said.line}:{said.column}" if spec.protect else ""
    return convert.cluster(name, spec, tuple(services), templates, resolve, protect), found


def _wrong_templates(folder: Shipment, templates: dict[str, str]) -> list[Mistake]:
    """Mistakes inside of templates; what knows their names is imported only where there are some."""
    from dynia.services.planning.components.template_catalogue import template_mistakes

    return [
        mistake
        for name, text in templates.items()
        for mistake in template_mistakes(name, text, folder.name(name))
    ]


def _shared_hosts(ground: Ground, file: raw.File) -> list[Mistake]:
    """A host or an entry address belongs to one cluster."""
    found = []
    hosts: dict[tuple[str, int], str] = {}
    entries: dict[str, str] = {}
    for name, spec in file.clusters.items():
        path: Path = ("clusters", name)
        for index, host in enumerate(spec.nodes if isinstance(spec.nodes, list) else []):
            where = (host.host.lower(), host.port or spec.ssh.port)
            if hosts.setdefault(where, name) != name:
                message = f"{host.host} is a node of cluster {hosts[where]} already"
                found.append(ground.at((*path, "nodes", index, "host"), "host-in-two-clusters", message))
        address = spec.entry.address if isinstance(spec.entry, raw.VipEntry) else ""
        if address and entries.setdefault(address, name) != name:
            message = f"{address} is the address of cluster {entries[address]} already"
            found.append(ground.at((*path, "entry", "address"), "vip-address", message))
    return found


def _version(ground: Ground, requires: str, version: str | None) -> list[Mistake]:
    """An older Dynia must not fight a newer one. Its own version is looked up only where one is required:
    the metadata of the installation take longer to read than the file."""
    if not requires:
        return []
    version = own_version() if version is None else version
    ours = re.match(r"[0-9]+(\.[0-9]+)*", version)
    if not ours:
        return []
    have = [int(part) for part in ours.group().split(".")]
    need = [int(part) for part in requires.removeprefix(">=").split(".")]
    if have + [0] * (3 - len(have)) >= need + [0] * (3 - len(need)):
        return []
    message = f"the file needs Dynia {requires}, this is {version}"
    return [ground.at(("requires",), "requires", message, "install a newer Dynia")]


def _ordered(found: Iterable[Mistake], first: str) -> tuple[Mistake, ...]:
    """By place, the file itself first. What an anchor brings in twice is said once."""
    unique: dict[tuple[str, int, int, str, str], Mistake] = {}
    for each in found:
        unique.setdefault((each.file, each.line, each.column, each.rule, each.message), each)
    return tuple(
        sorted(unique.values(), key=lambda each: (each.file != first, each.file, each.line, each.column))
    )
