"""The catalogue: what runs on a node, in deploy order, and what has to be looked at because of it."""

from __future__ import annotations

from collections.abc import Mapping

from dynia.interfaces.desired import ApiEntry, ClusterSpec, NoEntry
from dynia.services.planning.components.base import Component
from dynia.services.planning.components.caddy import Caddy, caddy_component, default_caddy_image
from dynia.services.planning.components.docker import Docker
from dynia.services.planning.components.failover import TOKEN, TOKEN_VARIABLE, Failover, token_file
from dynia.services.planning.components.firewall import Firewall
from dynia.services.planning.components.haproxy import Haproxy
from dynia.services.planning.components.keepalived import Keepalived
from dynia.services.planning.components.node import NodeEnv
from dynia.services.planning.components.reader import Reader
from dynia.services.planning.components.registry import LOGINS, Registry, logins_file
from dynia.services.planning.components.removal import DROP_INS, EVERYTHING, Removal, removal, seen_on
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.components.service import (
    ServiceComponent,
    data_of,
    files_of,
    secret_files_of,
    service_component,
)
from dynia.services.planning.components.service_secrets import paths_of
from dynia.services.planning.components.tls import PEM, Tls, certified
from dynia.services.planning.places import inside
from dynia.state.model import Cluster

# Written by the push itself, and of no release.
BOOKKEEPING = (f"{ROOT}/lineage",)
_UNITS = (
    "docker.service",
    "dynia-failover.service",
    "dynia-firewall.service",
    "haproxy.service",
    "keepalived.service",
)


def components(spec: ClusterSpec) -> tuple[Component, ...]:
    """What every node of this cluster runs, in deploy order."""
    found: list[Component] = [NodeEnv(), Docker()]
    if spec.registries:
        found.append(Registry())
    if spec.ssh.readers:
        found.append(Reader(readers=spec.ssh.readers))
    if spec.firewall.enabled:
        found.append(Firewall())
    found += [service_component(service) for service in sorted(spec.services, key=lambda s: s.name)]
    found.append(caddy_component(spec))
    if certified(spec):
        found.append(Tls())
    found.append(Haproxy())
    if isinstance(spec.entry, ApiEntry):
        found.append(Failover(entry=spec.entry))
    if not isinstance(spec.entry, NoEntry):
        found.append(Keepalived(entry=spec.entry))
    return tuple(found)


def roots() -> tuple[str, ...]:
    """Folders to walk when a node is observed."""
    return (ROOT,)


def drop_in_paths() -> tuple[str, ...]:
    """Everything that we own outside of our folder."""
    return DROP_INS


def units(spec: ClusterSpec | None) -> tuple[str, ...]:
    """Units to look at: all that any cluster may have, so that a component that left the file is seen too."""
    return _UNITS


def packages(spec: ClusterSpec | None) -> tuple[str, ...]:
    """Debian packages that a node of this cluster needs."""
    return tuple(sorted({name for one in components(spec) for name in one.packages})) if spec else ()


def image_references(spec: ClusterSpec) -> tuple[str, ...]:
    """Every image of the cluster as its files name it."""
    named = {container.image for service in spec.services for container in service.containers}
    return tuple(sorted({*named, caddy_component(spec).image}))


def secret_paths(spec: ClusterSpec | None, home: Cluster | None) -> tuple[str, ...]:
    """Files whose plain hash is not told, whether their source is here or not: those of what left the file
    too, until it is off the nodes."""
    services = spec.services if spec else ()
    wanted = {path for one in services for path in (*secret_files_of(one), *paths_of(one))}
    files = (file for release in home.releases for file in release.files) if home else ()
    applied = {file.path for file in files if not file.digest.startswith("sha256:")}
    return tuple(sorted({PEM, LOGINS, TOKEN} | wanted | applied))


def data_folders(spec: ClusterSpec | None, home: Cluster | None) -> tuple[str, ...]:
    """Folders that containers write into, those of a service that left the file too."""
    wanted = {path for service in spec.services for path in data_of(service)} if spec else set()
    applied = {path for release in home.releases for path in release.data} if home else set()
    return tuple(sorted(wanted | applied))


def paths_in_data(spec: ClusterSpec | None, home: Cluster | None) -> tuple[str, ...]:
    """What is looked at in these folders all the same: files of releases."""
    folders = data_folders(spec, home)
    if not folders:
        return ()
    wanted = {path for service in spec.services for path in files_of(service)} if spec else set()
    applied = {file.path for release in home.releases for file in release.files} if home else set()
    return tuple(path for path in sorted(wanted | applied) if inside(path, folders))


def certificate_paths(spec: ClusterSpec | None) -> tuple[str, ...]:
    """Files of which the public parts are told."""
    return (PEM,) if spec is not None and certified(spec) else ()


def secret_files(
    spec: ClusterSpec, logins: Mapping[str, tuple[str, str]], failover_token: str = ""
) -> dict[str, bytes]:
    """Path on the nodes -> content, for the secret files whose source is here."""
    found = {p: content for s in spec.services for p, content in secret_files_of(s).items()}
    content = logins_file(spec, logins)
    if content is not None:
        found[LOGINS] = content
    token = token_file(spec, failover_token)
    if token is not None:
        found[TOKEN] = token
    return dict(sorted(found.items()))


__all__ = [
    "BOOKKEEPING",
    "EVERYTHING",
    "PEM",
    "TOKEN",
    "TOKEN_VARIABLE",
    "Caddy",
    "Component",
    "Docker",
    "Failover",
    "Firewall",
    "Haproxy",
    "Keepalived",
    "NodeEnv",
    "Reader",
    "Registry",
    "Removal",
    "ServiceComponent",
    "Tls",
    "certificate_paths",
    "certified",
    "components",
    "data_folders",
    "default_caddy_image",
    "drop_in_paths",
    "image_references",
    "packages",
    "paths_in_data",
    "removal",
    "roots",
    "secret_files",
    "secret_paths",
    "seen_on",
    "units",
]
