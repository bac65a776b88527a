"""The `docker` command, run with a time limit; no answer and a refusal are two different errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec

from dynia.interfaces.errors import DyniaError, NotObservedError

SECONDS = 60.0
NO_DAEMON = ("Cannot connect to the Docker daemon", "error during connect", "connection refused")


class DockerRefused(DyniaError):
    """Docker answered, and said no. `said` is its last line."""

    def __init__(self, argv: tuple[str, ...], said: str) -> None:
        super().__init__(f"docker {' '.join(argv[:2])}: {said}")
        self.said = said


async def docker(*argv: str, stdin: bytes | None = None, timeout: float = SECONDS) -> str:
    """Standard output of a docker command that succeeded."""
    code, out, err = await _run(argv, stdin, timeout)
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


async def _run(argv: tuple[str, ...], stdin: bytes | None, timeout: float) -> tuple[int, str, str]:
    given = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            "docker", *argv, stdin=given, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise NotObservedError("the docker command is not installed", hint="run `dynia lab up`") from error
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(stdin)
    except TimeoutError as error:
        raise NotObservedError(
            f"docker {' '.join(argv[:2])}: no answer within {timeout:.0f} s", hint="is the daemon well?"
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")


def _refusal(argv: tuple[str, ...], err: str) -> DyniaError:
    lines = [line for line in err.strip().splitlines() if line.strip()] or ["failed without a word"]
    if any(word in err for word in NO_DAEMON):
        return NotObservedError("the Docker daemon does not answer", hint="run `dynia lab up`")
    return DockerRefused(argv, lines[-1].removeprefix("Error response from daemon: "))
