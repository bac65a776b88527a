"""The engine's requests over one SSH connection: each is one exec of one script."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import asyncssh

from dynia.interfaces.errors import DyniaError, NotObservedError
from dynia.interfaces.node_requests import (
    AskRequest,
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    DrainRequest,
    ExecRequest,
    Executed,
    Fence,
    GateAnswer,
    GateRequest,
    ImageRequest,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    RemoveRequest,
    ServiceAnswer,
    Traffic,
    TrafficRequest,
)
from dynia.interfaces.observed import NodeFacts
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.exchange import Reply, ask, start
from dynia.providers.ssh.framing import line, text
from dynia.providers.ssh.image_stream import provide_image, saved_here, saved_there
from dynia.providers.ssh.observation import parse_observation
from dynia.providers.ssh.scripts import Places, ScriptName, command_line, script, script_command

_OBSERVE_S = 25.0
_DRAIN_S, _TRAFFIC_S = 20.0, 15.0
# What was asked last may still take its own time.
_ASK_END_S = 10.0
_SAVE_S = 600.0
# Beyond its own deadline a push may need this long to put the node back.
_PUT_BACK_S = 90.0
# How much longer than the node's own deadline the runner waits for the answer.
_GRACE_S = 10.0
_FACTS_LIMIT = 16_000_000
_ANSWER_LIMIT = 4_000_000
_EXEC_LIMIT = 8_000_000
_LINE_LIMIT = 64_000
_ENDS_BY_ITSELF = (
    "it is not known how far it came. The node ends what was begun there, or the next apply does: run it "
    "again when the node answers (`dynia status`)"
)


class SshConnection:
    """An open connection to one node; keeps the protocol `NodeConnection`."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        *,
        jump: asyncssh.SSHClientConnection | None,
        node: str,
        user: str,
        places: Places,
        now: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._jump = jump
        self._node = node
        self._user = user
        self._places = places
        self._now = now

    async def observe(self, request: ObserveRequest) -> NodeFacts:
        message = messages.observe_message(request)
        reply = await self._script(
            "observe", (), message, deadline_s=_OBSERVE_S, limit=_FACTS_LIMIT, fence=request.fence
        )
        runner_ms = round((reply.sent_at + reply.heard_at) / 2 * 1000)
        return parse_observation(reply.stdout, request, runner_ms=runner_ms, cut=reply.cut)

    async def bootstrap(self, request: BootstrapRequest) -> Bootstrapped:
        message = messages.package_message(request.packages)
        args = (request.lineage, _whole(request.deadline_s))
        deadline_s = request.deadline_s + _PUT_BACK_S
        reply = await self._script(
            "bootstrap", args, message, deadline_s=deadline_s, survives=True, fence=request.fence
        )
        return answers.parse_bootstrap(reply.stdout)

    async def push(self, request: PushRequest) -> PushAnswer:
        args = (*_transaction(request), _whole(request.probe_s), _whole(request.confirm_s, least=0))
        message = messages.push_message(request)
        deadline_s = request.deadline_s + _PUT_BACK_S
        name: ScriptName = "push" if request.swap else "once"
        reply = await self._script(
            name, args, message, deadline_s=deadline_s, survives=True, fence=request.fence
        )
        return answers.parse_push(reply.stdout)

    async def confirm(self, request: ConfirmRequest) -> PushAnswer:
        args = (*_transaction(request), "stay" if request.stay else "back")
        deadline_s = request.deadline_s + _PUT_BACK_S
        reply = await self._script(
            "confirm", args, b"", deadline_s=deadline_s, survives=True, fence=request.fence
        )
        return answers.parse_push(reply.stdout)

    async def remove(self, request: RemoveRequest) -> PushAnswer:
        message = messages.remove_message(request)
        deadline_s = request.deadline_s + _PUT_BACK_S
        args = _transaction(request)
        reply = await self._script(
            "remove", args, message, deadline_s=deadline_s, survives=True, fence=request.fence
        )
        return answers.parse_push(reply.stdout)

    async def gate(self, request: GateRequest) -> GateAnswer:
        times = (_whole(request.timeout_s), str(math.ceil(request.monitor_s)))
        args = (request.project, request.url, request.host, request.release, *times)
        message = "".join(f"{name}|{config}\n" for name, config in sorted(request.containers.items()))
        deadline_s = request.timeout_s + request.monitor_s + 40
        reply = await self._script("gate", args, message.encode(), deadline_s=deadline_s)
        return answers.parse_gate(reply.stdout)

    async def drain(self, request: DrainRequest) -> tuple[str, ...]:
        lasts = _whole(request.lasts_s) if request.lasts_s else "0"
        argv = ("sh", "-c", script("drain"), "dynia", lasts, *messages.service_names(request.services))
        told = await self.exec(ExecRequest(argv=argv, deadline_s=_DRAIN_S, fence=request.fence))
        if told.exit_code:
            said = line(told.stderr[-2000:])
            raise DyniaError(f"its flag could not be changed: {said}", hint=answers.FULL)
        return answers.parse_drained(told.stdout)

    async def traffic(self, request: TrafficRequest) -> Traffic:
        args = ("own" if request.own else "",)
        reply = await self._script("traffic", args, b"", deadline_s=_TRAFFIC_S)
        return answers.parse_traffic(reply.stdout)

    async def ask(self, request: AskRequest) -> tuple[ServiceAnswer, ...]:
        message = messages.ask_message(request)
        args = (_whole(request.deadline_s),)
        reply = await self._script("ask", args, message, deadline_s=request.deadline_s + _ASK_END_S)
        return answers.parse_ask(reply.stdout, len(request.questions))

    async def provide_image(
        self, request: ImageRequest, layers: AsyncGenerator[bytes, None] | None = None
    ) -> str:
        way = ("pull", request.pull) if request.pull else ("load", request.image_id)
        args = (*way, request.tag, _whole(request.deadline_s))
        command = self._command(
            "image", args, deadline_s=request.deadline_s + 60, survives=False, fence=request.fence
        )
        return await provide_image(
            self._connection,
            command,
            request,
            layers or saved_here(request.image_id),
            timeout_s=request.deadline_s + 60 + _GRACE_S,
            now=self._now,
            refuse=self._refuse_early_end,
        )

    def saved_image(self, image_id: str) -> AsyncGenerator[bytes, None]:
        command = command_line(
            ("docker", "save", image_id), deadline_s=_SAVE_S, places=self._places, sudo=self._sudo
        )
        return saved_there(self._connection, command, self._node)

    async def exec(self, request: ExecRequest) -> Executed:
        if request.fence is None:
            command = command_line(
                request.argv, deadline_s=request.deadline_s, places=self._places, sudo=self._sudo
            )
        else:
            args = (_whole(request.deadline_s), *request.argv)
            command = self._command(
                "deed", args, deadline_s=request.deadline_s, survives=False, fence=request.fence
            )
        reply = await self._ask(command, request.stdin, request.deadline_s + _GRACE_S, _EXEC_LIMIT)
        if reply.exit_code is None and not reply.cut:
            raise NotObservedError("the command was killed before its end")
        self._refuse_sudo(reply)
        if request.fence is not None:
            answers.refuse_deed(reply.exit_code, reply.stdout)
        note = b"\n(output cut: longer than 8 MB)\n" if reply.cut else b""
        return Executed(exit_code=reply.exit_code or 0, stdout=reply.stdout, stderr=reply.stderr + note)

    async def stream(self, argv: tuple[str, ...]) -> AsyncIterator[str]:
        command = script_command("follow", argv, deadline_s=None, places=self._places, sudo=self._sudo)
        exchange = await start(self._connection, command, limit=_LINE_LIMIT, now=self._now)
        try:
            async with aclosing(exchange.lines()) as lines:
                async for raw in lines:
                    yield text(raw, _LINE_LIMIT)
            await exchange.reply()
        finally:
            if not exchange.ended:
                exchange.close()

    async def close(self) -> None:
        """Closes the connection, and its own connection to the jump host."""
        self._connection.close()
        await self._connection.wait_closed()
        if self._jump is not None:
            self._jump.close()
            await self._jump.wait_closed()

    @property
    def _sudo(self) -> bool:
        return self._user != "root"

    async def _script(
        self,
        name: ScriptName,
        args: tuple[str, ...],
        stdin: bytes,
        *,
        deadline_s: float,
        limit: int = _ANSWER_LIMIT,
        survives: bool = False,
        fence: Fence | None = None,
    ) -> Reply:
        command = self._command(name, args, deadline_s=deadline_s, survives=survives, fence=fence)
        try:
            reply = await self._ask(command, stdin, deadline_s + _GRACE_S, limit)
            self._refuse_early_end(reply)
        except NotObservedError as error:
            if not survives or error.hint:
                raise
            raise NotObservedError(error.message, hint=_ENDS_BY_ITSELF) from error
        return reply

    def _command(
        self,
        name: ScriptName,
        args: tuple[str, ...],
        *,
        deadline_s: float,
        survives: bool,
        fence: Fence | None,
    ) -> str:
        return script_command(
            name,
            args,
            deadline_s=deadline_s,
            places=self._places,
            sudo=self._sudo,
            survives=survives,
            fence=fence,
        )

    async def _ask(self, command: str, stdin: bytes, timeout_s: float, limit: int) -> Reply:
        return await ask(
            self._connection, command, stdin=stdin, limit=limit, timeout_s=timeout_s, now=self._now
        )

    def _refuse_early_end(self, reply: Reply) -> None:
        """A script that told its answer exits with 0; anything else is no answer."""
        self._refuse_sudo(reply)
        if reply.cut or reply.exit_code == 0:
            return
        if reply.exit_code in {124, 137, None}:
            raise NotObservedError("no answer within the node's own deadline; what runs there hangs")
        said = line(reply.stderr[-2000:])
        answers.refuse_reader(reply.exit_code, said)
        hint = answers.FULL if "No space left on device" in said else ""
        raise NotObservedError(f"the node's script ended early (exit {reply.exit_code}): {said}", hint=hint)

    def _refuse_sudo(self, reply: Reply) -> None:
        said = line(reply.stderr[:2000])
        if not self._sudo or reply.stdout or "sudo" not in said:
            return
        if reply.exit_code == 127:
            raise NotObservedError(
                f"{self._user} is not root and sudo is not installed there",
                hint="install sudo on the host, or log in as root",
            )
        if reply.exit_code == 1 and said.startswith("sudo:"):
            raise NotObservedError(
                f"{self._user} may not use sudo without a password ({said.removeprefix('sudo: ')})",
                hint=f"put the line `{self._user} ALL=(root) NOPASSWD: ALL` into /etc/sudoers.d/dynia there "
                "(`visudo -f /etc/sudoers.d/dynia`)",
            )


def _transaction(request: PushRequest | ConfirmRequest | RemoveRequest) -> tuple[str, ...]:
    key = messages.component_key(request.component)
    return request.component, request.lineage, key, _whole(request.deadline_s)


def _whole(seconds: float, *, least: int = 1) -> str:
    """Seconds as the scripts count them."""
    return str(max(least, math.ceil(seconds)))
