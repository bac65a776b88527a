"""A reader's key: enough to look, through a real sshd, and for nothing else, whatever it asks for."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from dynia.interfaces.errors import NotObservedError
from dynia.interfaces.node_requests import (
    AskRequest,
    ExecRequest,
    ObserveRequest,
    PushRequest,
    Question,
    SecretCandidate,
)
from dynia.interfaces.observed import NodeFacts
from dynia.providers.ssh import messages
from dynia.providers.ssh.connect import connect
from dynia.providers.ssh.keys import OperatorKey, fresh_key, load_operator_key
from dynia.providers.ssh.observation import parse_observation
from dynia.providers.ssh.reader import observe_only
from tests.integration.node_scripts.machine import LINEAGE, Machine
from tests.integration.node_scripts.sshd import SSHD, Sshd, running_sshd

needs_sshd = pytest.mark.skipif(SSHD is None, reason="no sshd here (apt-get install openssh-server)")
REFUSED = b"dynia: this key may only look"


def program_of(machine: Machine) -> Path:
    """The program as it lies on a node, bound to the folder of this machine."""
    program = machine.root / "observe-only"
    program.write_text(observe_only(machine.places))
    program.chmod(0o755)
    return program


def bound(machine: Machine, asked: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What sshd does with a reader's key: the program, and beside it what was asked for."""
    return subprocess.run(
        [str(program_of(machine))],
        env={"SSH_ORIGINAL_COMMAND": asked, "PATH": "/usr/bin:/bin"},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )


def seen(machine: Machine, request: ObserveRequest, stdin: bytes = b"") -> NodeFacts:
    done = bound(machine, machine.command("observe", ()), stdin or messages.observe_message(request))
    assert done.returncode == 0, done.stderr
    return parse_observation(done.stdout, request, runner_ms=0)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[tuple[Sshd, OperatorKey]]:
    """An sshd that knows a reader's key, and that key."""
    with running_sshd(tmp_path) as sshd:
        private, public = fresh_key()
        (tmp_path / "reader").write_text(private)
        (tmp_path / "reader").chmod(0o600)
        with (tmp_path / "authorized").open("a") as lines:
            lines.write(f'\nrestrict,command="{program_of(sshd.machine)}" {public}\n')
        yield sshd, load_operator_key(str(tmp_path / "reader"))


@needs_sshd
def test_a_reader_observes_and_asks_as_anybody_does(reader: tuple[Sshd, OperatorKey]) -> None:
    sshd, key = reader
    sshd.machine.bootstrap()
    sshd.machine.write("node.env", "DYNIA_PRIVATE_IP=127.0.0.1\n")
    question = Question(host="api.example.com", address="127.0.0.1", port=8080, path="/")

    async def run() -> None:
        node = await connect(sshd.target, key, places=sshd.machine.places)
        try:
            facts = await node.observe(ObserveRequest(roots=(sshd.machine.places.opt,)))
            assert facts.lineage == LINEAGE
            assert sshd.machine.path("node.env") in {f.path for f in facts.files if f.digest}
            (answer,) = await node.ask(AskRequest(questions=(question,)))
            assert answer.status or answer.said
        finally:
            await node.close()

    asyncio.run(run())


