"""A change that may cut people off stays on a node only once it was confirmed: over a new connection, with
the reserved IP and keepalived's roles as well as before. Else the node goes back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

import msgspec

from dynia.interfaces.errors import ApplyFailed, DyniaError, NotObservedError
from dynia.interfaces.node_requests import ConfirmRequest, ExecRequest, PushAnswer, PushRequest
from dynia.interfaces.observed import EntryAnswer
from dynia.interfaces.shape import Shape
from dynia.providers.protocols import NodeConnection
from dynia.services.actions.answered import AS_BEFORE, must_be_done
from dynia.services.actions.base import Tools
from dynia.services.actions.hand_over import EVERY_S, FIRM_S, role_of
from dynia.services.ask_entry import PATH, answer_of

# Unless it is confirmed within that time the node goes back by itself.
CONFIRM_S = 30.0
# An election takes a moment. What is not well by then is not waited for: the node goes back at once.
WELL_WITHIN_S = 12.0
_ANSWER_S, _EXEC_S, _BACK_S = 2.0, 3.0, 60.0
_LOOPBACK = "127.0.0.1"
_KEEPALIVED = "/opt/dynia/keepalived/keepalived.conf"
_ROLES = ("MASTER", "BACKUP")
HERE, FIREWALL = "this machine", "firewall"


class Ways(Shape):
    """How people come in at one moment. `entry` is who hears a node at the reserved IP: this machine, a node,
    or nobody. `haproxy`: the node's own answers on port 80. `role` is its keepalived's; `masters` counts
    the nodes that are MASTER, of those that are asked."""

    entry: str = ""
    haproxy: bool = False
    role: str = ""
    masters: int = 0

    def lost(self, now: Ways) -> tuple[str, ...]:
        """What was well and is not any more. What was not well before is not asked for."""
        found = []
        if self.entry and not now.entry:
            found.append(f"the reserved IP does not answer {self.entry}")
        if self.haproxy and not now.haproxy:
            found.append("its HAProxy does not answer on port 80")
        if self.role in _ROLES and now.role not in _ROLES:
            found.append(f"its keepalived is {now.role or 'silent'}")
        if self.masters == 1 and now.masters != 1:
            found.append(f"{now.masters or 'no'} nodes are MASTER")
        return tuple(found)


async def push_confirmed(tools: Tools, node: str, request: PushRequest) -> PushAnswer:
    """The answer of a push that is over, be it because it was confirmed. Raises where it was not."""
    connection = await tools.connection(node)
    # On a node that has none of it yet nobody can be cut off, and nothing is there to go back to.
    known = any(file.there for file in request.expected)
    before = await _ways(tools, node, request.component, connection) if known else Ways()
    answer = await connection.push(msgspec.structs.replace(request, confirm_s=CONFIRM_S))
    if answer.phase == "open":
        tools.say(node, f"confirming {request.component}: unless it is, it goes back within {CONFIRM_S:g} s")
        return await _confirmed(tools, node, request, before, answer)
    return answer


async def _confirmed(
    tools: Tools, node: str, request: PushRequest, before: Ways, answer: PushAnswer
) -> PushAnswer:
    word = ConfirmRequest(component=request.component, lineage=tools.lineage, fence=tools.fence)
    fresh: NodeConnection | None = None
    try:
        async with asyncio.timeout(WELL_WITHIN_S):
            fresh = await tools.anew(node)
    except (NotObservedError, TimeoutError) as error:
        why = error.message if isinstance(error, NotObservedError) else f"none within {WELL_WITHIN_S:g} s"
        raise await _back(tools, node, word, f"it lets no new connection in ({why})", ()) from error
    try:
        missing = await _well(tools, node, request.component, fresh, before)
        if missing:
            raise await _back(tools, node, word, "; ".join(missing), (fresh,))
        must_be_done(node, request.component, await fresh.confirm(word))
    finally:
        await _closed(fresh)
    return msgspec.structs.replace(answer, phase="done")


async def _well(
    tools: Tools, node: str, component: str, fresh: NodeConnection, before: Ways
) -> tuple[str, ...]:
    """Returns with nothing once all that was well has been so for a while on end; else with what is not."""
    clock = asyncio.get_running_loop().time
    firm_s = FIRM_S if before.entry or before.masters else 0.0
    until = clock() + WELL_WITHIN_S
    since: float | None = None
    missing: tuple[str, ...] = ()
    while clock() < until:
        try:
            async with asyncio.timeout(max(until - clock(), 0.1)):
                missing = before.lost(await _ways(tools, node, component, fresh, before))
        except (NotObservedError, TimeoutError):
            missing = ("it does not answer any more",)
        if missing:
            since = None
        elif since is None:
            since = clock()
        if since is not None and clock() - since >= firm_s:
            return ()
        await asyncio.sleep(EVERY_S)
    return missing or ("it is not well for long enough",)


async def _back(
    tools: Tools, node: str, word: ConfirmRequest, why: str, doors: tuple[NodeConnection, ...]
) -> DyniaError:
    """Tells the node to go back now, over whichever connection it hears; what then is to be raised."""
    said = f"{node} · {word.component} · not confirmed: {why}"
    for door in (*doors, None):
        try:
            connection = door or await tools.connection(node)
            async with asyncio.timeout(_BACK_S):
                told = await connection.confirm(msgspec.structs.replace(word, stay=False))
        except (NotObservedError, TimeoutError):
            continue
        if told.phase != "back":
            must_be_done(node, word.component, told)
        state = AS_BEFORE if told.restored else "the node could NOT be put back"
        return ApplyFailed(
            f"{said}; {state}", hint="mend what it was given (its template, or the file), then apply again"
        )
    return ApplyFailed(
        f"{said}; it does not hear that it has to go back",
        hint=f"it does so by itself within {CONFIRM_S:g} s; then `dynia status`",
    )


async def _ways(
    tools: Tools, node: str, component: str, connection: NodeConnection, before: Ways | None = None
) -> Ways:
    """As it is now. Who hears the reserved IP is found at the first look, and asked again at the others."""
    home = tools.state().cluster(tools.cluster)
    address = home.reserved_ip.address if home and home.reserved_ip else ""
    others = [name for name in tools.joined() if name != node]
    if before is None:
        # Whether this machine may ask there is for the firewall to say, so nothing of it rests on that.
        asked = ((HERE,) if component != FIREWALL else ()) + (*others[:1], node)
    else:
        asked = (before.entry,)
    role, *theirs = await asyncio.gather(_role(connection), *(_role_on(tools, name) for name in others))
    together = before is not None or await _speaks_of(connection, address)
    return Ways(
        entry=await _who_hears(tools, node, connection, asked, address) if address else "",
        haproxy=await _answers(connection, _LOOPBACK),
        role=role,
        masters=[role, *theirs].count("MASTER") if together else 0,
    )


async def _speaks_of(connection: NodeConnection, address: str) -> bool:
    """While the address itself is changed, whoever has the new one does not hear who has the old one."""
    argv = ("grep", "-qF", "-e", address, _KEEPALIVED)
    return not (await connection.exec(ExecRequest(argv=argv, deadline_s=_EXEC_S))).exit_code


async def _who_hears(
    tools: Tools, node: str, connection: NodeConnection, asked: tuple[str, ...], address: str
) -> str:
    heard = False
    for who in filter(None, asked):
        if who == HERE:
            heard = isinstance(await tools.ask_entry(address), EntryAnswer)
        elif who == node:
            heard = await _answers(connection, address)
        else:
            with contextlib.suppress(NotObservedError):
                heard = await _answers(await tools.connection(who), address)
        if heard:
            return who
    return ""


async def _answers(connection: NodeConnection, address: str) -> bool:
    """Whether a HAProxy of ours answers that node there."""
    word = secrets.token_hex(16)
    url = f"http://{address}{PATH}/{word}"
    argv = ("curl", "-s", "-i", "--noproxy", "*", "-m", f"{_ANSWER_S:g}", url)
    told = await connection.exec(ExecRequest(argv=argv, deadline_s=_EXEC_S))
    return isinstance(answer_of(told.stdout, word), EntryAnswer)


async def _role(connection: NodeConnection) -> str:
    try:
        async with asyncio.timeout(_EXEC_S):
            return await role_of(connection)
    except TimeoutError as error:
        raise NotObservedError(f"no answer within {_EXEC_S:g} s") from error


async def _role_on(tools: Tools, name: str) -> str:
    """Of a node that does not answer nothing is counted."""
    try:
        return await _role(await tools.connection(name))
    except NotObservedError:
        return ""


async def _closed(connection: NodeConnection) -> None:
    try:
        async with asyncio.timeout(_EXEC_S):
            await connection.close()
    except (DyniaError, TimeoutError, OSError):
        return
