"""Rules about the secrets of one service, and the secrets themselves with their places in the file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

import msgspec
from msgspec import UnsetType

from dynia.interfaces import desired
from dynia.interfaces.errors import Mistake
from dynia.interfaces.files import convert, raw
from dynia.interfaces.files.ground import Ground
from dynia.interfaces.files.look import Absent, Folder, Link, Look
from dynia.interfaces.files.mistakes import did_you_mean
from dynia.interfaces.files.variables import reserved_variable
from dynia.interfaces.files.yaml_tree import Path, spot_of

SOURCES = ("env", "file", "command", "age")
MOST_SECRETS = 200


def secrets(
    ground: Ground,
    path: Path,
    service: raw.Service,
    containers: tuple[desired.Container, ...],
    look: Look,
    resolve: Callable[[str], str],
) -> Iterator[Mistake]:
    """`path` is that of the list, `containers` are those of the compose file."""
    if len(service.secrets) > MOST_SECRETS:
        yield ground.at(path, "too-many-secrets", f"more than {MOST_SECRETS} secrets")
        return
    taken: dict[tuple[str, str], str] = {}
    known = {one.name: one for one in containers}
    names: set[str] = set()
    for index, secret in enumerate(service.secrets):
        here = (*path, index)
        if secret.name in names:
            yield ground.at((*here, "name"), "duplicate-secret", f"{secret.name} is there twice")
        names.add(secret.name)
        yield from _source(ground, here, secret, look, resolve)
        yield from _place(ground, here, secret)
        for number, name in enumerate(secret.containers):
            at = (*here, "containers", number)
            if name not in known:
                hint = did_you_mean(name, sorted(known))
                yield ground.at(at, "unknown-container", f"there is no container {name}", hint)
            elif name in secret.containers[:number]:
                yield ground.at(at, "duplicate-container", f"{name} is there twice")
        for name in sorted(set(secret.containers or known).intersection(known)):
            mount = "" if isinstance(secret.mount, UnsetType) else posixpath.normpath(secret.mount)
            if mount and (other := taken.setdefault((name, mount), secret.name)) != secret.name:
                yield ground.at((*here, "mount"), "mount-taken", f"{other} is mounted at {mount} already")
            elif not mount and secret.name in _environment(known[name]):
                message = f"{secret.name} is in environment: of container {name} too, which would win"
                yield ground.at((*here, "name"), "secret-overridden", message, "take it out there")


def placed(
    ground: Ground,
    path: Path,
    service: raw.Service,
    containers: tuple[desired.Container, ...],
    resolve: Callable[[str], str],
) -> tuple[desired.ServiceSecret, ...]:
    """As they are wanted, by name."""
    running, found = tuple(one.name for one in containers), []
    for index, secret in enumerate(service.secrets):
        spot = spot_of(ground.tree, (*path, index))
        where = f"{spot.file}:{spot.line}:{spot.column}"
        found.append(convert.secret(secret, running, where, resolve))
    return tuple(sorted(found, key=lambda one: one.name))


def _source(
    ground: Ground, path: Path, secret: raw.Secret, look: Look, resolve: Callable[[str], str]
) -> Iterator[Mistake]:
    said = [key for key in SOURCES if not isinstance(getattr(secret, key), UnsetType)]
    if not said and ground.sound(*path):
        message, hint = f"{secret.name} has no source", "say one of env, file, command and age"
        yield ground.at(path, "no-source", message, hint)
    if len(said) > 1:
        message = f"{' and '.join(said)}: a secret has one source"
        yield ground.at((*path, said[1]), "two-sources", message, "leave the others out", key=True)
    for key in ("file", "age"):
        value = getattr(secret, key)
        if isinstance(value, str) and "\0" in value:
            yield ground.at((*path, key), "bad-character", "a path cannot hold a zero byte")
        elif isinstance(value, str) and key == "age":
            # It is part of the repository, as the file itself is.
            seen = look(resolve(value), follow=True)
            if isinstance(seen, Absent | Folder | Link):
                reason = seen.reason if isinstance(seen, Absent) else "not a file"
                rule = "missing-file" if reason == "no such file" else "unreadable-file"
                yield ground.at((*path, key), rule, f"{value}: {reason}")
    command = secret.command
    if not isinstance(command, UnsetType):
        if not command:
            yield ground.at((*path, "command"), "empty-command", "a command has at least one word")
        elif any("\0" in word for word in (command if isinstance(command, list) else [command])):
            yield ground.at((*path, "command"), "bad-character", "a command cannot hold a zero byte")


def _place(ground: Ground, path: Path, secret: raw.Secret) -> Iterator[Mistake]:
    if isinstance(secret.mount, UnsetType):
        if secret.mode != "0600":
            message, hint = "mode is that of a mounted file", "leave it out, or add mount:"
            yield ground.at((*path, "mode"), "mode-without-mount", message, hint, key=True)
        if reserved_variable(secret.name):
            message = f"{secret.name} would change how Compose itself works"
            yield ground.at((*path, "name"), "reserved-variable", message, "give it another name")
    elif {".", ".."}.intersection(secret.mount.split("/")):
        yield ground.at((*path, "mount"), "bad-mount-path", "a path without . and ..")


def _environment(container: desired.Container) -> set[str]:
    config = msgspec.json.decode(container.config)
    own = config.get("container", {}) if isinstance(config, dict) else {}
    said = own.get("environment")
    return {str(each).partition("=")[0] for each in said} if isinstance(said, dict | list) else set()
