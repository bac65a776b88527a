"""Secrets of a service on a node: where they lie, what is in them, how its containers are given them."""

from __future__ import annotations

from typing import Any

from dynia.interfaces.desired import Service, ServiceSecret
from dynia.interfaces.files.dotenv import write_dotenv
from dynia.interfaces.files.shipping import SECRETS_FOLDER
from dynia.services.planning.components.rendered import ROOT


def path_of(service: str, secret: ServiceSecret) -> str:
    """One file for each: who is given one is not made again for another."""
    return f"{ROOT}/services/{service}/{_relative(secret)}"


def paths_of(service: Service) -> tuple[str, ...]:
    return tuple(path_of(service.name, secret) for secret in service.secrets)


def is_service_secret(path: str) -> bool:
    """Whether a path on a node is that of such a file. Its content comes with no generation, and never goes
    back with one."""
    return path.startswith(f"{ROOT}/services/") and f"/{SECRETS_FOLDER}/" in path


def secret_name(path: str) -> str:
    """Whose file that is."""
    return path.rpartition("/")[2].removesuffix(".env")


def content_of(secret: ServiceSecret, value: bytes) -> bytes:
    """What the file on the node says. ValueError, without the value, where a variable cannot hold it."""
    if secret.mount:
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise ValueError("a variable cannot hold it: not UTF-8 (with `mount` it may be anything)") from None
    if "\0" in text:
        raise ValueError("a variable cannot hold it: a zero byte (with `mount` it may be anything)")
    # What programs print ends with a line end that is not meant.
    return write_dotenv({secret.name: text.removesuffix("\n").removesuffix("\r")})


def granted(service: Service, container: str) -> dict[str, Any]:
    """Keys of an override by which a container has its own. No value is in there."""
    own = [secret for secret in service.secrets if container in secret.containers]
    files = [_relative(secret) for secret in own if not secret.mount]
    mounts = [{"source": _named(secret), "target": secret.mount} for secret in own if secret.mount]
    found: dict[str, Any] = {"env_file": files} if files else {}
    return {**found, "secrets": mounts} if mounts else found


def declared(service: Service) -> dict[str, Any]:
    """The top level's part of it."""
    found = {_named(one): {"file": f"./{_relative(one)}"} for one in service.secrets if one.mount}
    return {"secrets": found} if found else {}


def _relative(secret: ServiceSecret) -> str:
    return f"{SECRETS_FOLDER}/{secret.name}" + ("" if secret.mount else ".env")


def _named(secret: ServiceSecret) -> str:
    """The compose file may have a secret of the same name."""
    return f"dynia-{secret.name}"
