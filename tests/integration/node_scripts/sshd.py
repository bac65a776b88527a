"""A real sshd on 127.0.0.1, run by the tests, with a folder as its machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dynia.providers.ssh.connect import SshTarget
from dynia.providers.ssh.keys import OperatorKey, fresh_key, load_operator_key
from tests.integration.node_scripts.machine import Machine

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


@dataclass(frozen=True, slots=True)
class Sshd:
    machine: Machine
    target: SshTarget
    key: OperatorKey
    process: subprocess.Popen[bytes]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """Up until the block ends."""
    assert SSHD is not None
    host_private, host_public = fresh_key()
    operator_private, operator_public = fresh_key()
    for name, text in (
        ("host_key", host_private),
        ("operator", operator_private),
        ("authorized", operator_public),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    port = free_port()
    (folder / "sshd_config").write_text(
        f"""
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
LogLevel ERROR
SetEnv PATH={folder}/tools:/usr/sbin:/usr/bin:/sbin:/bin
"""
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_listening(port, process)
        user = os.environ.get("USER") or "root"
        target = SshTarget(
            node="web-1", host="127.0.0.1", port=port, user=user, host_keys=(host_public,), connect_timeout=5
        )
        machine = Machine(folder / "machine")
        machine.root.mkdir()
        yield Sshd(machine, target, load_operator_key(str(folder / "operator")), process)
    finally:
        process.terminate()
        process.wait()


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """sshd says nothing when it is ready: ask until it answers, at most about 5 s."""
    for _ in range(50):
        assert process.poll() is None, "sshd has ended"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.settimeout(1)
                if connection.recv(3) == b"SSH":
                    return
        except OSError:
            process_wait(process, 0.1)
    raise AssertionError("sshd does not listen")


def process_wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
