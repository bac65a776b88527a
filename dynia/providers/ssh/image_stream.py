"""An image onto a node: pulled there by digest, or streamed from the operator's Docker or another node's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

import asyncssh

from dynia.interfaces.errors import ApplyFailed, NotObservedError, fenced
from dynia.interfaces.node_requests import ImageRequest
from dynia.providers.ssh.exchange import Exchange, Reply, broken, start
from dynia.providers.ssh.framing import line, sections, text, token

_CHUNK = 256 * 1024
_LIMIT = 100_000


async def provide_image(
    connection: asyncssh.SSHClientConnection,
    command: str,
    request: ImageRequest,
    layers: AsyncGenerator[bytes, None],
    *,
    timeout_s: float,
    now: Callable[[], float],
    refuse: Callable[[Reply], None],
) -> str:
    """The config digest that is on the node afterwards. The node says whether it needs the stream."""
    exchange: Exchange | None = None
    try:
        async with asyncio.timeout(timeout_s):
            exchange = await start(connection, command, limit=_LIMIT, now=now)
            if not request.pull and await exchange.until(b"\x01need\0"):
                await _stream(exchange, layers)
            exchange.end_input()
            reply = await exchange.reply()
    except TimeoutError as error:
        raise NotObservedError(f"image {request.reference}: no answer within {timeout_s:g} s") from error
    finally:
        if exchange is not None and not exchange.ended:
            exchange.close()
    refuse(reply)
    found = sections(reply.stdout)
    if "fenced" in found:
        raise fenced("", line(token(found, "fenced", 0), 100))
    if "failed" in found:
        said = text(token(found, "failed", 0), 2000).strip()
        raise ApplyFailed(f"image {request.reference}: {said or 'no reason given'}")
    here = line(token(found, "have", 0), 100)
    if not here:
        raise NotObservedError(f"image {request.reference}: the node's answer broke off")
    return here


async def _stream(exchange: Exchange, layers: AsyncGenerator[bytes, None]) -> None:
    """What `docker save` said goes to `docker load` there; never more in memory than the channel takes."""
    async with aclosing(layers):
        async for chunk in layers:
            if exchange.ended:
                break
            await exchange.send(chunk)


async def saved_here(image_id: str) -> AsyncGenerator[bytes, None]:
    """The image as the operator's Docker has it."""
    try:
        saving = await asyncio.create_subprocess_exec(
            "docker", "save", image_id,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise ApplyFailed(f"`docker save` can't be run here: {error.strerror}") from error
    assert saving.stdout is not None and saving.stderr is not None
    said = asyncio.create_task(saving.stderr.read(_LIMIT))
    try:
        while chunk := await saving.stdout.read(_CHUNK):
            yield chunk
        if await saving.wait() != 0:
            raise ApplyFailed(f"`docker save {image_id}` failed: {line(await said)}")
    finally:
        if saving.returncode is None:
            with suppress(ProcessLookupError):
                saving.kill()
            await saving.wait()
        said.cancel()


async def saved_there(
    connection: asyncssh.SSHClientConnection, command: str, node: str
) -> AsyncGenerator[bytes, None]:
    """The image as a node has it; `command` saves it there. It is read no faster than it is taken."""
    try:
        saving = await connection.create_process(command, stdin=asyncssh.DEVNULL, encoding=None)
    except (asyncssh.Error, OSError) as error:
        raise NotObservedError(f"{node}: {broken(error)}") from error
    try:
        while chunk := await saving.stdout.read(_CHUNK):
            yield chunk
        await saving.wait_closed()
        if saving.exit_status != 0:
            said = line((await saving.stderr.read(_LIMIT))[-2000:])
            raise ApplyFailed(f"`docker save` on {node} failed: {said or 'it did not end'}")
    except (asyncssh.Error, OSError) as error:
        raise NotObservedError(f"{node}: {broken(error)}") from error
    finally:
        saving.close()
