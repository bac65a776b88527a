"""Take a create out of the state that an earlier apply began, if nothing came of it and nobody wants it."""

from __future__ import annotations

from typing import Literal

from dynia.interfaces.errors import Stale
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, DropIntent


class ForgetIntent(Action, tag="forget_intent"):
    """`begun` is the step that was begun; `name` is the node's, empty for a reserved IP."""

    begun: str
    kind: Literal["node", "reserved_ip"]
    name: str = ""

    def sentence(self) -> str:
        return f"forget that {self.what()} was begun"

    def what(self) -> str:
        return f"the creation of node {self.name}" if self.kind == "node" else "taking a reserved IP"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        if await self._arrived(tools):
            raise Stale(
                f"changed since plan: something came of {self.what()}",
                hint="plan again and look; it is deleted if the file does not want it",
            )
        return (DropIntent(cluster=tools.cluster, step=self.begun),)

    async def _arrived(self, tools: Tools) -> bool:
        """Whether the provider has what the state does not know: the create may have been in flight."""
        state = tools.state()
        if self.kind == "node":
            known = {node.provider_id for node in state.nodes_of(tools.cluster)}
            machines = await tools.provider.list_nodes(tools.lineage, tools.cluster)
            return any(m.name == self.name and m.provider_id not in known for m in machines)
        home = state.cluster(tools.cluster)
        mine = home.reserved_ip.provider_id if home and home.reserved_ip else ""
        addresses = await tools.provider.list_reserved_ips(tools.lineage, tools.cluster)
        return any(a.provider_id != mine for a in addresses)
