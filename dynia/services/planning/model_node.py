"""One node of the model world: facts that steps change as the real node would."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import msgspec

from dynia.interfaces.desired import ApiEntry
from dynia.interfaces.observed import (
    CertificateSeen,
    ContainerSeen,
    FileSeen,
    ImageSeen,
    NodeFacts,
    UnitSeen,
)
from dynia.interfaces.release import ReleaseFile
from dynia.services.actions.write_manifest import MANIFEST
from dynia.services.planning.compare import OWNER
from dynia.services.planning.components.base import Component, Topology
from dynia.services.planning.components.caddy import CONFIG as CADDYFILE
from dynia.services.planning.components.caddy import PROJECT as CADDY_PROJECT
from dynia.services.planning.components.caddy import Caddy, routed_services
from dynia.services.planning.components.compose_override import container_hashes, project, routed_hash
from dynia.services.planning.components.haproxy import CONFIG as HAPROXY_CFG
from dynia.services.planning.components.haproxy import Haproxy, servers_of
from dynia.services.planning.components.service import ServiceComponent
from dynia.state.generation import FOLDER as GENERATIONS
from dynia.state.generation import MODE as GENERATION_MODE
from dynia.state.generation import path_of
from dynia.state.manifest import MODE as MANIFEST_MODE
from dynia.state.manifest import PATH as MANIFEST_PATH
from dynia.state.model import AppliedRelease, ReservedIp

UNKNOWN = "hmac:(known after apply)"


class ModelNode:
    """A working copy of a node's facts; `facts()` gives the value back."""

    def __init__(self, facts: NodeFacts) -> None:
        self._facts = facts
        self.files = {f.path: f for f in facts.files}
        self.units = {u.name: u for u in facts.units}
        self.packages = dict(facts.packages)
        self.containers = list(facts.containers)
        self.images = list(facts.images)
        self.secrets = dict(facts.secrets)
        self.addresses = facts.addresses
        self.vrrp = facts.vrrp
        self.firewall = facts.firewall
        self.unfinished = set(facts.unfinished)
        self.lineage = facts.lineage
        self.boot_id = facts.boot_id
        self.routes = facts.routes
        self.servers = facts.servers
        self.drained = set(facts.drained)
        self.manifest = facts.manifest
        self.certificates = dict(facts.certificates)

    def facts(self) -> NodeFacts:
        return msgspec.structs.replace(
            self._facts,
            files=tuple(self.files[path] for path in sorted(self.files)),
            units=tuple(self.units[name] for name in sorted(self.units)),
            packages=dict(sorted(self.packages.items())),
            containers=tuple(sorted(self.containers, key=lambda c: c.name)),
            images=tuple(self.images),
            secrets=dict(sorted(self.secrets.items())),
            addresses=self.addresses,
            vrrp=self.vrrp,
            firewall=self.firewall,
            unfinished=tuple(sorted(self.unfinished)),
            lineage=self.lineage,
            boot_id=self.boot_id,
            routes=self.routes if CADDYFILE in self.files else (),
            servers=self.servers if HAPROXY_CFG in self.files else (),
            drained=tuple(sorted(self.drained)),
            manifest=self.manifest if MANIFEST_PATH in self.files else "",
            certificates=dict(sorted(self.certificates.items())),
        )

    def write(self, files: Iterable[ReleaseFile], certificate: CertificateSeen | None = None) -> None:
        """`certificate` is what a file with one is given."""
        for file in files:
            digest = file.digest
            if file.identity and certificate is not None:
                self.keep_certificate(file.path, certificate)
                continue
            if file.secret:
                digest = self.secrets.setdefault(file.path, UNKNOWN)
            self.files[file.path] = FileSeen(
                path=file.path, kind="file", mode=file.mode, owner=OWNER, digest=digest
            )

    def keep_certificate(self, path: str, certificate: CertificateSeen) -> None:
        self.certificates[path] = certificate
        self.files[path] = FileSeen(path=path, kind="file", mode=0o600, owner=OWNER, digest=UNKNOWN)

    def keep_manifest(self, digest: str, last_line: str) -> None:
        self.files[MANIFEST_PATH] = FileSeen(
            path=MANIFEST_PATH, kind="file", mode=MANIFEST_MODE, owner=OWNER, digest=digest
        )
        self.manifest = last_line
        self.unfinished.discard(MANIFEST)

    def keep_generation(self, number: int) -> None:
        """Its content is the engine's own; here it is there."""
        path = path_of(number)
        self.files = {p: f for p, f in self.files.items() if not p.startswith(f"{GENERATIONS}/")}
        self.files[path] = FileSeen(path=path, kind="file", mode=GENERATION_MODE, owner=OWNER, digest=UNKNOWN)

    def remember(self, release: AppliedRelease, certificate: CertificateSeen | None) -> None:
        """Files and images of a release, as the state knows them."""
        for file in release.files:
            if certificate is not None and file.digest == f"chain:{certificate.chain}":
                self.keep_certificate(file.path, certificate)
                continue
            digest = file.digest or self.secrets.setdefault(file.path, UNKNOWN)
            self.files[file.path] = FileSeen(
                path=file.path, kind="file", mode=file.mode, owner=OWNER, digest=digest
            )
        self.images += [ImageSeen(id=image, tags=(image,)) for image in release.images]

    def delete(self, paths: Iterable[str]) -> None:
        """Files, and folders with all that is in them."""
        for path in paths:
            self.files = {p: f for p, f in self.files.items() if p != path and not p.startswith(path + "/")}
        self.certificates = {p: c for p, c in self.certificates.items() if p in self.files}

    def activate(self, component: Component, topology: Topology, containers: dict[str, str]) -> None:
        """Units and containers as a component wants them."""
        self.unfinished.discard(component.name)
        for unit in component.units:
            self.units[unit] = UnitSeen(name=unit, active="active", enabled="enabled")
        if component.name == "keepalived":
            self.vrrp = self.vrrp or "BACKUP"
            others = tuple(a for a in self.addresses if a != topology.reserved_ip)
            holds = self.vrrp == "MASTER" and not isinstance(topology.spec.entry, ApiEntry)
            self.addresses = tuple(sorted({*others, topology.reserved_ip})) if holds else others
        elif component.name == "firewall":
            self.firewall = "loaded"
        elif isinstance(component, Haproxy):
            self.servers = servers_of(topology)
        if isinstance(component, ServiceComponent):
            name = project(component.service.name)
            target = component.service.target
            once = {c.name for c in component.service.containers if c.one_shot}
            joined = {target.container: (f"edge-{component.service.name}",)} if target else {}
            self._run(name, containers, once, joined)
        elif isinstance(component, Caddy):
            served = routed_services(topology.spec)
            edges = tuple(f"edge-{s.name}" for s in served)
            hashes = {
                topology.kept.get(s.name) or routed_hash(s, container_hashes(topology, s)) for s in served
            }
            self.routes = tuple(sorted(hashes))
            self._run(CADDY_PROJECT, containers, set(), {"caddy": edges})

    def _run(
        self, name: str, wanted: dict[str, str], once: set[str], networks: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.stop(name)
        for service, config in sorted(wanted.items()):
            self.containers.append(
                ContainerSeen(
                    id=f"{name}-{service}",
                    name=f"{name}-{service}-1",
                    image="",
                    state="exited" if service in once else "running",
                    project=name,
                    service=service,
                    config=config,
                    networks=networks.get(service, ()),
                )
            )

    def restart(self, component: Component, topology: Topology, containers: dict[str, str]) -> None:
        """Activated, and none of its containers is one that was there before."""
        gone = {c.id for c in self.containers}
        self.activate(component, topology, containers)
        mine = project(component.name.removeprefix("service/"))
        self.containers = [
            msgspec.structs.replace(c, id=_another(c.id, gone)) if c.project == mine else c
            for c in self.containers
        ]

    def reboot(self, address: ReservedIp | None) -> None:
        """Another boot; who comes back has not the address."""
        self.boot_id += "'"
        if self.vrrp:
            self.vrrp = "BACKUP"
            self.addresses = tuple(a for a in self.addresses if address is None or a != address.address)

    def leads_to_what_runs(self) -> None:
        """The Caddyfile is as good as what runs beside it, as far as anybody knows."""
        joined = (c for c in self.containers if any(name.startswith("edge-") for name in c.networks))
        self.routes = tuple(sorted({c.config for c in joined if c.project != CADDY_PROJECT}))

    def stop(self, name: str) -> None:
        self.containers = [c for c in self.containers if c.project != name]

    def take_image(self, reference: str, pull: str, image_id: str) -> None:
        self.images.append(ImageSeen(id=image_id or pull, tags=(reference,), digests=(pull,) if pull else ()))


def _another(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "'"
    return name
