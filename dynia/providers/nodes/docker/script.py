"""Running one of the lab's own shell scripts on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from dynia.interfaces.errors import DyniaError

SECONDS = 600.0


async def run_script(script: Path, *arguments: str, out: Path | None = None) -> str:
    """What the script printed, unless it goes to the file `out`. A failure is an error in its words."""
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(out.open("wb")) if out else asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", str(script), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=target,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS):
                printed, said = await process.communicate()
        except TimeoutError as error:
            raise DyniaError(f"{script.name}: not done after {SECONDS:.0f} s") from error
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    if process.returncode != 0:
        raise DyniaError(f"{script.name}: {said.decode(errors='replace').strip()}")
    return (printed or b"").decode(errors="replace")
