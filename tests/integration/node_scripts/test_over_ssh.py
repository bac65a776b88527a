"""The whole way through a real sshd: observe, push, and what a wrong, broken or slow other side leads to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncssh
import msgspec
import pytest

from dynia.interfaces.errors import DyniaError, Locked, NotObservedError
from dynia.interfaces.node_requests import (
    AskRequest,
    BootstrapRequest,
    ExecRequest,
    Fence,
    ObserveRequest,
    PushRequest,
    Question,
    ServiceAnswer,
)
from dynia.providers.protocols import NodeConnection
from dynia.providers.ssh.connect import SshTarget, connect
from dynia.providers.ssh.connection import SshConnection
from dynia.providers.ssh.exchange import ask
from dynia.providers.ssh.keys import fresh_key, load_known_hosts, load_operator_key
from tests.integration.node_scripts.machine import LINEAGE
from tests.integration.node_scripts.sshd import SSHD, Sshd, free_port, running_sshd

pytestmark = pytest.mark.skipif(SSHD is None, reason="no sshd here (apt-get install openssh-server)")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path) as running:
        yield running


def over(sshd: Sshd, deed: Callable[[NodeConnection], Awaitable[None]]) -> None:
    """Do something over one connection."""

    async def run() -> None:
        node = await connect(sshd.target, sshd.key, places=sshd.machine.places)
        try:
            async with asyncio.timeout(60):
                await deed(node)
        finally:
            await node.close()

    asyncio.run(run())


def refusal(target: SshTarget, sshd: Sshd, key: str = "") -> DyniaError:
    """The error that connecting ends with."""

    async def run() -> None:
        await connect(target, load_operator_key(key) if key else sshd.key)

    with pytest.raises(DyniaError) as caught:
        asyncio.run(run())
    return caught.value


def changed(target: SshTarget, **values: object) -> SshTarget:
    return msgspec.structs.replace(target, **values)


def test_what_was_pushed_is_observed_over_one_connection(sshd: Sshd) -> None:
    machine = sshd.machine
    wanted = machine.file("haproxy/haproxy.cfg", "global\n")

    async def deed(node: NodeConnection) -> None:
        await node.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=()))
        answer = await node.push(PushRequest(component="haproxy", lineage=LINEAGE, files=(wanted,)))
        assert (answer.phase, answer.output) == ("done", "")
        assert [f.digest for f in answer.files] == [wanted.digest]
        facts = await node.observe(ObserveRequest(roots=(machine.places.opt,)))
        seen = {f.path: f for f in facts.files}[wanted.path]
        assert (seen.digest, seen.mode, seen.owner) == (wanted.digest, 0o644, "root:root")
        assert facts.lineage == LINEAGE
        assert abs(facts.clock_skew_ms) < 2000

    over(sshd, deed)


def test_another_host_key_is_refused_and_both_are_named(sshd: Sshd) -> None:
    _, other = fresh_key()
    error = refusal(changed(sshd.target, host_keys=(other,)), sshd)
    assert isinstance(error, NotObservedError)
    pinned = asyncssh.import_public_key(other).get_fingerprint()
    shown = asyncssh.import_public_key(sshd.target.host_keys[0]).get_fingerprint()
    assert (
        error.message == f"host key differs: 127.0.0.1:{sshd.target.port} shows {shown}, pinned is {pinned}"
    )
    assert "reinstalled" in error.hint


def test_a_key_of_another_kind_is_pinned_exactly_too(sshd: Sshd) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    error = refusal(changed(sshd.target, host_keys=(other,)), sshd)
    shown = asyncssh.import_public_key(sshd.target.host_keys[0]).get_fingerprint()
    assert f"shows {shown}, pinned is" in error.message


def test_nothing_is_trusted_on_first_use(sshd: Sshd) -> None:
    error = refusal(changed(sshd.target, host_keys=()), sshd)
    assert error.message == f"no host key is pinned for web-1 (127.0.0.1:{sshd.target.port})"


def test_one_of_several_pinned_keys_is_enough(sshd: Sshd) -> None:
    _, other = fresh_key()

    async def run() -> None:
        keys = (other, *sshd.target.host_keys)
        await (await connect(changed(sshd.target, host_keys=keys), sshd.key)).close()

    asyncio.run(run())


def test_a_known_hosts_file_pins_by_address_and_port(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"

    async def run() -> None:
        target = changed(sshd.target, host_keys=())
        await (await connect(target, sshd.key, known_hosts=load_known_hosts(str(known)))).close()

    known.write_text(f"[127.0.0.1]:{sshd.target.port} {sshd.target.host_keys[0]}\n")
    asyncio.run(run())
    known.write_text(f"[127.0.0.1]:{sshd.target.port} {fresh_key()[1]}\n")
    with pytest.raises(NotObservedError, match="host key differs"):
        asyncio.run(run())


def test_a_key_that_the_node_does_not_know_is_named(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "other").write_text(fresh_key()[0])
    error = refusal(sshd.target, sshd, str(tmp_path / "other"))
    assert error.message.startswith("permission denied for root at 127.0.0.1:")
    assert error.message.endswith(f"with {tmp_path}/other")


def test_a_closed_port_is_connection_refused(sshd: Sshd) -> None:
    port = free_port()
    assert refusal(changed(sshd.target, port=port), sshd).message == f"connection refused by 127.0.0.1:{port}"


def test_a_frozen_host_is_given_up_in_time(sshd: Sshd) -> None:
    """The socket accepts, nothing is ever said: what a frozen machine looks like."""

    async def run() -> None:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        target = changed(sshd.target, port=port, connect_timeout=0.5)
        with pytest.raises(NotObservedError) as caught:
            await connect(target, sshd.key)
        assert caught.value.message == f"no answer from 127.0.0.1:{port} within 0.5 s (frozen?)"
        silent.close()

    asyncio.run(run())


def test_something_that_is_not_ssh_is_not_a_node(sshd: Sshd) -> None:
    async def run() -> None:
        async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(chat, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotObservedError, match=r"broke off|reset by peer|no answer"):
            await connect(changed(sshd.target, port=port, connect_timeout=1), sshd.key)
        server.close()

    asyncio.run(run())


def test_a_command_that_never_ends_is_given_up_in_time(sshd: Sshd) -> None:
    async def run() -> None:
        async with asyncssh.connect(
            "127.0.0.1", sshd.target.port, known_hosts=None, config=None, client_keys=list(sshd.key.private)
        ) as connection:
            with pytest.raises(NotObservedError, match=r"no answer within 0\.3 s"):
                await ask(connection, "sleep 60", stdin=b"", limit=10, timeout_s=0.3, now=lambda: 0.0)

    asyncio.run(run())


def test_output_without_end_is_cut_and_said_to_be(sshd: Sshd) -> None:
    async def deed(node: NodeConnection) -> None:
        done = await node.exec(ExecRequest(argv=("yes",), deadline_s=30))
        assert len(done.stdout) == 8_000_000
        assert b"output cut" in done.stderr

    over(sshd, deed)


def test_an_argv_arrives_as_it_is(sshd: Sshd) -> None:
    words = ("a b", "$(id)", "it's", 'q"q', "*", "", "x\ny", "; rm")

    async def deed(node: NodeConnection) -> None:
        done = await node.exec(ExecRequest(argv=("printf", "%s\\0", *words)))
        assert done.stdout.decode().split("\0")[:-1] == list(words)
        failed = await node.exec(ExecRequest(argv=("sh", "-c", "cat >&2; exit 3"), stdin=b"told"))
        assert (failed.exit_code, failed.stderr) == (3, b"told")

    over(sshd, deed)


def test_what_is_asked_on_a_node_is_answered_question_by_question(sshd: Sshd) -> None:
    """In one exec, however many there are. Nobody listens there."""

    async def deed(connection: NodeConnection) -> None:
        one = Question(host="localhost", address="127.0.0.1", port=1, path="/healthz")
        told = await connection.ask(AskRequest(questions=(one,) * 40))
        assert told == (ServiceAnswer(said="can't connect"),) * 40

    over(sshd, deed)


def test_a_command_that_changes_something_is_refused_to_who_was_overtaken(sshd: Sshd) -> None:
    machine = sshd.machine

    def touched(name: str, number: int) -> ExecRequest:
        fence = Fence(lineage=LINEAGE, cluster="prod", number=number)
        script = 'umask 022; cat >"$1"; echo told; exit 4'
        return ExecRequest(argv=("sh", "-c", script, "sh", machine.path(name)), stdin=b"new", fence=fence)

    async def deed(node: NodeConnection) -> None:
        await node.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=()))
        done = await node.exec(touched("by-8", 8))
        assert (done.exit_code, done.stdout, machine.read("by-8")) == (4, b"told\n", "new")
        with pytest.raises(Locked, match="another run took over: its lock has number 8"):
            await node.exec(touched("by-7", 7))

    over(sshd, deed)
    assert not Path(machine.path("by-7")).exists()


def test_nothing_of_the_runners_or_the_logins_environment_reaches_a_command(sshd: Sshd) -> None:
    async def deed(node: NodeConnection) -> None:
        done = await node.exec(ExecRequest(argv=("env",)))
        names = {line.split("=")[0] for line in done.stdout.decode().splitlines()}
        assert names == {"PATH", "HOME", "LC_ALL", "TZ", "DYNIA_OPT", "DYNIA_VAR", "DYNIA_RUN", "DYNIA_UNITS"}

    over(sshd, deed)


def test_lines_are_followed_as_they_come_and_the_command_ends_with_the_listener(sshd: Sshd) -> None:
    pid_file = sshd.machine.root / "pid"
    talk = f"echo $$ >{pid_file}; printf 'one\\n\\033[31mtwo\\033[0m\\n'; exec sleep 600"

    async def deed(node: NodeConnection) -> None:
        heard = []
        lines = node.stream(("sh", "-c", talk))
        async for line in lines:
            heard.append(line)
            if len(heard) == 2:
                break
        await lines.aclose()  # type: ignore[attr-defined]
        assert heard == ["one", "two"]

    over(sshd, deed)
    assert ended(int(pid_file.read_text()))


def test_a_stream_ends_with_its_command(sshd: Sshd) -> None:
    async def deed(node: NodeConnection) -> None:
        assert [line async for line in node.stream(("printf", "a\\nb"))] == ["a", "b"]

    over(sshd, deed)


def ended(pid: int) -> bool:
    """Asked again for at most 5 s."""
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists():
            return True
        with asyncio.Runner() as runner:
            runner.run(asyncio.sleep(0.1))
    return False


def test_a_push_whose_connection_breaks_is_finished_by_the_node(sshd: Sshd) -> None:
    """The session's sshd is killed in the middle of the activation; the node goes on and ends what it began."""
    machine = sshd.machine
    live, gate = machine.root / "live", machine.root / "gate"
    machine.bootstrap()
    os.mkfifo(gate)
    begun = machine.root / "begun"
    request = PushRequest(
        component="haproxy",
        lineage=LINEAGE,
        files=(machine.file("haproxy/haproxy.cfg", "new\n"),),
        activate=f"echo talk; echo $PPID >{begun}; cat {gate}; echo more talk >&2; echo up >{live}",
        probe=f"grep up {live}",
    )

    async def run() -> None:
        node = await connect(sshd.target, sshd.key, places=machine.places)
        pushing = asyncio.create_task(node.push(request))
        for _ in range(200):
            if begun.exists():
                break
            await asyncio.sleep(0.05)
        for child in children(sshd.process.pid):
            os.kill(child, signal.SIGKILL)
        with pytest.raises(NotObservedError, match="the connection broke") as caught:
            await pushing
        assert caught.value.hint.startswith("it is not known how far it came")
        assert machine.observe().busy_since > 0
        gate.write_text("go\n")
        await node.close()

    asyncio.run(run())
    assert ended(int(begun.read_text()))
    for _ in range(50):
        if not machine.observe().busy_since:
            break
    facts = machine.observe()
    assert (facts.busy_since, facts.unfinished) == (0, ())
    assert machine.read("haproxy/haproxy.cfg") == "new\n"
    assert live.read_text() == "up\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_script_that_ends_early_because_the_disk_is_full_says_what_to_do(sshd: Sshd) -> None:
    root = sshd.machine.root
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=2", "tmpfs", root], check=True)

    async def deed(node: NodeConnection) -> None:
        with pytest.raises(NotObservedError, match="No space left on device") as caught:
            await node.bootstrap(BootstrapRequest(lineage=LINEAGE, packages=()))
        assert caught.value.hint == "make room there (`df -h` shows where), then run it again"

    try:
        over(sshd, deed)
    finally:
        subprocess.run(["umount", root], check=True)


