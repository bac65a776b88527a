"""Start a machine that is off at its provider."""

from __future__ import annotations

import msgspec

from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, PutNode


class StartNode(Action, tag="start_node"):
    name: str
    provider_id: str

    def sentence(self) -> str:
        return f"start node {self.name}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        await tools.forget_connection(self.name)
        seen = await tools.provider.start_node(self.provider_id)
        node = msgspec.structs.replace(
            tools.node(self.name), address=seen.public_ip, private_ip=seen.private_ip
        )
        return (PutNode(node=node),)
