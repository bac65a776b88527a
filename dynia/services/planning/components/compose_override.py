"""What Dynia adds to a user's compose file: images pinned, labels, logs that rotate, the network to Caddy."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from dynia.interfaces.desired import Container, Service, ShippedFile
from dynia.services.planning.components.base import Topology
from dynia.services.planning.components.service_secrets import declared, granted

CONFIG_LABEL = "dev.dynia.config"
# The node's own keyed hash of `.env`, for containers that get it in a way that Compose takes for unchanged.
DOTENV_LABEL, DOTENV_VARIABLE = "dev.dynia.dotenv", "DYNIA_DOTENV"
_EDGE = "dynia-edge"
_LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def project(service: str) -> str:
    """The compose project of a service."""
    return f"dynia-{service}"


def container_hashes(topology: Topology, service: Service) -> dict[str, str]:
    """Compose service -> the hash of its own configuration, image and mounted files, and of nothing else:
    so a changed file recreates this container and leaves its siblings running.

    Nothing secret goes into it, since it stands in state, plans and labels, and a short secret could be
    guessed from it (law 9). What a changed one asks for is Compose's own to see (values of variables, env
    files), or is seen on the node (a mounted file that was replaced, `DOTENV_LABEL`).
    """
    files = {file.path: file for file in service.files}
    found = {}
    for container in sorted(service.containers, key=lambda c: c.name):
        mounted = [
            (path, files[path].mode, _digest(files[path]))
            for path in sorted(container.files)
            if path in files
        ]
        ours = _additions(topology, service, container)
        parts = msgspec.json.encode([container.config, mounted, ours], order="deterministic")
        found[container.name] = hashlib.sha256(parts).hexdigest()[:16]
    return found


def _digest(file: ShippedFile) -> str:
    return "" if file.secret else hashlib.sha256(file.content).hexdigest()


def upstream(service: Service, hashes: dict[str, str]) -> str:
    """The name that only this configuration of the routed container answers to (its alias, and its port)."""
    if service.target is None:
        raise ValueError(f"service {service.name} has no target")
    return f"{_alias(service, hashes)}:{service.target.port}"


def routed_hash(service: Service, hashes: dict[str, str]) -> str:
    """What X-Dynia-Release says when this release answers."""
    return hashes[service.target.container] if service.target else ""


def override(topology: Topology, service: Service, hashes: dict[str, str]) -> bytes:
    """The override as JSON, which every YAML parser reads."""
    containers: dict[str, Any] = {}
    for container in sorted(service.containers, key=lambda c: c.name):
        own = _additions(topology, service, container)
        own["labels"] = {CONFIG_LABEL: hashes[container.name]}
        if container.unseen_dotenv:
            own["labels"][DOTENV_LABEL] = f"${{{DOTENV_VARIABLE}:-}}"
        if service.target and service.target.container == container.name:
            joined: dict[str, Any] = {_EDGE: {"aliases": [_alias(service, hashes)]}}
            # A container that names no network is on `default`; naming one would take it away.
            own["networks"] = joined if container.networks else {"default": {}, **joined}
        containers[container.name] = own
    whole: dict[str, Any] = {"services": containers, **declared(service)}
    if service.target:
        whole["networks"] = {_EDGE: {"name": f"edge-{service.name}", "external": True}}
    return msgspec.json.format(msgspec.json.encode(whole, order="sorted")) + b"\n"


def image_alone(topology: Topology, service: Service, name: str) -> str:
    """An override, as JSON, by which a container is of the release's image, with its secrets, and of nothing
    else of ours."""
    image = next(container.image for container in service.containers if container.name == name)
    found = topology.images.get(image)
    own = {"image": found.run if found else image, "pull_policy": "never", **granted(service, name)}
    return msgspec.json.encode({"services": {name: own}, **declared(service)}).decode()


def _alias(service: Service, hashes: dict[str, str]) -> str:
    return f"{service.name}-{routed_hash(service, hashes)[:8]}"


def _additions(topology: Topology, service: Service, container: Container) -> dict[str, Any]:
    """What this container gets beside its label and its network."""
    image = topology.images.get(container.image)
    own: dict[str, Any] = {"image": image.run if image else container.image, "pull_policy": "never"}
    if not container.sets_logging:
        own["logging"] = _LOGGING
    # What must come back after a reboot says so; whoever wants a container to run once says `restart: "no"`.
    if not container.one_shot and not _sets_restart(container):
        own["restart"] = "unless-stopped"
    own |= granted(service, container.name)
    if container.stand_in:
        own |= {"entrypoint": list(container.stand_in[:1]), "command": list(container.stand_in[1:])}
        if container.has_healthcheck:
            own["healthcheck"] = {"test": ["CMD", container.stand_in[0], "version"], "interval": "1s"}
    return own


def _sets_restart(container: Container) -> bool:
    config = msgspec.json.decode(container.config)
    own = config.get("container", config) if isinstance(config, dict) else {}
    return "restart" in own or "restart_policy" in (own.get("deploy") or {})