def children(pid: int) -> list[int]:
    """Every process below one."""
    direct = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [p for child in direct for p in (child, *sshd_children(child))]


def sshd_children(pid: int) -> list[int]:
    """Below it, only sshd's own helpers: not what runs in the session."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
            found += [int(child), *sshd_children(int(child))]
    return found


@pytest.mark.parametrize(
    ("tool", "message", "hint"),
    [
        (
            "echo 'sudo: a password is required' >&2; exit 1",
            "ada may not use sudo without a password (a password is required)",
            "ada ALL=(root) NOPASSWD: ALL",
        ),
        (
            "echo 'sh: 1: exec: sudo: not found' >&2; exit 127",
            "ada is not root and sudo is not installed there",
            "install",
        ),
    ],
)
def test_a_user_without_sudo_is_told_which_line_is_needed(
    sshd: Sshd, tmp_path: Path, tool: str, message: str, hint: str
) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "sudo").write_text(f"#!/bin/sh\n{tool}\n")
    (tmp_path / "tools" / "sudo").chmod(0o755)

    async def run() -> None:
        async with asyncssh.connect(
            "127.0.0.1", sshd.target.port, known_hosts=None, config=None, client_keys=list(sshd.key.private)
        ) as raw:
            node = SshConnection(
                raw, jump=None, node="web-1", user="ada", places=sshd.machine.places, now=lambda: 0.0
            )
            with pytest.raises(NotObservedError) as caught:
                await node.observe(ObserveRequest(roots=("/opt/dynia",)))
            assert caught.value.message == message
            assert hint in caught.value.hint

    asyncio.run(run())


def test_a_busy_node_answers_although_it_does_not_read_the_request(sshd: Sshd) -> None:
    """The answer comes while megabytes of the request are still on their way."""
    machine = sshd.machine
    machine.bootstrap()
    Path(machine.places.opt, "lineage").write_text("other\n")
    big = machine.file("haproxy/big", "x" * 30_000_000)

    async def deed(node: NodeConnection) -> None:
        answer = await node.push(PushRequest(component="haproxy", lineage=LINEAGE, files=(big,)))
        assert (answer.phase, answer.output) == ("lineage", "other")

    over(sshd, deed)


def test_a_node_behind_a_jump_host_is_reached(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.target.port} {sshd.target.host_keys[0]}\n")

    async def run() -> None:
        target = changed(sshd.target, jump=f"root@127.0.0.1:{sshd.target.port}")
        node = await connect(target, sshd.key, known_hosts=load_known_hosts(str(known)))
        done = await node.exec(ExecRequest(argv=("echo", "there")))
        assert done.stdout == b"there\n"
        await node.close()

    asyncio.run(run())
