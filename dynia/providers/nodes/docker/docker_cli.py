"""The `docker` command, run with a time limit; no answer and a refusal are two different errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.providers.guard import FREE, Guard

SECONDS = 60.0
NO_DAEMON = ("Cannot connect to the Docker daemon", "error during connect", "connection refused")


class DockerRefused(DyniaError):
    """Docker answered, and said no. `said` is its last line."""

    def __init__(self, argv: tuple[str, ...], said: str) -> None:
        super().__init__(f"docker {' '.join(argv[:2])}: {said}")
        self.said = said


class Deed(Protocol):
    """How a command that changes something is run: `docker` itself, or under a lease."""

    async def __call__(self, *argv: str, stdin: bytes | None = None) -> str: ...


async def docker(
    *argv: str, stdin: bytes | None = None, timeout: float = SECONDS, guard: Guard = FREE
) -> str:
    """Standard output of a docker command that succeeded. With a `guard` it is begun only while this run has
    its lease, and waited for only as long as that is renewed."""
    guard.check()
    code, out, err = await _run(argv, stdin, timeout, guard)
    if code != 0:
        raise _refusal(argv, err)
    return out


async def inspect(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """What `docker KIND inspect` says of the names that exist; the others are simply not in the answer."""
    names = tuple(names)
    if not names:
        return []
    argv = (kind, "inspect", *names)
    code, out, err = await _run(argv, None, SECONDS)
    if code != 0 and "no such" not in err.lower() and "not found" not in err.lower():
        raise _refusal(argv, err)
    return msgspec.json.decode(out or "[]", type=list[dict[str, Any]])


async def listed(kind: str, *filters: str) -> tuple[str, ...]:
    """Ids or names of the things of a kind that match all filters (``label=...``)."""
    wanted = [part for one in filters for part in ("--filter", one)]
    everything = ["--all"] if kind == "container" else []
    out = await docker(kind, "ls", "--quiet", *everything, *wanted)
    return tuple(out.split())


async def _run(
    argv: tuple[str, ...], stdin: bytes | None, timeout: float, guard: Guard = FREE
) -> tuple[int, str, str]:
    given = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            "docker", *argv, stdin=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise NotObservedError("the docker command is not installed", hint="run `dynia lab up`") from error
    talk = asyncio.ensure_future(process.communicate(stdin))
    try:
        async with asyncio.timeout(timeout):
            while not talk.done():
                left = guard.left()
                if left is not None and left <= 0:
                    raise NotObservedError(
                        f"docker {' '.join(argv[:2])}: no answer while this run surely had its lock",
                        hint="nothing is lost: run it again",
                    )
                await asyncio.wait({talk}, timeout=left)
            out, err = await talk
    except TimeoutError as error:
        raise NotObservedError(
            f"docker {' '.join(argv[:2])}: no answer within {timeout:.0f} s", hint="is the daemon well?"
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        talk.cancel()
        await asyncio.wait({talk})
        await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")


def _refusal(argv: tuple[str, ...], err: str) -> DyniaError:
    lines = [line for line in err.strip().splitlines() if line.strip()] or ["failed without a word"]
    if any(word in err for word in NO_DAEMON):
        return NotObservedError("the Docker daemon does not answer", hint="run `dynia lab up`")
    return DockerRefused(argv, lines[-1].removeprefix("Error response from daemon: "))
