"""Hosts for a measurement: one sshd each on a loopback address of its own, all ended with the block."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.settled_hosts import Host
from dynia.providers.ssh.keys import fresh_key

_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
_READY_S = 30.0
# The clock comes before the input is read, as in observe.sh. What was sent is kept where a folder for it is.
_SERVE = """\
cd "$(dirname "$0")"
printf '\\001clock\\000%s\\000' "$(date +%s%N)"
if [ -d heard ]; then
  printf %s "$SSH_ORIGINAL_COMMAND" >"heard/$1.command"
  cat >"heard/$1.message"
else
  cat >/dev/null
fi
exec cat "answers/$1"
"""


@dataclass(frozen=True, slots=True)
class SshdHosts:
    """`user` may log in with `key`, a private key's file. Hosts answer once `serve` gave them answers."""

    folder: Path
    hosts: tuple[Host, ...]
    user: str
    key: Path

    def serve(self, answers: Mapping[str, bytes]) -> None:
        for name, answer in answers.items():
            (self.folder / "answers" / name).write_bytes(answer)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Path]:
        """While the block lasts, what each host is sent is written to <host>.command and <host>.message."""
        heard = self.folder / "heard"
        heard.mkdir()
        yield heard
        shutil.rmtree(heard)


def find_sshd() -> str:
    """sshd's path; empty if there is none and it can't be installed here without being started."""
    found = shutil.which("sshd", path=_SBIN)
    # Where systemd runs, a machine without sshd is meant to have none: it is left alone.
    systemd = Path("/run/systemd/system").is_dir()
    if found is None and os.getuid() == 0 and not systemd and shutil.which("apt-get", path=_SBIN):
        print("installing openssh-server, which is not started", flush=True)
        # In runlevel 1 Debian's packages start no service.
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for words in (
            ("update", "-qq"),
            ("install", "-qq", "-y", "--no-install-recommends", "openssh-server"),
        ):
            subprocess.run(("apt-get", *words), env=environ, check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("sshd", path=_SBIN)
    return found or ""


@contextlib.contextmanager
def running(sshd: str, count: int) -> Iterator[SshdHosts]:
    """`count` of them at 127.1.x.y. Ctrl-C, SIGTERM and any error end them too. After a SIGKILL of this process
    they end by themselves, and only their folder is left."""
    with _terminable(), tempfile.TemporaryDirectory(prefix="dynia-bench-") as made:
        folder = Path(made)
        (folder / "answers").mkdir()
        (folder / "serve").write_text(_SERVE)
        private, public = fresh_key()
        for name, text in (("operator", private), ("authorized", public)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            port = _free_port()
            hosts = []
            for number in range(1, count + 1):
                host, process = _start(sshd, folder, number, port)
                hosts.append(host)
                processes.append(process)
            for host, process in zip(hosts, processes, strict=True):
                _wait_until_listening(host, process)
            yield SshdHosts(folder, tuple(hosts), getpass.getuser(), folder / "operator")
        finally:
            _end(processes)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is an exception, as Ctrl-C is."""

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(sshd: str, folder: Path, number: int, port: int) -> tuple[Host, subprocess.Popen[bytes]]:
    name = f"host-{number}"
    address = f"127.1.{number // 250}.{number % 250 + 1}"
    private, public = fresh_key()
    (folder / f"{name}.key").write_text(private)
    (folder / f"{name}.key").chmod(0o600)
    config = folder / f"{name}.config"
    config.write_text(
        f"ListenAddress {address}:{port}\n"
        f"HostKey {folder}/{name}.key\n"
        f"AuthorizedKeysFile {folder}/authorized\n"
        f"ForceCommand exec sh {folder}/serve {name}\n"
        # Start-up files of this user's shell are no part of what is measured.
        f"SetEnv HOME={folder}\n"
        "PidFile none\nUsePAM no\nUseDNS no\nPrintMotd no\nPrintLastLog no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin yes\nStrictModes no\nLogLevel ERROR\n"
    )
    # A listener ends with this process, even if that is killed, or was before setpriv could ask for it.
    alive = ("sh", "-c", '[ "$PPID" = "$0" ] && exec "$@"', str(os.getpid()))
    argv = ("setpriv", "--pdeathsig", "TERM", *alive, sshd, "-D", "-e", "-f", str(config))
    # A group of its own, so that Ctrl-C reaches them by us alone, after the measurement has stopped.
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0)
    return Host(name=name, address=address, port=port, host_key=public), process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.1.0.2", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(host: Host, process: subprocess.Popen[bytes]) -> None:
    """sshd says nothing when it is ready: ask until it answers."""
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise RuntimeError(f"the sshd of {host.name} at {host.address}:{host.port} ended: {said}")
        try:
            with socket.create_connection((host.address, host.port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the sshd of {host.name} does not listen at {host.address}:{host.port}")


def _end(listeners: list[subprocess.Popen[bytes]]) -> None:
    """Every listener and what it still serves. A second Ctrl-C does not cut this short."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for one in listeners:
            one.send_signal(signal.SIGSTOP)
        for served in _descendants({one.pid for one in listeners}):
            with contextlib.suppress(ProcessLookupError):
                os.kill(served, signal.SIGKILL)
        for one in listeners:
            one.kill()
        for one in listeners:
            one.wait()
            if one.stderr:
                one.stderr.close()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _descendants(of: set[int]) -> set[int]:
    """sshd gives each connection a session of its own, so a group does not reach them."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (any name) state parent ..."
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in of | found} - found:
        found |= more
    return found
