"""A user's service: the compose file untouched, an override of ours, and the files that it mounts."""

from __future__ import annotations

import math
from posixpath import normpath
from shlex import quote

from dynia.interfaces.desired import Service
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.observed import NodeFacts, ResolvedImage
from dynia.interfaces.release import Release, ReleaseFile
from dynia.services.actions.base import Recipe
from dynia.services.actions.wait_healthy import WaitHealthy
from dynia.services.planning.components.base import Fault, Topology, TopologyNode
from dynia.services.planning.components.basic import Basic
from dynia.services.planning.components.compose_override import (
    DOTENV_VARIABLE,
    container_hashes,
    image_alone,
    override,
    project,
    routed_hash,
)
from dynia.services.planning.components.containers import container_faults, network_faults
from dynia.services.planning.components.haproxy import check_host
from dynia.services.planning.components.rendered import ROOT
from dynia.services.planning.components.scripts import (
    DOCKER_ANSWERS,
    caddy_joins,
    compose,
    compose_down,
    compose_swept,
    edge_gone,
    edge_network,
    keyed_hash,
    mounts_renewed,
    staged,
    without,
)
from dynia.services.planning.components.service_secrets import paths_of

COMPOSE, OVERRIDE, DOTENV = "docker-compose.yml", "override.yaml", ".env"
_FILES = (COMPOSE, OVERRIDE)


def folder(service: str) -> str:
    """Where a service's files are on a node."""
    return f"{ROOT}/services/{service}"


def data_of(service: Service) -> tuple[str, ...]:
    """Folders on a node that its containers write into."""
    home = folder(service.name)
    return tuple(sorted({normpath(f"{home}/{path}") for one in service.containers for path in one.data}))


def files_of(service: Service) -> tuple[str, ...]:
    """Paths on a node of all files of its release."""
    home = folder(service.name)
    names = {COMPOSE, OVERRIDE, DOTENV, *(file.path for file in service.files)}
    return tuple(sorted({*(f"{home}/{name}" for name in names), *paths_of(service)}))


def secret_files_of(service: Service) -> dict[str, bytes]:
    """Path on a node -> content of what is never shown and is here: `.env`, and what the compose file calls
    secrets. Its `secrets:` have sources of their own."""
    home = folder(service.name)
    found = {f"{home}/{file.path}": file.content for file in service.files if file.secret}
    return {**found, f"{home}/{DOTENV}": service.dotenv}


class ServiceComponent(Basic, kw_only=True):
    """One service of the file. Made by `service_component`."""

    service: Service

    def recipe(self, topology: Topology, node: TopologyNode) -> Recipe:
        service = self.service
        hashes = container_hashes(topology, service)
        home = folder(service.name)
        release = Release(
            component=self.name,
            files=_files(topology, service, hashes),
            containers=hashes,
            images=tuple(sorted({i.run for i in self.images(topology)})),
            data=data_of(service),
        )
        return Recipe(
            release=release,
            check=_check(service, home),
            activate=_activate(service, home),
            restart=_activate(service, home, anew=True),
            pre_deploy=_pre_deploy(topology, service, home),
            deactivate=deactivate_service(service.name, volumes=service.volumes == "per-node"),
        )

    def faults(
        self, topology: Topology, node: TopologyNode, recipe: Recipe, seen: NodeFacts
    ) -> tuple[Fault, ...]:
        name, target = project(self.service.name), self.service.target
        once = frozenset(c.name for c in self.service.containers if c.one_shot)
        found = container_faults(seen, name, recipe.release.containers, once)
        if target is not None:
            found += network_faults(seen, name, target.container, (f"edge-{self.service.name}",))
        return found

    def gate(self, topology: Topology, node: TopologyNode, recipe: Recipe) -> WaitHealthy | None:
        service = self.service
        routed = service.target is not None
        return WaitHealthy(
            node=node.name,
            service=service.name,
            component=self.name,
            release=recipe.release.id,
            project=project(service.name),
            containers=recipe.release.containers,
            path=service.health.path if routed else "",
            host=check_host(service) if routed else "",
            header=routed_hash(service, recipe.release.containers),
            timeout_s=topology.spec.rollout.health_timeout,
        )

    def images(self, topology: Topology) -> tuple[ResolvedImage, ...]:
        names = sorted({c.image for c in self.service.containers})
        return tuple(topology.images[name] for name in names if name in topology.images)

    def disturbs(self, paths: tuple[str, ...], services: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in services if name == self.service.name)


