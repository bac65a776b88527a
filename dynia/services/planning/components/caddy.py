"""Caddy: a container on every node that brings requests to the routed container of each service."""

from __future__ import annotations

from shlex import quote

from dynia.interfaces.desired import ClusterSpec, DockerProvider, Service
from dynia.interfaces.observed import NodeFacts, ResolvedImage
from dynia.interfaces.release import Release
from dynia.interfaces.shape import Shape
from dynia.services.actions.base import Recipe
from dynia.services.planning.components.base import Fault, Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.compose_override import container_hashes, routed_hash, upstream
from dynia.services.planning.components.containers import container_faults, network_faults
from dynia.services.planning.components.node import ENV
from dynia.services.planning.components.rendered import ROOT, TemplateData, config_hash, rendered
from dynia.services.planning.components.scripts import (
    DOCKER_ANSWERS,
    compose,
    compose_down,
    edge_network,
    staged,
    without,
)

FOLDER = f"{ROOT}/caddy"
CONFIG, COMPOSE = f"{FOLDER}/Caddyfile", f"{FOLDER}/compose.yaml"
PROJECT = "dynia-caddy"
# Whoever asks Caddy itself, and not a service, says this host name.
OWN_HOST = "dynia.internal"
LAB_IMAGE = "dynia-lab/caddy:2.11.7"
IMAGE = "caddy:2.10"


class Route(Shape):
    """A service with domains. `release` is what X-Dynia-Release says if this container answered."""

    service: str
    domains: tuple[str, ...]
    upstream: str
    release: str


class CaddyData(TemplateData):
    """Names of ``caddy/Caddyfile.mustache``. `nodes` are their private addresses; `fallback` is the service
    that answers every other host, or nothing."""

    cluster: str
    nodes: tuple[str, ...]
    services: tuple[Route, ...]
    fallback: tuple[Route, ...]
    config: str = ""


class CaddyContainer(TemplateData):
    """Names of ``caddy/compose.yaml.mustache``."""

    image: str
    config: str = ""


class Caddy(Basic, kw_only=True):
    """`image` is the reference; what it means now stands in the topology."""

    image: str
    name: str = "caddy"
    packages: tuple[str, ...] = ("curl",)
    roots: tuple[str, ...] = (FOLDER,)

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        routed = routed_services(topology.spec)
        image = topology.images.get(self.image)
        run = image.run if image else self.image
        container = config_hash(topology, "caddy/compose.yaml", CaddyContainer(image=run))
        files = (
            rendered(topology, "caddy/Caddyfile", CONFIG, _data(topology, routed)),
            rendered(
                topology,
                "caddy/compose.yaml",
                COMPOSE,
                CaddyContainer(image=run, config=container),
            ),
        )
        release = Release(component=self.name, files=files, containers={"caddy": container}, images=(run,))
        return Recipe(
            release=release,
            check=_check(run),
            activate=_activate(routed),
            deactivate=compose_down(PROJECT),
            probe=_PROBE,
        )

    def faults(
        self, topology: Topology, node: TopologyNode, recipe: Recipe, seen: NodeFacts
    ) -> tuple[Fault, ...]:
        # A network that is not there yet comes with its service, which then connects Caddy itself.
        named = (f"edge-{service.name}" for service in routed_services(topology.spec))
        networks = tuple(name for name in named if name in seen.networks)
        found = container_faults(seen, PROJECT, recipe.release.containers)
        return (*found, *network_faults(seen, PROJECT, "caddy", networks))

    def images(self, topology: Topology) -> tuple[ResolvedImage, ...]:
        image = topology.images.get(self.image)
        return (image,) if image else ()

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        """Another Caddyfile is a reload, which loses nothing; anything else may make the container again."""
        return () if paths == (CONFIG,) else services


def caddy_component(spec: ClusterSpec) -> Caddy:
    return Caddy(image=spec.caddy_image or default_caddy_image(spec))


def default_caddy_image(spec: ClusterSpec) -> str:
    """The lab has its own, since it may have no registry."""
    return LAB_IMAGE if isinstance(spec.provider, DockerProvider) else IMAGE


def routed_services(spec: ClusterSpec) -> tuple[Service, ...]:
    return tuple(sorted((s for s in spec.services if s.target is not None), key=lambda s: s.name))


def _data(topology: Topology, routed: tuple[Service, ...]) -> CaddyData:
    routes = {service.name: _route(topology, service) for service in routed}
    data = CaddyData(
        cluster=topology.cluster,
        nodes=tuple(node.private_ip for node in topology.nodes),
        services=tuple(route for route in routes.values() if route.domains),
        fallback=tuple(routes[service.name] for service in routed if service.default)[:1],
    )
    return CaddyData(
        cluster=data.cluster,
        nodes=data.nodes,
        services=data.services,
        fallback=data.fallback,
        config=config_hash(topology, "caddy/Caddyfile", data),
    )


