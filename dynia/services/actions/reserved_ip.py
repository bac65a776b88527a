"""The entry address at its provider: allocate, attach, detach, release."""

from __future__ import annotations

from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, DropIntent, Intent, PutIntent, ReservedIp, SetReservedIp


class AllocateReservedIp(Action, tag="allocate_reserved_ip"):
    """`address` is set where the file names it (entry kind vip); then nothing is asked of the provider."""

    step: str
    address: str = ""

    def sentence(self) -> str:
        return f"take reserved IP {self.address}" if self.address else "allocate a reserved IP"

    def intents(self, tools: Tools) -> tuple[Change, ...]:
        if self.address:
            return ()
        return (PutIntent(intent=Intent(cluster=tools.cluster, step=self.step, kind="reserved_ip")),)

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        if self.address:
            taken = ReservedIp(address=self.address)
            return (SetReservedIp(cluster=tools.cluster, reserved_ip=taken),)
        got = await tools.provider.allocate_reserved_ip(tools.lineage, tools.cluster)
        address = ReservedIp(address=got.address, provider_id=got.provider_id)
        return (
            SetReservedIp(cluster=tools.cluster, reserved_ip=address),
            DropIntent(cluster=tools.cluster, step=self.step),
        )


class AttachReservedIp(Action, tag="attach_reserved_ip"):
    """Moves the address through the provider's API (entry kind api)."""

    provider_id: str
    address: str
    node: str
    node_provider_id: str

    def sentence(self) -> str:
        return f"attach reserved IP {self.address}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await tools.provider.attach_reserved_ip(self.provider_id, self.node_provider_id)
        return ()


class DetachReservedIp(Action, tag="detach_reserved_ip"):
    """Takes the address off its machine (entry kind api)."""

    provider_id: str
    address: str

    def sentence(self) -> str:
        return f"detach reserved IP {self.address}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await tools.provider.detach_reserved_ip(self.provider_id)
        return ()


class ReleaseReservedIp(Action, tag="release_reserved_ip"):
    """Gives the address back; `recorded` is false for one that only the provider knows."""

    provider_id: str
    address: str
    recorded: bool = True

    def sentence(self) -> str:
        return f"release reserved IP {self.address}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        if self.provider_id:
            await tools.provider.release_reserved_ip(self.provider_id)
        return (SetReservedIp(cluster=tools.cluster, reserved_ip=None),) if self.recorded else ()
