"""Make a machine at the provider, or adopt the one that already carries its tag."""

from __future__ import annotations

from dynia.interfaces.errors import NotObservedError
from dynia.providers.protocols import NodeOrder
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change, DropIntent, Intent, Node, PutIntent, PutNode


class ProvisionNode(Action, tag="provision_node"):
    """`ordinal` and `name` are for good; `address`, `user`, `port` are set for a host that exists. `order` is
    what the file orders of a machine, in words: it is kept in the state, to see when the file asks for
    another."""

    step: str
    name: str
    ordinal: int
    priority: int
    size: str = ""
    image: str = ""
    region: str = ""
    address: str = ""
    private_ip: str = ""
    user: str = "root"
    port: int = 22
    host_key: str = ""
    order: str = ""

    def sentence(self) -> str:
        return f"create node {self.name}"

    def intents(self, tools: Tools) -> tuple[Change, ...]:
        intent = Intent(
            cluster=tools.cluster, step=self.step, kind="node", ordinal=self.ordinal, name=self.name
        )
        return (PutIntent(intent=intent),)

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        # One that is open belongs to what the state said until now: another address, another host key.
        await tools.forget_connection(self.name)
        key = tools.new_host_key()
        order = NodeOrder(
            lineage=tools.lineage,
            cluster=tools.cluster,
            ordinal=self.ordinal,
            name=self.name,
            authorized_key=tools.authorized_key,
            host_private_key=key.private,
            host_public_key=key.public,
            size=self.size,
            image=self.image,
            region=self.region,
        )
        made = await tools.provider.create_node(order)
        host_key = made.host_key or self.host_key
        if not host_key and not self.address:
            raise NotObservedError(
                f"{self.name}: the provider does not tell the host key of the machine it made",
                hint="nothing is trusted on first use; delete the machine and apply again",
            )
        node = Node(
            cluster=tools.cluster,
            name=self.name,
            ordinal=self.ordinal,
            provider_id=made.provider_id,
            address=self.address or made.public_ip,
            private_ip=self.private_ip or made.private_ip,
            host_key=host_key,
            user=self.user,
            port=self.port,
            priority=self.priority,
            order=self.order,
        )
        if not self.address:
            await tools.reached(node)
        return (PutNode(node=node), DropIntent(cluster=tools.cluster, step=self.step))
