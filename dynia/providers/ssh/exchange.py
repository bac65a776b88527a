"""One exec over an open connection: bytes in, bounded bytes out, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import asyncssh

from dynia.interfaces.errors import NotObservedError

_STDERR_LIMIT = 64_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `cut`: stdout was longer than allowed, the rest was not read. `exit_code` is None when
    the command was killed. `sent_at` and `heard_at` are the runner's clock around the first byte."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    cut: bool
    sent_at: float
    heard_at: float


class Exchange(asyncssh.SSHClientSession[bytes]):
    """Collects what the other side sends, up to `limit`; writes wait while it does not read."""

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self._limit = limit
        self._now = now
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = asyncio.Event()
        self._ended = asyncio.Event()
        self._lost: Exception | None = None
        self._cut = False
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._sent_at = now()
        self._heard_at = 0.0

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        self._sent_at = self._now()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self._stderr += data[: _STDERR_LIMIT - len(self._stderr)]
            return
        self._heard_at = self._heard_at or self._now()
        self._stdout += data[: self._limit - len(self._stdout)]
        if len(self._stdout) >= self._limit and not self._cut:
            self._cut = True
            self._open_channel().abort()
        self._heard.set()

    def eof_received(self) -> bool:
        # Our half stays open until the command has ended and the channel is closed.
        return True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc
        self._writable.set()
        self._heard.set()
        self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    async def send(self, data: bytes) -> None:
        """Hand over bytes and wait until the other side has taken most of them; nothing once it has ended."""
        if not self.ended:
            self._open_channel().write(data)
            await self._writable.wait()

    def end_input(self) -> None:
        if not self.ended:
            self._open_channel().write_eof()

    def close(self) -> None:
        self._open_channel().close()

    async def until(self, mark: bytes) -> bool:
        """Wait until stdout holds `mark`; False if the command ended without it."""
        while mark not in self._stdout:
            if self.ended:
                return False
            self._heard.clear()
            await self._heard.wait()
        return True

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Lines of stdout as they come; the limit is one of what waits to be read."""
        while True:
            head, mark, rest = bytes(self._stdout).partition(b"\n")
            if mark:
                self._stdout = bytearray(rest)
                yield head
            elif self.ended:
                if head:
                    yield head
                return
            else:
                self._heard.clear()
                await self._heard.wait()

    async def reply(self) -> Reply:
        """Wait for the end. Raises NotObservedError if the connection broke before it."""
        await self._ended.wait()
        if self._lost is not None and not self._cut:
            raise NotObservedError(broken(self._lost)) from self._lost
        channel = self._open_channel()
        return Reply(
            stdout=bytes(self._stdout),
            stderr=bytes(self._stderr),
            exit_code=channel.get_exit_status(),
            cut=self._cut,
            sent_at=self._sent_at,
            heard_at=self._heard_at or self._now(),
        )

    def _open_channel(self) -> asyncssh.SSHClientChannel[bytes]:
        if self._channel is None:
            raise NotObservedError("the connection broke before the command began")
        return self._channel


def broken(error: BaseException) -> str:
    """The end of a connection, for people."""
    words = str(error).strip().rstrip(".")
    return f"the connection broke: {words[0].lower()}{words[1:]}" if words else "the connection broke"


async def start(
    connection: asyncssh.SSHClientConnection, command: str, *, limit: int, now: Callable[[], float]
) -> Exchange:
    """Begin a command. Raises NotObservedError if the connection is broken."""
    try:
        _, exchange = await connection.create_session(lambda: Exchange(limit, now), command, encoding=None)
    except asyncssh.ChannelOpenError as error:
        raise NotObservedError(f"the node opens no session: {error.reason}") from error
    except (asyncssh.Error, OSError) as error:
        raise NotObservedError(broken(error)) from error
    assert isinstance(exchange, Exchange)
    return exchange


async def ask(
    connection: asyncssh.SSHClientConnection,
    command: str,
    *,
    stdin: bytes,
    limit: int,
    timeout_s: float,
    now: Callable[[], float],
) -> Reply:
    """Run a command with `stdin` to its end. Raises NotObservedError when it can't be known how it ended."""
    exchange: Exchange | None = None
    try:
        async with asyncio.timeout(timeout_s):
            exchange = await start(connection, command, limit=limit, now=now)
            if stdin:
                await exchange.send(stdin)
            exchange.end_input()
            return await exchange.reply()
    except TimeoutError as error:
        raise NotObservedError(f"no answer within {timeout_s:g} s (frozen?)") from error
    finally:
        if exchange is not None and not exchange.ended:
            exchange.close()
