"""A machine in a folder: the real scripts, run by a real `sh`, on files below one temporary folder."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dynia.interfaces.node_requests import (
    Bootstrapped,
    BootstrapRequest,
    ConfirmRequest,
    ExpectedFile,
    Fence,
    ObserveRequest,
    PushAnswer,
    PushRequest,
    RemoveRequest,
)
from dynia.interfaces.observed import FileSeen, NodeFacts
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.observation import parse_observation
from dynia.providers.ssh.scripts import Places, ScriptName, script, script_command

LINEAGE = "5f0c6a52"
# A Docker and a systemd that are down, whatever runs on the machine of the tests and however busy that is.
ASLEEP = Path(__file__).parent / "asleep"
# A systemd that remembers timers in /run, and starts none.
TIMERS = Path(__file__).parent / "timers"


@dataclass(frozen=True, slots=True)
class Machine:
    """`root` stands for the whole machine; paths in requests are real paths below it."""

    root: Path

    @property
    def places(self) -> Places:
        return Places(
            opt=f"{self.root}/opt/dynia",
            var=f"{self.root}/var/lib/dynia",
            run=f"{self.root}/run",
            units=f"{self.root}/etc/systemd/system",
        )

    def path(self, relative: str) -> str:
        return f"{self.root}/opt/dynia/{relative}"

    def read(self, relative: str) -> str:
        return Path(self.path(relative)).read_text()

    def write(self, relative: str, content: str, mode: int = 0o644) -> None:
        path = Path(self.path(relative))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def file(self, relative: str, content: str, mode: int = 0o644, *, secret: bool = False) -> ReleaseFile:
        return ReleaseFile(path=self.path(relative), mode=mode, content=content.encode(), secret=secret)

    def bootstrap(self, fence: Fence | None = None) -> Bootstrapped:
        request = BootstrapRequest(lineage=LINEAGE, packages=())
        raw = self.run("bootstrap", (LINEAGE, "60"), messages.package_message(request.packages), fence)
        return answers.parse_bootstrap(raw)

    def push(self, request: PushRequest) -> PushAnswer:
        name: ScriptName = "push" if request.swap else "once"
        return answers.parse_push(
            self.run(name, push_args(request), messages.push_message(request), request.fence)
        )

    def remove(self, request: RemoveRequest) -> PushAnswer:
        return answers.parse_push(
            self.run("remove", remove_args(request), messages.remove_message(request), request.fence)
        )

    def confirm(self, request: ConfirmRequest) -> PushAnswer:
        return answers.parse_push(self.run_with(TIMERS, "confirm", confirm_args(request), b"", request.fence))

    def observe(self, request: ObserveRequest | None = None) -> NodeFacts:
        asked = request or ObserveRequest(roots=(self.places.opt,))
        raw = self.run_with(ASLEEP, "observe", (), messages.observe_message(asked), asked.fence)
        return parse_observation(raw, asked, runner_ms=round(time.time() * 1000))

    def files(self) -> dict[str, FileSeen]:
        """What the managed folder holds, by path relative to it."""
        prefix = f"{self.places.opt}/"
        return {f.path.removeprefix(prefix): f for f in self.observe().files if f.path.startswith(prefix)}

    def expectations(self, *relatives: str) -> tuple[ExpectedFile, ...]:
        """What a plan that is made now would expect."""
        now = self.files()
        return tuple(
            ExpectedFile(path=self.path(r), digest=now[r].digest, mode=now[r].mode, owner=now[r].owner)
            if r in now
            else ExpectedFile(path=self.path(r), digest="")
            for r in relatives
        )

    def run(self, name: ScriptName, args: tuple[str, ...], stdin: bytes, fence: Fence | None = None) -> bytes:
        done = subprocess.run(
            ["sh", "-c", self.command(name, args, fence=fence)],
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def run_raw(self, name: ScriptName, args: tuple[str, ...], fence: Fence) -> tuple[int, bytes]:
        """How a script ended, and what it told."""
        asked = ["sh", "-c", self.command(name, args, fence=fence)]
        done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def command(
        self, name: ScriptName, args: tuple[str, ...], *, survives: bool = False, fence: Fence | None = None
    ) -> str:
        return script_command(
            name, args, deadline_s=100, places=self.places, sudo=False, survives=survives, fence=fence
        )

    def run_with(
        self,
        tools: Path,
        name: ScriptName,
        args: tuple[str, ...],
        stdin: bytes,
        fence: Fence | None = None,
    ) -> bytes:
        """Run a script with programs of a folder in front of the machine's own."""
        environment = self.environment | _told(fence) | {"PATH": f"{tools}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", script(name), "dynia", *args],
            input=stdin,
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C",
            "TZ": "UTC",
            "DYNIA_OPT": self.places.opt,
            "DYNIA_VAR": self.places.var,
            "DYNIA_RUN": self.places.run,
            "DYNIA_UNITS": self.places.units,
        }

    def run_and_kill(self, text: str, args: tuple[str, ...], stdin: bytes) -> int:
        """Run an altered script that may kill itself; the exit code (negative: a signal)."""
        return 0 if self.cut(text, args, stdin) is not None else -signal.SIGKILL

    def cut(self, text: str, args: tuple[str, ...], stdin: bytes, fence: Fence | None = None) -> bytes | None:
        """Run an altered script that may kill itself; what it told, or nothing if it did."""
        done = subprocess.run(
            ["sh", "-c", text, "dynia", *args],
            input=stdin,
            env=self.environment | _told(fence) | {"PATH": f"{TIMERS}:{os.environ['PATH']}"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr.decode()
        return done.stdout if done.returncode == 0 else None


def _told(fence: Fence | None) -> dict[str, str]:
    return {} if fence is None else {"DYNIA_FENCE": f"{fence.lineage} {fence.cluster} {fence.number}"}


def push_args(request: PushRequest) -> tuple[str, ...]:
    key = messages.component_key(request.component)
    times = (request.deadline_s, request.probe_s, request.confirm_s)
    return request.component, request.lineage, key, *(str(int(seconds)) for seconds in times)


def remove_args(request: RemoveRequest) -> tuple[str, ...]:
    key = messages.component_key(request.component)
    return request.component, request.lineage, key, str(int(request.deadline_s))


def confirm_args(request: ConfirmRequest) -> tuple[str, ...]:
    key = messages.component_key(request.component)
    word = "stay" if request.stay else "back"
    return request.component, request.lineage, key, str(int(request.deadline_s)), word
