"""What a command wishes of clusters.yaml, as edits of its tree. Pure; writing and planning come after."""

from __future__ import annotations

import re
from collections.abc import Set

from dynia.interfaces.desired import ClusterSpec, DigitalOceanProvider, NoEntry, Service
from dynia.interfaces.errors import Refused
from dynia.interfaces.files.interpolation import variable_names
from dynia.interfaces.files.mistakes import did_you_mean
from dynia.interfaces.files.yaml_edit import Drop, Edit, Put
from dynia.interfaces.requests import CreateRequest, DeployRequest, InitRequest

# The zone is left open: it is the longest that the token sees and the domains lie in. A certificate of
# Cloudflare's Origin CA is trusted by its proxy alone.
NAMES: dict[str, object] = {
    "dns": {"kind": "cloudflare", "proxied": True},
    "tls": {"kind": "cloudflare-origin"},
}


def scale(spec: ClusterSpec, nodes: int) -> tuple[Edit, ...]:
    """So many nodes, where the provider makes them."""
    if spec.hosts:
        raise Refused(
            f"cluster {spec.name} has hosts that exist, which Dynia neither makes nor deletes",
            hint=f"add or remove hosts under clusters.{spec.name}.nodes, then run `dynia apply`",
        )
    return (Put(path=("clusters", spec.name, "nodes", "count"), value=nodes),)


def deploy(spec: ClusterSpec, request: DeployRequest, compose: str) -> tuple[Edit, ...]:
    """The service as wished; of one that is there, only what was said. `compose` is relative to the file."""
    path = ("clusters", spec.name, "services", request.service)
    wished = service(compose, request.domains, request.target, request.health)
    have = service_of(spec, request.service)
    if have is None:
        missing = [flag for flag, said in (("--compose", compose), ("--domain", request.domains)) if not said]
        if missing:
            raise Refused(
                f"cluster {spec.name} has no service {request.service}, and a new one needs "
                f"{' and '.join(missing)}",
                hint=_near(spec, request.service)
                or "a worker, or a service without a domain, is written into clusters.yaml by hand",
            )
        return (Put(path=path, value=wished),)
    # one edit for each leaf: the rest of the entry keeps its bytes
    health = wished.pop("health", None)
    edits: list[Edit] = [Put(path=(*path, key), value=value) for key, value in wished.items()]
    return (*edits, Put(path=(*path, "health", "path"), value=request.health)) if health else tuple(edits)


def service(compose: str, domains: tuple[str, ...], target: str, health: str) -> dict[str, object]:
    """A service as the file has it, without what is empty."""
    entry: dict[str, object] = {
        "compose": compose,
        "domains": list(domains),
        "target": target,
        "health": {"path": health} if health else None,
    }
    return {key: value for key, value in entry.items() if value}


def service_of(spec: ClusterSpec, name: str) -> Service | None:
    return next((each for each in spec.services if each.name == name), None)


def undeploy(spec: ClusterSpec, name: str, applied: tuple[str, ...]) -> tuple[Edit, ...]:
    """The service goes. One that is only `applied` still was taken out before: apply does the rest."""
    if service_of(spec, name) is not None:
        return (Drop(path=("clusters", spec.name, "services", name)),)
    if name in applied:
        return ()
    raise Refused(f"cluster {spec.name} has no service {name}", hint=_near(spec, name))


def routed_container(found: Service) -> str:
    """The container that `--image` means."""
    if found.target is not None:
        return found.target.container
    if len(found.containers) == 1:
        return found.containers[0].name
    names = ", ".join(each.name for each in found.containers)
    raise Refused(
        f"service {found.name} has no routed container, and several that an image could be for: {names}",
        hint=f"change the image in {found.source}, then run `dynia apply`",
    )


def image(cluster: str, found: Service, container: str, written: str, wished: str) -> tuple[bool, Edit]:
    """Where an image is changed: (in the compose file, the edit), else in clusters.yaml.

    `written` is the image as the compose file has it. A plain one is changed there. One that asks for a
    variable is left as it is, and the service's `env:` in clusters.yaml says the variable.
    """
    names = sorted(variable_names(written))
    if not names:
        return True, Put(path=("services", container, "image"), value=wished)
    pattern = re.escape(written)
    for name in names:
        said = rf"\\\$(?:{name}(?![A-Za-z0-9_])|\\\{{{name}(?:(?!\\\}}).)*\\\}})"
        pattern = re.sub(said, "(.+)", pattern)
    match = re.fullmatch(pattern, wished) if len(names) == 1 else None
    if match is None or len(set(match.groups())) != 1:
        raise Refused(
            f"{found.source}: the image of {container} is {written}, and {wished} is not that with another "
            f"{' and '.join(names)}",
            hint=f"change the image in {found.source}, or say {' and '.join(names)} in the service's env:",
        )
    return False, Put(path=("clusters", cluster, "services", found.name, "env", names[0]), value=match[1])


def check_image(spec: ClusterSpec, name: str, container: str, wished: str) -> None:
    """Refused where something else still says the image, so that a deploy cannot seem to have been one."""
    found = service_of(spec, name)
    got = next((each.image for each in found.containers if each.name == container), "") if found else ""
    if got != wished:
        raise Refused(
            f"the image of {container} would be {got or 'nothing'} and not {wished}; nothing was changed"
        )


def create(request: CreateRequest) -> dict[str, object]:
    """The new cluster's entry."""
    entry = _cluster(request.provider, request.nodes, request.size, request.region, request.image)
    return {**entry, **NAMES} if request.names else entry


def names(spec: ClusterSpec, said: Set[str]) -> tuple[Edit, ...]:
    """What droplets behind a reserved IP lack for their domains to be bound and encrypted. `said` are the
    keys that the cluster's entry in the file has: what somebody decided stays."""
    droplets = isinstance(spec.provider, DigitalOceanProvider)
    if not droplets or isinstance(spec.entry, NoEntry) or "dns" in said:
        return ()
    missing = {key: value for key, value in NAMES.items() if key not in said}
    return tuple(Put(path=("clusters", spec.name, key), value=value) for key, value in missing.items())


def init(request: InitRequest) -> dict[str, object]:
    """The first cluster's entry, without services."""
    if not request.hosts:
        return _cluster(request.provider, request.nodes, request.size, request.region, "")
    hosts = [{"name": name, "host": host, "private_ip": private} for name, host, private in request.hosts]
    return {"provider": {"kind": "ssh", "known_hosts": "~/.ssh/known_hosts"}, "nodes": hosts}


def _cluster(kind: str, nodes: int, size: str, region: str, image: str) -> dict[str, object]:
    provider = {"kind": kind, "region": region, "image": image}
    count = {"count": nodes, "size": size}
    return {
        "provider": {key: value for key, value in provider.items() if value},
        "nodes": {key: value for key, value in count.items() if value},
    }


def _near(spec: ClusterSpec, name: str) -> str:
    return did_you_mean(name, (each.name for each in spec.services)) if spec.services else ""
