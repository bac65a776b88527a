"""The cluster of a rehearsal: as wanted, on the lab and its twin, with what cannot be had replaced."""

from __future__ import annotations

from collections.abc import Set

import msgspec

from dynia.interfaces.desired import (
    AcmeTls,
    ApiEntry,
    CloudflareDns,
    ClusterSpec,
    Container,
    DigitalOceanProvider,
    DockerProvider,
    FilesTls,
    Rfc2136Dns,
    SelfSignedTls,
    Service,
    Ssh,
    SshProvider,
    VariableSource,
    VipEntry,
)
from dynia.interfaces.shape import Shape
from dynia.services.planning.components import default_caddy_image

# Caddy answers every path with 200 (`caddy respond`), is one static binary, and is on the lab anyway.
_CADDY = "/usr/bin/caddy"
# Where the value of every secret is, in a rehearsal.
STAND_IN_VARIABLE = "DYNIA_REHEARSAL_SECRET"
replace = msgspec.structs.replace


class Replaced(Shape):
    """One thing of the file that is another one in the rehearsal. `what` is the key or image, in words."""

    what: str
    by: str


def rehearsed(
    spec: ClusterSpec, *, images: Set[str], stand_in: str, key: str
) -> tuple[ClusterSpec, tuple[Replaced, ...]]:
    """`images` are references that this machine has; every other one is replaced by `stand_in`, a Caddy
    image. `key` is the private key that the lab's nodes know."""
    told: list[Replaced] = []
    machines = _machines(spec, images, stand_in, key, told)
    services = tuple(_service(s, images, stand_in, told) for s in machines.services)
    made = replace(_names(machines, told), services=services)
    return made, tuple(dict.fromkeys(told))


def _machines(
    spec: ClusterSpec, images: Set[str], stand_in: str, key: str, told: list[Replaced]
) -> ClusterSpec:
    """Where nodes come from, how they are reached, and what they log in to."""
    entry, provider = spec.entry, spec.provider
    if isinstance(provider, SshProvider):
        told.append(Replaced(what="provider ssh", by=f"{spec.nodes} nodes of the lab"))
        provider = DockerProvider()
    elif isinstance(provider, DockerProvider) and provider.image and provider.image not in images:
        told.append(Replaced(what=f"provider.image {provider.image}", by="the lab's own"))
        provider = DockerProvider()
    elif isinstance(provider, DigitalOceanProvider):
        told.append(Replaced(what="DigitalOcean", by="its twin, on nodes of the lab"))
        provider = replace(provider, vpc="")
    if isinstance(entry, VipEntry) and entry != VipEntry():
        told.append(Replaced(what=f"entry {entry.address or entry.interface}", by="an address of the lab"))
        entry = VipEntry()
    elif isinstance(entry, ApiEntry) and entry.witness:
        told.append(Replaced(what=f"entry.witness {entry.witness}", by="the gateway"))
        entry = ApiEntry()
    if spec.registries:
        told.append(Replaced(what="registries", by="nothing: no login is made"))
    if spec.firewall.ssh:
        told.append(Replaced(what=f"firewall.ssh {', '.join(spec.firewall.ssh)}", by="any"))
    caddy = spec.caddy_image or default_caddy_image(spec)
    if caddy not in (*images, stand_in):
        told.append(Replaced(what=f"caddy.image {caddy}", by="the lab's own"))
        caddy = stand_in
    return replace(
        spec,
        provider=provider,
        hosts=(),
        ssh=Ssh(key=key),
        entry=entry,
        registries=(),
        caddy_image=caddy,
        firewall=replace(spec.firewall, ssh=()),
        protect="",
    )


def _names(spec: ClusterSpec, told: list[Replaced]) -> ClusterSpec:
    """Names and certificates, whose vendors are twins too."""
    dns, tls = spec.dns, spec.tls
    if isinstance(dns, CloudflareDns):
        told.append(Replaced(what="Cloudflare", by="its twin"))
    elif isinstance(dns, Rfc2136Dns):
        told.append(Replaced(what=f"the name server {dns.server}", by="the twin of Cloudflare"))
        dns = CloudflareDns(zone=dns.zone, cname=dns.cname, adopt=dns.adopt)
    if isinstance(tls, FilesTls | AcmeTls):
        kind = str(type(tls).__struct_config__.tag)
        told.append(Replaced(what=f"tls {kind}", by="a certificate that Dynia signs itself"))
        tls = SelfSignedTls()
    return replace(spec, dns=dns, tls=tls)


def _service(service: Service, images: Set[str], stand_in: str, told: list[Replaced]) -> Service:
    made = []
    for container in service.containers:
        if container.image in images:
            made.append(container)
            continue
        argv = _argv(service, container)
        told.append(Replaced(what=f"image {container.image}", by="a stand-in that answers every request"))
        made.append(replace(container, image=stand_in, stand_in=argv))
    if service.pre_deploy is not None:
        told.append(Replaced(what=f"pre_deploy of {service.name}", by="nothing: it may need what is outside"))
    secrets = tuple(replace(one, source=VariableSource(env=STAND_IN_VARIABLE)) for one in service.secrets)
    if secrets:
        told.append(Replaced(what=f"secrets of {service.name}", by="a word"))
    return replace(service, containers=tuple(made), pre_deploy=None, secrets=secrets)


def _argv(service: Service, container: Container) -> tuple[str, ...]:
    """One that runs once ends at once and well; the routed one listens where it is routed to."""
    if container.one_shot:
        return (_CADDY, "version")
    routed = service.target is not None and service.target.container == container.name
    port = service.target.port if routed and service.target else 65000
    return (_CADDY, "respond", "--listen", f":{port}", f"stand-in for {service.name}/{container.name}\n")
