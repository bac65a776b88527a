"""Whether a node's sshd answers yet: it says its version before anything is asked of it."""

from __future__ import annotations

import asyncio

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.observed import ProviderNode

BOOT_SECONDS = 60.0
PAUSE_SECONDS = 0.05


async def ssh_answers(node: ProviderNode, port: int = 22) -> None:
    """Return when the node's sshd greets."""
    try:
        async with asyncio.timeout(BOOT_SECONDS):
            while True:
                if await _greets(node.public_ip, port):
                    return
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError as error:
        where = f"{node.public_ip}:{port}"
        raise NotObservedError(
            f"{node.name} runs, but no sshd answers on {where} in {BOOT_SECONDS:.0f} s"
        ) from error


async def _greets(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                return (await reader.readline()).startswith(b"SSH-")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
