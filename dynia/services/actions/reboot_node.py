"""A node boots again: it is asked to, and waited for until another boot answers and its units run."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from dynia.interfaces.errors import ApplyFailed, DyniaError, Locked, NotObservedError
from dynia.interfaces.node_requests import ExecRequest
from dynia.providers.protocols import NodeConnection
from dynia.services.actions.base import Action, Tools
from dynia.services.actions.hand_over import find_role
from dynia.state.model import Change

KEEPALIVED = "keepalived.service"
LOOK_S, LOOK_DEADLINE_S, PROVIDER_S = 1.0, 10.0, 5.0
# A machine with much memory takes minutes until it so much as begins to boot.
BACK_S, RUNS_S, UPDATES_S = 600.0, 120.0, 1800.0
# And what is around it: a connection that hangs, a role that is found.
DEADLINE_S = BACK_S + RUNS_S + 120.0
LAST_LINES = 20

# As a look tells it. A container has the machine's kernel, and so its boot: there the first process tells.
BOOT = (
    "sh",
    "-c",
    "read -r id </proc/sys/kernel/random/boot_id\nread -r stat </proc/1/stat\nset -- ${stat##*) }\n"
    'echo "$id/${20}"',
)
REBOOT = ("systemctl", "--no-wall", "-i", "reboot")
_LOG, _UNIT = "/run/dynia-os-updates.log", "dynia-os-updates"
# A unit of its own: a runner that dies must not leave half an update. Who comes next waits for it.
UPDATES = (
    "sh",
    "-c",
    f"""while systemctl is-active -q {_UNIT}; do sleep 1; done
systemctl reset-failed {_UNIT} 2>/dev/null
systemd-run -q --wait --collect --unit={_UNIT} --setenv=DEBIAN_FRONTEND=noninteractive sh -c '
exec >{_LOG} 2>&1 </dev/null
wait="-o DPkg::Lock::Timeout=300" keep="-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
apt-get -q $wait update && apt-get -q -y $wait $keep dist-upgrade
' && exit 0
tail -n {LAST_LINES} {_LOG} >&2
exit 1""",
)


class RebootNode(Action, tag="reboot_node"):
    """`boot` is the one that the plan saw: a node of another one was rebooted before. `units` are those that
    ran then. `os_updates`: its packages are brought up to date first."""

    node: str
    boot: str
    units: tuple[str, ...] = ()
    os_updates: bool = False

    def sentence(self) -> str:
        return "update its packages and reboot" if self.os_updates else "reboot"

    async def run(self, tools: Tools) -> tuple[Change, ...]:
        connection = await tools.connection(self.node)
        if await boot_of(connection) == self.boot:
            if self.os_updates:
                await self._update(tools)
            with suppress(NotObservedError):  # it may be gone before it has answered
                await self._ask(tools)
        await self._back(tools)
        await self._runs(tools)
        return ()

    async def _update(self, tools: Tools) -> None:
        tools.say(self.node, "updating packages (apt-get dist-upgrade)")
        request = ExecRequest(argv=UPDATES, deadline_s=UPDATES_S, fence=tools.fence)
        done = await (await tools.connection(self.node)).exec(request)
        if done.exit_code:
            said = done.stderr.decode(errors="replace").strip()[-4000:]
            lines = "\n".join(f"    {line}" for line in said.splitlines()[-LAST_LINES:])
            raise ApplyFailed(
                f"{self.node} · its packages could not be updated; it was not rebooted\n{lines}",
                hint=f"all of it: `dynia node ssh {self.node} -- cat {_LOG}`; mend it, then the same again",
            )

    async def _ask(self, tools: Tools) -> None:
        request = ExecRequest(argv=REBOOT, deadline_s=60.0, fence=tools.fence)
        done = await (await tools.connection(self.node)).exec(request)
        if done.exit_code:
            said = done.stderr.decode(errors="replace").strip()[-500:]
            raise ApplyFailed(
                f"{self.node} · it does not reboot\n{said}", hint="look at it, then the same again"
            )

    async def _back(self, tools: Tools) -> None:
        """Returns when another boot answers. One that is off by the provider's word is started."""
        now = asyncio.get_running_loop().time
        until, asked, told = now() + BACK_S, now() + PROVIDER_S, ""
        while True:
            try:
                boot = await boot_of(await tools.connection(self.node))
                if boot not in ("", self.boot):
                    return
                why = "it has not gone down yet"
            except Locked:
                raise
            except DyniaError as error:  # a machine that is about to go or to come may say no, too
                await tools.forget_connection(self.node)
                why = error.message
                if now() > asked:
                    asked = now() + PROVIDER_S
                    await self._start(tools)
            if now() > until:
                raise ApplyFailed(
                    f"{self.node} did not come back within {BACK_S:g} s of its reboot ({why})",
                    hint="its console says why; once it answers `dynia apply` brings the rest back",
                )
            if why != told:
                tools.say(self.node, f"rebooting ({why})")
            told = why
            await asyncio.sleep(LOOK_S)

    async def _start(self, tools: Tools) -> None:
        mine = tools.node(self.node).provider_id
        with suppress(NotObservedError):
            listed = await tools.provider.list_nodes(tools.lineage, tools.cluster)
            if any(one.provider_id == mine and one.status == "off" for one in listed):
                await tools.provider.start_node(mine)

    async def _runs(self, tools: Tools) -> None:
        """What stands at the entrance, and a role, so that the next one's address finds who takes it."""
        if not self.units:
            return
        now = asyncio.get_running_loop().time
        until, asked = now() + RUNS_S, ExecRequest(argv=running(self.units), deadline_s=LOOK_DEADLINE_S)
        connection = await tools.connection(self.node)
        while True:
            states = (await connection.exec(asked)).stdout.decode(errors="replace").split()
            left = [
                unit
                for unit, state in zip(self.units, states, strict=False)
                if state not in ("active", "reloading")
            ]
            if not left and len(states) == len(self.units):
                break
            if now() > until:
                raise ApplyFailed(
                    f"{self.node} was rebooted, and {', '.join(left) or 'systemd'} does not run there after "
                    f"{RUNS_S:g} s",
                    hint=f"`dynia node ssh {self.node} -- systemctl --failed`, then `dynia apply`",
                )
            await asyncio.sleep(LOOK_S)
        if KEEPALIVED in self.units:
            await find_role(connection, self.node)


def running(units: tuple[str, ...]) -> tuple[str, ...]:
    """What is asked of systemd: a line for each."""
    return ("systemctl", "is-active", *units)


async def boot_of(connection: NodeConnection) -> str:
    told = await connection.exec(ExecRequest(argv=BOOT, deadline_s=LOOK_DEADLINE_S))
    return told.stdout.decode(errors="replace").strip()