def _route(topology: Topology, service: Service) -> Route:
    hashes = container_hashes(topology, service)
    if service.target is not None and service.name in topology.kept:
        hashes |= {service.target.container: topology.kept[service.name]}
    return Route(
        service=service.name,
        domains=tuple(sorted(service.domains)),
        upstream=upstream(service, hashes),
        release=routed_hash(service, hashes),
    )


def _check(image: str) -> str:
    validate = "validate --config /etc/caddy/Caddyfile --adapter caddyfile"
    run = "docker run --rm --pull never --network none --tmpfs /config --tmpfs /data"
    asked = compose(PROJECT, '"$folder"', ("compose.yaml",), ENV, "config -q </dev/null")
    return (
        DOCKER_ANSWERS
        + staged(FOLDER, "folder")
        + f'{run} -v "$folder:/etc/caddy:ro" \\\n  --entrypoint /usr/bin/caddy {quote(image)} '
        + f"{validate} </dev/null\n{asked}\n"
    )


def _activate(routed: tuple[Service, ...]) -> str:
    services = tuple(service.name for service in routed)
    up = compose(
        PROJECT, FOLDER, ("compose.yaml",), ENV, "up -d --no-build --remove-orphans --pull never </dev/null"
    )
    gone = without(COMPOSE, compose_down(PROJECT))
    networks = "".join(edge_network(service) for service in services)
    wanted = " ".join(f"edge-{service}" for service in services)
    reload = _RELOAD.format(services=" ".join(services), lasts=_KEPT_AWAY_LASTS_S, wait=_heard_within(routed))
    joined = networks + _CONNECT.format(wanted=wanted)
    return gone + up + "\n" + joined + f"flags={FOLDER}/drain\n" + _TOLD + reload


def _heard_within(routed: tuple[Service, ...]) -> str:
    """After so many seconds every HAProxy's next check of each service has been answered."""
    asked = max((s.health.interval + s.health.timeout for s in routed), default=0.0)
    return f"{min(asked + 0.1, MOST_KEPT_AWAY_S):.2f}"


# A service that goes takes its network along (`edge_gone`). Were it left here, a Caddyfile that is put back
# would lead nowhere.
_CONNECT = """wanted=' {wanted} '
networks='{{{{range $name, $_ := .NetworkSettings.Networks}}}}{{{{$name}}}} {{{{end}}}}'
joined=" $(docker inspect -f "$networks" dynia-caddy)"
for one in $wanted; do
  case $joined in *" $one "*) ;; *) docker network connect "$one" dynia-caddy ;; esac
done
"""

MOST_KEPT_AWAY_S = 5.0
_KEPT_AWAY_LASTS_S = 20

_TOLD = f"""wanted=$(sed -n 's/.*X-Dynia-Config \\([0-9a-f]*\\)$/\\1/p' {CONFIG} | head -n 1)
address=$(sed -n 's/^DYNIA_PRIVATE_IP=//p' {ENV})
told() {{
  curl -s -m 1 -o /dev/null -D - -H 'Host: {OWN_HOST}' "http://$address:8080/" | tr -d '\\r' |
    sed -n 's/^[Xx]-[Dd]ynia-[Cc]onfig: *//p'
}}
"""

# A reload closes a connection whose first request comes in that moment, without an answer (golang/go 75591),
# and who sent what may not be repeated gets a 502. So HAProxy sends nothing new meanwhile; what runs goes on.
# A container that was just made does not answer at once.
_RELOAD = """running=$(told) kept_away=
if [ -n "$running" ] && [ "$running" != "$wanted" ]; then
  now=$(date +%s)
  for one in {services}; do
    until=$(cat "$flags/$one" 2>/dev/null || echo 0)
    if ! [ "$until" -gt "$now" ] 2>/dev/null; then
      mkdir -p "$flags"
      (umask 022; echo "$((now + {lasts}))" >"$flags/.$one")
      mv -fT -- "$flags/.$one" "$flags/$one"
      kept_away="$kept_away $one"
    fi
  done
  [ -z "$kept_away" ] || sleep {wait}
fi
tries=0 failed=
until said=$(docker exec dynia-caddy /usr/bin/caddy reload --address 127.0.0.1:2019 \\
  --config /etc/caddy/Caddyfile --adapter caddyfile 2>&1 </dev/null); do
  tries=$((tries + 1))
  if [ "$tries" -ge 25 ]; then failed=yes; break; fi
  sleep 0.2
done
for one in $kept_away; do rm -f -- "$flags/$one"; done
rmdir "$flags" 2>/dev/null || :
[ -z "$failed" ] || {{ printf '%s\\n' "$said"; exit 1; }}
"""

_PROBE = (
    _TOLD
    + """[ -n "$wanted" ] || { echo 'the Caddyfile has no X-Dynia-Config'; exit 1; }
running=$(told)
[ "$running" = "$wanted" ] || { echo "caddy runs ${running:-nothing}, not $wanted"; exit 1; }
"""
)