@needs_sshd
def test_nothing_else_is_done_for_a_reader(reader: tuple[Sshd, OperatorKey], tmp_path: Path) -> None:
    sshd, key = reader
    machine = sshd.machine
    machine.bootstrap()
    trace = tmp_path / "trace"
    before = machine.files()

    async def run() -> None:
        node = await connect(sshd.target, key, places=machine.places)
        try:
            push = PushRequest(component="haproxy", lineage=LINEAGE, files=(machine.file("haproxy/a", "x"),))
            with pytest.raises(NotObservedError, match="refused by the node: this key may only look"):
                await node.push(push)
            done = await node.exec(ExecRequest(argv=("touch", str(trace))))
            assert done.exit_code and done.stderr.startswith(REFUSED)
        finally:
            await node.close()
        async with asyncssh.connect(
            sshd.target.host,
            sshd.target.port,
            username=sshd.target.user,
            client_keys=list(key.private),
            known_hosts=None,
            config=None,
        ) as raw:
            for asked in (f"touch {trace}", None, f"sh -c 'touch {trace}' DYNIA_ASKS=observe/0"):
                said = await raw.run(asked, input=f"touch {trace}\n".encode(), encoding=None)
                assert said.exit_status == 77
            with pytest.raises(asyncssh.Error):
                await raw.start_sftp_client()
            with pytest.raises(asyncssh.Error):
                await raw.open_connection("127.0.0.1", sshd.target.port)
            with pytest.raises(asyncssh.Error):
                await raw.create_process(term_type="xterm")

    asyncio.run(run())
    assert not trace.exists()
    assert machine.files() == before


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "id",
        "/usr/lib/openssh/sftp-server",
        "scp -t /root",
        "$(touch {trace}) DYNIA_ASKS=push/1",
        "exec env -i DYNIA_ASKS=observe/../../x",
        "exec env -i DYNIA_ASKS= x",
        "exec env -i DYNIA_ASKS=observe/*",
    ],
)
def test_what_is_asked_for_is_never_run(machine: Machine, asked: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = bound(machine, asked.replace("{trace}", str(trace)), b"end\n")
    assert (done.returncode, done.stdout) == (77, b"")
    assert done.stderr.startswith(b"dynia: ")
    assert not trace.exists()


def test_the_program_of_another_dynia_says_so(machine: Machine) -> None:
    asked = machine.command("observe", ()).replace("DYNIA_ASKS=observe/", "DYNIA_ASKS=observe/0")
    done = bound(machine, asked, b"end\n")
    assert done.returncode == 77
    assert b"another Dynia" in done.stderr and b"dynia apply" in done.stderr


def test_a_reader_s_look_runs_the_node_s_own_script(machine: Machine, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    asked = machine.command("observe", ()).replace("section end", f"touch {trace}")
    assert "touch" in asked
    assert bound(machine, asked, b"end\n").returncode == 0
    assert not trace.exists()


def test_a_look_tells_of_what_is_dynia_s_and_of_nothing_else(machine: Machine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    up = f"{machine.places.opt}/../../../other"
    lines = [f"root {machine.root}", f"path {other}", f"secret {other}", f"certificate {other}", f"path {up}"]
    lines += [
        "root /",
        "package --admindir=/tmp",
        "unit -x",
        f"data {other}",
        f"path {machine.path('live')}",
        "end",
    ]
    facts = seen(machine, ObserveRequest(roots=()), "".join(f"{one}\n" for one in lines).encode())
    assert [f.path for f in facts.files] == [machine.path("live")]


def test_no_secret_is_told_by_a_plain_hash_whoever_asks_how(machine: Machine) -> None:
    machine.write("service/api/.env", "hunter2", 0o600)
    path = machine.path("service/api/.env")
    plain = seen(machine, ObserveRequest(roots=(machine.places.opt,)))
    assert {f.path: f.digest for f in plain.files}[path] == ""
    assert all(f.digest for f in plain.files if f.kind == "file" and f.path != path)
    keyed = seen(machine, ObserveRequest(roots=(machine.places.opt,), secret_paths=(path,)))
    assert {f.path: f.digest for f in keyed.files}[path].startswith("hmac:")


def test_a_secret_is_guessed_once_a_look(machine: Machine) -> None:
    machine.write("service/api/.env", "hunter2", 0o600)
    path = machine.path("service/api/.env")
    guesses = tuple(SecretCandidate(path=path, content=word) for word in (b"hunter1", b"hunter2"))
    request = ObserveRequest(roots=(), paths=(path,), secret_paths=(path,), candidates=guesses)
    facts = seen(machine, request)
    assert facts.secrets[path] != next(f.digest for f in facts.files if f.path == path)
    right = ObserveRequest(roots=(), paths=(path,), secret_paths=(path,), candidates=guesses[1:])
    facts = seen(machine, right)
    assert facts.secrets[path] == next(f.digest for f in facts.files if f.path == path)


def test_a_reader_asks_only_the_cluster_s_own_addresses(machine: Machine) -> None:
    machine.write("node.env", "DYNIA_PRIVATE_IP=127.0.0.1\n")
    asked = [("api.test", "127.0.0.1", "8080", "/"), ("api.test", "169.254.169.254", "80", "/"),
             ("api.test", "127.0.0.1", "2375", "/"), ("-x", "127.0.0.1", "80", "/"), ("a", "7.0.0.1", "80", "/"),
             ("api.test", "127.0.0.1", "80", "x"), ("api.test", "127.0.0.1", "80", "/a\nb"), ("a", "127.0.0.1", "443", "/")]  # fmt: skip
    tokens = [token for number, one in enumerate(asked) for token in (str(number), *one)]
    done = bound(machine, machine.command("ask", ("20",)), "".join(f"{t}\0" for t in tokens).encode())
    assert done.returncode == 0, done.stderr
    told = done.stdout.split(b"\x01answers\0")[1].split(b"\x01end")[0].split(b"\0")
    assert sorted(told[:-1:3]) == [b"0", b"7"]