def service_component(service: Service) -> ServiceComponent:
    return ServiceComponent(name=f"service/{service.name}", roots=(folder(service.name),), service=service)


def deactivate_service(service: str, *, volumes: bool) -> str:
    """Stops a service and takes everything that Docker has of it away."""
    return compose_down(project(service), volumes=volumes) + edge_gone(service)


def _files(topology: Topology, service: Service, hashes: dict[str, str]) -> tuple[ReleaseFile, ...]:
    home = folder(service.name)
    ours = {
        COMPOSE: ReleaseFile(path=f"{home}/{COMPOSE}", mode=0o644, content=service.compose),
        OVERRIDE: ReleaseFile(
            path=f"{home}/{OVERRIDE}", mode=0o644, content=override(topology, service, hashes)
        ),
        DOTENV: ReleaseFile(path=f"{home}/{DOTENV}", mode=0o600, content=service.dotenv, secret=True),
    }
    given = [
        ReleaseFile(path=path, mode=one.mode, content=topology.secrets.get(path, b""), secret=True)
        for path, one in zip(paths_of(service), service.secrets, strict=True)
    ]
    shipped = []
    for file in service.files:
        if file.path in (COMPOSE, DOTENV):
            continue  # the compose file itself, or the .env that is already in `dotenv`
        if file.path == OVERRIDE:
            raise DyniaError(
                f"{file.source}: the name {OVERRIDE} is Dynia's in the folder of service {service.name}",
                hint="give the file another name",
            )
        shipped.append(
            ReleaseFile(path=f"{home}/{file.path}", mode=file.mode, content=file.content, secret=file.secret)
        )
    return tuple(sorted((*ours.values(), *given, *shipped), key=lambda f: f.path))


def _check(service: Service, home: str) -> str:
    command = compose(
        project(service.name), '"$folder"', _FILES, f'"$folder"/{DOTENV}', "config -q </dev/null"
    )
    return DOCKER_ANSWERS + staged(home, "folder") + command + "\n"


def _pre_deploy(topology: Topology, service: Service, home: str) -> str:
    """In a project of its own, which is gone afterwards: no network, no volume and no name of what runs is
    taken or made again. Without our override it neither joins Caddy's network nor counts as a container of
    the release. Folders of the stage are for root alone, and the image's user may be another one."""
    once = service.pre_deploy
    if once is None:
        return ""
    name, pinned = f"{project(service.name)}_pre-deploy", "pre-deploy.yaml"
    argv = " ".join(quote(word) for word in once.command)
    run = f"run --rm --no-deps -T {quote(once.container)} {argv} </dev/null"
    command = compose(name, '"$folder"', (COMPOSE, pinned), f'"$folder"/{DOTENV}', run)
    image = image_alone(topology, service, once.container)
    return (
        DOCKER_ANSWERS
        + staged(home, "folder")
        + 'find "$folder" -type d -exec chmod 755 {} +\n'
        + f'printf %s {quote(image)} >"$folder"/{pinned}\n'
        + compose_swept(name)
        + f"code=0\ntimeout -k 10 {math.ceil(once.timeout)} {command} || code=$?\n"
        + compose_swept(name)
        + "case $code in\n"
        + f"  124) echo 'not done within {once.timeout:g} s (pre_deploy_timeout)' ;;\n"
        + f"  137) echo 'killed: out of memory, or not done within {once.timeout:g} s' ;;\n"
        + "esac\n"
        + "exit $code\n"
    )


def _activate(service: Service, home: str, *, anew: bool = False) -> str:
    """`anew`: every container is made again, in the order that their file says, be it as wanted or not."""
    name = project(service.name)
    up = "up -d --no-build --pull never" + (" --force-recreate" if anew else "")
    unseen = any(container.unseen_dotenv for container in service.containers)
    told = DOTENV_VARIABLE if unseen else ""
    command = compose(name, quote(home), _FILES, quote(f"{home}/{DOTENV}"), up, told=told)
    awake = f"{command} --remove-orphans </dev/null\n"
    awake += mounts_renewed(name, service.name, f"{command} --no-deps --force-recreate")
    if unseen:
        awake = keyed_hash(DOTENV_VARIABLE, f"{home}/{DOTENV}") + awake
    gone = without(f"{home}/{COMPOSE}", compose_down(name))
    if service.target is None:
        return gone + awake
    return gone + edge_network(service.name) + awake + caddy_joins(service.name)
