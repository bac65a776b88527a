"""Make a machine ready: packages, our folders, its lineage."""

from __future__ import annotations

import msgspec

from dynia.interfaces.errors import ApplyFailed
from dynia.interfaces.node_requests import BootstrapRequest
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.setback import what_next
from dynia.state.model import Change, PutNode


class BootstrapNode(Action, tag="bootstrap_node"):
    """`packages` are all that the node must have; `missing` what was not there when it was planned."""

    node: str
    packages: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def sentence(self) -> str:
        return f"bootstrap, install {', '.join(self.missing)}" if self.missing else "bootstrap"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        connection = await tools.connection(self.node)
        request = BootstrapRequest(lineage=tools.lineage, packages=self.packages, fence=tools.fence)
        seen = await connection.bootstrap(request)
        if seen.missing:
            raise ApplyFailed(
                f"{self.node} · bootstrap · could not install {', '.join(seen.missing)}\n{seen.output}",
                hint=what_next(self.node, seen.output)
                or "install them by hand or mend the host's package sources, then apply again",
            )
        ready = msgspec.structs.replace(tools.node(self.node), bootstrapped=True)
        return (PutNode(node=ready),)
