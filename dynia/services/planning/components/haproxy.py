"""HAProxy: Debian's package under systemd, one backend per service over the Caddy of every node."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from dynia.interfaces.desired import CloudflareDns, Health, Service
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import NodeFacts, ServerSeen
from dynia.interfaces.release import Release, ReleaseFile
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.rendered import ROOT, TemplateData, config_hash, rendered
from dynia.services.planning.components.scripts import awake, staged, stopped, without
from dynia.services.planning.components.tls import PEM, SERVED, certified

FOLDER = f"{ROOT}/haproxy"
CONFIG, NETWORKS = f"{FOLDER}/haproxy.cfg", f"{FOLDER}/cloudflare-networks"
DROP_IN = "/etc/systemd/system/haproxy.service.d/dynia.conf"
# What has no meaning of its own in haproxy.cfg, in a URL path and in a shell word.
_PATH = re.compile(r"/[A-Za-z0-9/._~!*,;=:@%?&+-]*")
# Asked on the health path of a service that answers every host name.
ANY_HOST = "localhost"

_UNIT = "haproxy.service"
# A file that the config names is where it will be only after the swap: HAProxy is given the staged one.
_CHECK = (
    staged(FOLDER, "folder")
    + f"""work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed "s#{FOLDER}/#$folder/#g" "$folder/haproxy.cfg" >"$work/haproxy.cfg"
haproxy -c -f "$work/haproxy.cfg"
"""
)
_ACTIVATE = without(CONFIG, stopped(_UNIT)) + awake(_UNIT, CONFIG, DROP_IN)
# The process that runs now must be the one that read this file.
_PROBE = f"""wanted=$(sed -n 's/.* X-Dynia-Config \\([0-9a-f]*\\) .*/\\1/p' {CONFIG} | head -n 1)
[ -n "$wanted" ] || {{ echo 'haproxy.cfg has no X-Dynia-Config'; exit 1; }}
told=$(curl -s -m 1 -o /dev/null -D - http://127.0.0.1:8404/alive | tr -d '\\r' |
  sed -n 's/^[Xx]-[Dd]ynia-[Cc]onfig: *//p')
[ "$told" = "$wanted" ] || {{ echo "haproxy runs ${{told:-nothing}}, not $wanted"; exit 1; }}
"""


class Server(Shape):
    """The Caddy of one node."""

    node: str
    address: str


class Backend(Shape):
    """One service, as HAProxy asks it, on every node that may serve it."""

    service: str
    domains: tuple[str, ...]
    check_host: str
    path: str
    interval_ms: int
    fastinter_ms: int
    timeout_ms: int
    servers: tuple[Server, ...]


class HaproxyData(TemplateData):
    """Names of ``haproxy/haproxy.cfg.mustache``. `fallback` is the service that answers unknown hosts, or
    empty. `certificate` is the file that TLS ends with, or empty. `proxied`: visitors come through
    Cloudflare. `config` names this content."""

    cluster: str
    services: tuple[Backend, ...]
    fallback: str
    certificate: str = ""
    proxied: bool = False
    config: str = ""


class Haproxy(Basic):
    name: str = "haproxy"
    units: tuple[str, ...] = (_UNIT,)
    packages: tuple[str, ...] = ("haproxy", "curl")
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        data = _data(topology)
        files = [_config(topology, data), rendered(topology, "haproxy/dynia.conf", DROP_IN)]
        if data.proxied:
            files.append(rendered(topology, "haproxy/cloudflare-networks", NETWORKS))
        release = Release(component=self.name, files=tuple(files))
        return Recipe(
            release=release,
            check=_CHECK,
            activate=_ACTIVATE,
            deactivate=stopped(_UNIT),
            probe=_PROBE + SERVED if data.certificate else _PROBE,
            confirmed=True,
        )

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        """A reload loses nothing; another command line needs a restart."""
        return services if DROP_IN in paths else ()


def servers_of(topology: Topology) -> tuple[ServerSeen, ...]:
    """Whom haproxy.cfg names."""
    return tuple(
        ServerSeen(service=backend.service, node=server.node, address=server.address)
        for backend in _data(topology).services
        for server in backend.servers
    )


def names_others(topology: Topology, seen: NodeFacts, routes: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether haproxy.cfg lies there as it is wanted, but for the nodes that it names, and for services that
    come or go. `routes`: domains by service, as applied; one that goes is taken to be asked as by default."""
    named: dict[str, list[Server]] = {}
    for one in seen.servers:
        named.setdefault(one.service, []).append(Server(node=one.node, address=one.address))
    data = _data(topology)
    asked = {one.service: one for one in data.services}
    for name in named.keys() - asked.keys():
        asked[name] = _asked(name, routes.get(name, ()), Health())
    backends = tuple(replace(asked[name], servers=tuple(named[name])) for name in sorted(named))
    fallback = data.fallback if data.fallback in named else ""
    would_be = _config(topology, replace(data, services=backends, fallback=fallback))
    return any(f.path == CONFIG and f.digest == would_be.digest for f in seen.files)


def _data(topology: Topology) -> HaproxyData:
    routed = sorted((s for s in topology.spec.services if s.kind == "http"), key=lambda s: s.name)
    return HaproxyData(
        cluster=topology.cluster,
        services=tuple(_backend(topology, service) for service in routed),
        fallback=next((s.name for s in routed if s.default), ""),
        certificate=PEM if certified(topology.spec) else "",
        proxied=isinstance(topology.spec.dns, CloudflareDns) and topology.spec.dns.proxied,
    )


def _config(topology: Topology, data: HaproxyData) -> ReleaseFile:
    named = replace(data, config=config_hash(topology, "haproxy/haproxy.cfg", data))
    return rendered(topology, "haproxy/haproxy.cfg", CONFIG, named)


def check_host(service: Service) -> str:
    """The Host header of a service's health check."""
    return service.domains[0] if service.domains else ANY_HOST


def _backend(topology: Topology, service: Service) -> Backend:
    path = service.health.path
    if not _PATH.fullmatch(path):
        raise DyniaError(
            f"service {service.name}: the health path {path!r} has characters that a config cannot carry",
            hint="letters, digits and /._~!*,;=:@%?&+- are safe",
        )
    out = {one.node for one in topology.out if one.service == service.name}
    servers = (Server(node=n.name, address=n.private_ip) for n in topology.nodes if n.name not in out)
    return replace(_asked(service.name, service.domains, service.health), servers=tuple(servers))


def _asked(service: str, domains: tuple[str, ...], health: Health) -> Backend:
    interval = max(1, round(health.interval * 1000))
    return Backend(
        service=service,
        domains=tuple(sorted(domains)),
        check_host=domains[0] if domains else ANY_HOST,
        path=health.path,
        interval_ms=interval,
        fastinter_ms=max(1, interval // 4),
        timeout_ms=max(1, round(health.timeout * 1000)),
        servers=(),
    )
