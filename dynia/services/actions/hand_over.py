"""The reserved IP goes to another node on purpose: what keepalived is told on each node, and the step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable

from dynia.interfaces.errors import ApplyFailed, Stale
from dynia.interfaces.node_requests import ExecRequest, Fence
from dynia.providers.protocols import NodeConnection
from dynia.services.actions.base import Action, Tools
from dynia.state.model import Change

EVERY_S, PROVIDER_S = 0.1, 1.0
ROLE_S = 10.0
# A role that has lasted so long is no mere beginning: longer than keepalived's check of HAProxy takes.
FIRM_S = 1.2
# So long a node may take until it has the address: VRRP needs half a second, and meanwhile nobody has it; a
# provider may need more, and meanwhile the old holder serves.
TAKES_S, TAKES_CLAIMED_S = 5.0, 30.0
# Should this run die, the node puts itself back.
UNATTENDED_S = 60
# All of it, each command with the 30 s that it may take.
DEADLINE_S = 240.0

_TABLE = "inet dynia-drill"
_UNDO = f"nft delete table {_TABLE} 2>/dev/null; systemctl start keepalived"
_GUARD = f"""systemctl stop dynia-drill.timer 2>/dev/null || :
systemd-run -q --collect --unit=dynia-drill --on-active={UNATTENDED_S} sh -c '{_UNDO}'
"""
# New connections wait for the next holder, idle ones are closed by the reload, those at work end.
_HOLD_BACK = f"""if command -v nft >/dev/null; then
  nft -f - <<RULES
table {_TABLE} {{
  chain first {{
    type filter hook prerouting priority -310
    ip daddr $1 tcp dport {{ 80, 443 }} tcp flags & (syn | ack) == syn drop
  }}
}}
RULES
  systemctl reload haproxy
  tries=20
  busy() {{ ss -Htn state established src "$1" '( sport = :80 or sport = :443 )' | grep -q .; }}
  while [ "$tries" -gt 0 ] && busy "$1"; do
    sleep 0.1
    tries=$((tries - 1))
  done
fi
"""
_STOP = "systemctl stop keepalived\n"
_LET_IN = f"! command -v nft >/dev/null || nft delete table {_TABLE}\n"
# What is asked of nodes, each with the address as its argument.
SCRIPTS = {
    "hand over": f"set -eu\n{_GUARD}{_HOLD_BACK}{_STOP}{_LET_IN}",
    "stop": f"set -eu\n{_GUARD}{_STOP}",
    "start": f"{_UNDO}\nsystemctl stop dynia-drill.timer 2>/dev/null\nsystemctl is-active -q keepalived\n",
}


async def tell(connection: NodeConnection, node: str, what: str, address: str, fence: Fence | None) -> None:
    """`what` is one of SCRIPTS."""
    argv = ("sh", "-c", SCRIPTS[what], f"dynia-drill {what}", address)
    done = await connection.exec(ExecRequest(argv=argv, deadline_s=30, fence=fence))
    if done.exit_code:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ApplyFailed(f"{node}: keepalived did not {what}\n{said}")


async def role_of(connection: NodeConnection) -> str:
    told = await connection.exec(ExecRequest(argv=("cat", "/run/dynia/vrrp")))
    return told.stdout.decode(errors="replace").strip()


async def find_role(connection: NodeConnection, node: str) -> None:
    """Returns once a keepalived that was started has a firm role: the first one is a moment's, then it waits
    for HAProxy's word and is in FAULT meanwhile."""
    now = asyncio.get_running_loop().time
    until, since = now() + ROLE_S, None
    while now() < until:
        role = await role_of(connection)
        if role not in ("MASTER", "BACKUP"):
            since = None
        elif since is None:
            since = now()
        elif now() - since > FIRM_S:
            return
        await asyncio.sleep(EVERY_S)
    raise ApplyFailed(
        f"{node}: keepalived was started again and found no role within {ROLE_S:g} s",
        hint="`dynia status` shows it; `dynia apply` brings it back",
    )


class HandOver(Action, tag="hand_over"):
    """`node` takes the reserved IP over from `source`: new connections wait for it, those at work end first.

    keepalived elects by priority, so `others` say nothing meanwhile; they have nothing to lose. `claimed`:
    the provider moves the address, and `source` goes on serving until it has.
    """

    node: str
    source: str
    address: str
    others: tuple[str, ...] = ()
    claimed: bool = False

    def sentence(self) -> str:
        return f"hand the reserved IP over from {self.source} to {self.node}"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        roles = [await role_of(await tools.connection(name)) for name in (self.source, self.node)]
        if roles == ["BACKUP", "MASTER"]:
            return ()  # it was done before
        if roles != ["MASTER", "BACKUP"]:
            raise Stale(
                f"changed since plan: {self.source} is {roles[0] or 'silent'} and {self.node} is "
                f"{roles[1] or 'silent'}; the reserved IP was not moved",
                hint="`dynia status` shows who has it",
            )
        try:
            await _all(self._tell(tools, name, "stop") for name in self.others)
            await self._tell(tools, self.source, "stop" if self.claimed else "hand over")
            await self._taken(tools)
        finally:
            # Whom nobody reaches does so by its own timer.
            await _all(self._wake(tools, name) for name in (self.source, *self.others))
        if await role_of(await tools.connection(self.node)) != "MASTER":
            raise ApplyFailed(
                f"{self.node} did not keep the reserved IP: keepalived elected another node",
                hint="`dynia status` shows who has it",
            )
        return ()

    async def _tell(self, tools: Tools, name: str, what: str) -> None:
        await tell(await tools.connection(name), name, what, self.address, tools.fence)

    async def _taken(self, tools: Tools) -> None:
        now = asyncio.get_running_loop().time
        takes_s = TAKES_CLAIMED_S if self.claimed else TAKES_S
        until, connection = now() + takes_s, await tools.connection(self.node)
        while now() < until:
            if await role_of(connection) == "MASTER" and (not self.claimed or await self._owned(tools)):
                return
            await asyncio.sleep(PROVIDER_S if self.claimed else EVERY_S)
        raise ApplyFailed(
            f"{self.node} did not take the reserved IP within {takes_s:g} s; keepalived decides again",
            hint=f"`dynia status` shows who has it; on {self.node}: journalctl -u keepalived"
            + (" -u dynia-failover" if self.claimed else ""),
        )

    async def _owned(self, tools: Tools) -> bool:
        owner = tools.node(self.node).provider_id
        listed = await tools.provider.list_reserved_ips(tools.lineage, tools.cluster)
        return any(one.address == self.address and one.owner == owner for one in listed)

    async def _wake(self, tools: Tools, name: str) -> None:
        await self._tell(tools, name, "start")
        await find_role(await tools.connection(name), name)


async def _all(deeds: Iterable[Awaitable[None]]) -> None:
    """Returns when each has ended, well or not; raises what the first one did that has not."""
    for ended in await asyncio.gather(*deeds, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
