"""Take a node out of the state whose machine is gone at the provider."""

from __future__ import annotations

from dynia.interfaces.errors import Stale
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, DropNode


class ForgetNode(Action, tag="forget_node"):
    """What a machine leaves behind when it goes by another hand (its disk, its address) goes too."""

    name: str
    provider_id: str

    def sentence(self) -> str:
        return f"forget node {self.name}, which is gone at the provider"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await tools.forget_connection(self.name)
        listed = await tools.provider.list_nodes(tools.lineage, tools.cluster)
        status = {machine.provider_id: machine.status for machine in listed}.get(self.provider_id)
        if status in ("running", "off"):
            raise Stale(f"changed since plan: the machine of {self.name} is there again")
        # One that is listed as absent is being made: the step that makes it goes on with it.
        if status is None:
            await tools.provider.delete_node(self.provider_id)
        return (DropNode(cluster=tools.cluster, name=self.name),)
