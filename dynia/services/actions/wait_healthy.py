"""The gate: wait until a service serves on a node, then record its release as good there."""

from __future__ import annotations

from dynia.interfaces.errors import ApplyFailed, ReleaseFailed
from dynia.interfaces.node_requests import GateRequest
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.component import applied
from dynia.services.actions.setback import what_next
from dynia.services.actions.unsaid import all_here, unsaid
from dynia.state.model import Change, SetComponent

# Where the Caddy of a node listens.
CADDY_PORT = 8080


class WaitHealthy(Action, tag="wait_healthy"):
    """What to wait for is a `GateRequest`; `path` and `host` are asked through the node's own Caddy.
    `records`: the release is good when this has passed; else a `WatchHealthy` decides.
    """

    node: str
    service: str
    component: str
    release: str
    project: str
    containers: dict[str, str]
    path: str = ""
    host: str = ""
    header: str = ""
    timeout_s: float = 60.0
    records: bool = True

    def sentence(self) -> str:
        return f"wait for {self.service} to be healthy"

    @property
    def for_s(self) -> float:
        """So long on end it must be well."""
        return 0.0

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        node = tools.node(self.node)
        connection = await tools.connection(self.node)
        request = GateRequest(
            service=self.service,
            project=self.project,
            containers=self.containers,
            url=f"http://{node.private_ip}:{CADDY_PORT}{self.path}" if self.path else "",
            host=self.host,
            release=self.header,
            timeout_s=self.timeout_s,
            monitor_s=self.for_s,
        )
        answer = await connection.gate(request)
        if not answer.healthy:
            known = tools.rendered(self.node, self.component)
            # Where the service's secrets are not known, nothing can be taken out: `dynia logs` shows it.
            here = known is not None and all_here(known.release.files)
            told = unsaid(answer.output, known.release.files).splitlines()[-20:] if known and here else []
            shown = "".join(f"\n    {line}" for line in told)
            said = f"{self.node} · service {self.service} · {answer.reason}{shown}"
            trouble = what_next(self.node, answer.reason)
            if trouble:
                raise ApplyFailed(said, hint=trouble)
            raise ReleaseFailed(
                said, hint=f"dynia logs {self.service} --node {self.node}; mend it and apply again"
            )
        if not self.records:
            return ()
        release = tools.recipe(self.node, self.component, self.release).release
        return (SetComponent(cluster=tools.cluster, node=self.node, release=applied(release)),)


class WatchHealthy(WaitHealthy, tag="watch_healthy"):
    """The gate's second half, once visitors come again: well for `monitor_s` on end, and not restarted."""

    monitor_s: float = 0.0

    def sentence(self) -> str:
        return f"watch {self.service} for {self.monitor_s:g} s"

    @property
    def for_s(self) -> float:
        return self.monitor_s
