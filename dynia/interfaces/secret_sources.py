"""Where the secrets of services come from: asked on the machine that runs Dynia, each within bounds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dynia.interfaces.desired import (
    AgeSource,
    ClusterSpec,
    CommandSource,
    FileSource,
    SecretSource,
    ServiceSecret,
    VariableSource,
)
from dynia.interfaces.errors import DyniaError
from dynia.interfaces.shape import Shape
from dynia.services.planning.components.service_secrets import content_of, path_of

MOST_BYTES = 1024 * 1024
COMMAND_S = 30.0
LOOK_S = 0.2
IDENTITY = "DYNIA_AGE_IDENTITY"
_SAID_BYTES = 16_000
_TOO_MUCH = "it prints more than 1 MiB"


class NoSecret(Exception):
    """It is not to be had; the reason is for people and says nothing of a value."""


class LookedFor(Shape):
    """A secret that was looked for at its `source`. `where` is its place in the file, `reason` why it is not
    there; empty: it is."""

    cluster: str
    service: str
    name: str
    source: str
    where: str
    reason: str = ""


def secrets_here(spec: ClusterSpec, environ: Mapping[str, str]) -> dict[str, bytes]:
    """Path on the nodes -> content, of what can be had without asking anybody: no command runs. A plan goes
    without the rest."""
    found = {}
    for service in spec.services:
        for secret in service.secrets:
            if not isinstance(secret.source, CommandSource | None):
                with contextlib.suppress(NoSecret):
                    found[path_of(service.name, secret)] = _content(secret, environ)
    return found


def all_secrets(spec: ClusterSpec, environ: Mapping[str, str]) -> dict[str, bytes]:
    """The same for all of them, by every source. Raises DyniaError with each that is missing."""
    asked = _asked(spec, environ)
    missing = [one for one, _, _ in asked if one.reason]
    if missing:
        noun = "a secret is" if len(missing) == 1 else f"{len(missing)} secrets are"
        lines = (f"  {line}" for one in missing for line in _told(one))
        raise DyniaError(
            "\n".join((f"cluster {spec.name}: {noun} missing; nothing was touched", *lines)),
            hint="`dynia secrets check` says which are there",
        )
    return {path: content for _, path, content in asked}


def looked_for(spec: ClusterSpec, environ: Mapping[str, str]) -> tuple[LookedFor, ...]:
    """Each secret, and whether it is there; no value."""
    return tuple(one for one, _, _ in _asked(spec, environ))


def _asked(spec: ClusterSpec, environ: Mapping[str, str]) -> list[tuple[LookedFor, str, bytes]]:
    found = []
    for service in spec.services:
        for secret in service.secrets:
            content, reason = b"", ""
            try:
                content = _content(secret, environ)
            except NoSecret as error:
                reason = str(error)
            one = LookedFor(
                cluster=spec.name,
                service=service.name,
                name=secret.name,
                source=said(secret.source),
                where=secret.where,
                reason=reason,
            )
            found.append((one, path_of(service.name, secret), content))
    return found


def said(source: SecretSource | None) -> str:
    """A source in a few words. The words of a command after the first may be long: they stand in the file."""
    match source:
        case VariableSource(env=name):
            return f"env {name}"
        case FileSource(file=path):
            return f"file {path}"
        case CommandSource(command=("sh", "-c", _)):
            return "command"
        case CommandSource(command=argv):
            return f"command {argv[0]}"
        case AgeSource(age=path):
            return f"age {path}"
        case None:
            return "the nodes"


def _told(one: LookedFor) -> tuple[str, ...]:
    first, *more = one.reason.splitlines() or [""]
    head = f"{one.where} · service {one.service} · {one.name} ({one.source}): {first}"
    return (head, *(f"    {line}" for line in more))


def _content(secret: ServiceSecret, environ: Mapping[str, str]) -> bytes:
    value = _value(secret.source, environ)
    if not value:
        raise NoSecret("it is empty")
    try:
        return content_of(secret, value)
    except ValueError as error:
        raise NoSecret(str(error)) from None


def _value(source: SecretSource | None, environ: Mapping[str, str]) -> bytes:
    match source:
        case VariableSource(env=name):
            if name not in environ:
                raise NoSecret("the variable is not set")
            return os.fsencode(environ[name])
        case FileSource(file=path):
            return _read(path)
        case CommandSource():
            return _printed(source)
        case AgeSource(age=path):
            return _decrypted(_read(path), environ)
        case None:
            raise NoSecret("only nodes have it")


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NoSecret(f"it cannot be read: {reason.lower()}") from None
    if len(content) > MOST_BYTES:
        raise NoSecret("it is larger than 1 MiB")
    return content


def _printed(source: CommandSource) -> bytes:
    """In a session of its own, all of which is killed where it does not end in time. What it prints goes to
    memory, and by way of no pipe: whoever stays behind and holds its output holds nobody up."""
    with _memory() as out, _memory() as beside:
        try:
            process = subprocess.Popen(
                source.command,
                cwd=source.folder or None,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=beside,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NoSecret(f"it does not start: {reason.lower()}") from None
        try:
            code = _waited(process, (out, beside))
        except subprocess.TimeoutExpired:
            raise NoSecret(_with_output(f"no end within {COMMAND_S:g} s", out, beside)) from None
        finally:
            _kill(process)
        if code:
            how = f"ended by signal {-code}" if code < 0 else f"exit {code}"
            raise NoSecret(_with_output(how, out, beside))
        out.seek(0)
        content = out.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise NoSecret(_TOO_MUCH)
    return content


def _memory() -> BinaryIO:
    """A file that lies on no disk, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("dynia"), "w+b")
    return tempfile.TemporaryFile()


