"""Delete a machine at its provider, with everything that came with it."""

from __future__ import annotations

from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, DropNode


class DeleteNode(Action, tag="delete_node"):
    """`recorded` is false for a machine that only the provider knows (an orphan with our tag)."""

    name: str
    provider_id: str
    recorded: bool = True

    def sentence(self) -> str:
        return f"delete node {self.name}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await tools.forget_connection(self.name)
        await tools.provider.delete_node(self.provider_id)
        return (DropNode(cluster=tools.cluster, name=self.name),) if self.recorded else ()
