"""The end of an apply: every node that answered keeps what the state says now."""

from __future__ import annotations

import asyncio

from dynia.interfaces.errors import DyniaError
from dynia.services.actions import WriteManifest
from dynia.services.actions.write_manifest import write_manifest
from dynia.services.planning.plan import Step
from dynia.services.session import Session
from dynia.services.tools import PassTools
from dynia.state.manifest import Sealer


async def keep_manifests(
    steps: tuple[Step, ...], tools: PassTools, session: Session
) -> tuple[tuple[str, str], ...]:
    """One exec on each node, all at once, over connections that are open. The nodes that were not seen to
    have it, with reasons: nothing is wrong with them, and the next apply gives it to them."""
    sealer, slots = Sealer(tools.state(), tools.cluster), asyncio.Semaphore(session.fan_out)

    async def one(step: Step, action: WriteManifest) -> tuple[str, str] | None:
        try:
            async with slots, asyncio.timeout(step.deadline_s):
                await write_manifest(tools, action, sealer)
        except TimeoutError:
            reason = f"no end within {step.deadline_s:g} s"
        except DyniaError as error:
            reason = error.message
        else:
            return None
        return step.node, f"its manifest was not written ({reason}); the next apply does it"

    told = await asyncio.gather(*(one(s, s.action) for s in steps if isinstance(s.action, WriteManifest)))
    return tuple(found for found in told if found is not None)