def _waited(process: subprocess.Popen[bytes], told: tuple[BinaryIO, ...]) -> int:
    until = time.monotonic() + COMMAND_S
    while True:
        try:
            return process.wait(min(LOOK_S, max(0.0, until - time.monotonic())))
        except subprocess.TimeoutExpired:
            if any(os.fstat(file.fileno()).st_size > MOST_BYTES for file in told):
                raise NoSecret(_TOO_MUCH) from None
            if time.monotonic() >= until:
                raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    """What it left behind, too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _with_output(how: str, out: BinaryIO, beside: BinaryIO) -> str:
    """With the last of what it said on standard error; what it had printed by then is taken out of it."""
    out.seek(0)
    printed = out.read(MOST_BYTES).decode("utf-8", "replace")
    size = beside.seek(0, os.SEEK_END)
    beside.seek(max(0, size - _SAID_BYTES))
    text = beside.read().decode("utf-8", "replace")
    for line in sorted({line.strip() for line in printed.splitlines()}, key=len, reverse=True):
        if line:
            text = text.replace(line, "[redacted]")
    return "\n".join((how, *[line for line in text.splitlines() if line.strip()][-10:]))


def _decrypted(content: bytes, environ: Mapping[str, str]) -> bytes:
    import pyrage

    try:
        plain: bytes = pyrage.decrypt(content, _identities(environ))
    except pyrage.DecryptError as error:
        raise NoSecret(f"it cannot be decrypted with {IDENTITY}: {str(error).lower()}") from None
    if len(plain) > MOST_BYTES:
        raise NoSecret("it is larger than 1 MiB")
    return plain


def _identities(environ: Mapping[str, str]) -> list[object]:
    """Keys, or the path of a file of keys, with comments, as `age-keygen` writes it."""
    import pyrage

    told = environ.get(IDENTITY, "")
    if not told.strip():
        raise NoSecret(f"{IDENTITY} is not set (an identity, or the path of its file)")
    text = told
    if "AGE-SECRET-KEY-" not in told:
        try:
            text = _read(told).decode("utf-8", "replace")
        except NoSecret as error:
            raise NoSecret(f"the file that {IDENTITY} names: {error}") from None
    found: list[object] = []
    for line in text.splitlines():
        if line.strip() and not line.strip().startswith("#"):
            try:
                found.append(pyrage.x25519.Identity.from_str(line.strip()))
            except pyrage.IdentityError:
                raise NoSecret(f"{IDENTITY} holds something that is no identity of age") from None
    if not found:
        raise NoSecret(f"{IDENTITY} holds no identity")
    return found
