"""The claim unit of one node, run by a real `sh` against the cloud on loopback; its seconds are a tenth as long."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.integration.failover.vendor import ADDRESS, TOKEN, Cloud, uptime

SCRIPT = Path(__file__).resolve().parents[3] / "templates" / "failover" / "claim.sh.mustache"
HEARD = SCRIPT.parents[1] / "keepalived" / "heard.sh.mustache"
SECOND = 10  # hundredths of a second


def until(what: Callable[[], object], why: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.01)


class Unit:
    """`node`'s claim unit, with the files that keepalived and Dynia would write."""

    def __init__(self, folder: Path, cloud: Cloud, node: str) -> None:
        self.node, self.cloud, self.folder = node, cloud, folder
        self.run = folder / "run"
        self.run.mkdir(parents=True)
        self.token = folder / "token.conf"
        self.token.write_text(f'header = "Authorization: Bearer {TOKEN}"\n')
        self.token.chmod(0o600)
        self.role_file = folder / "vrrp"
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        mine = f"{self.cloud.url}/{self.node}"
        return {
            "DYNIA_ENTRY": ADDRESS,
            "DYNIA_API": self.cloud.url,
            "DYNIA_METADATA": mine,
            "DYNIA_ALIVE": f"{mine}/alive",
            "DYNIA_ENTRY_URL": f"{self.cloud.url}/entry",
            "DYNIA_CLAIM_RUN": str(self.run),
            "DYNIA_ROLE": str(self.role_file),
            "DYNIA_TOKEN": str(self.token),
            "DYNIA_SECOND": str(SECOND),
        }

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", str(SCRIPT)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: (self.run / "events").exists(), "no pipe")
        self.looks(2)

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP to all of the unit, as `systemctl kill` sends it; returns when it stands still."""
        os.killpg(self.pid, signal.SIGSTOP)
        until(lambda: _state(self.pid) == "T", "it does not stop")

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def role(self, role: str, *, said: str = "") -> None:
        """keepalived's notify script and its pipe tell a role."""
        self.role_file.write_text(f"{role}\n")
        self.event(said or role)

    def event(self, word: str) -> None:
        pipe = os.open(self.run / "events", os.O_RDWR | os.O_NONBLOCK)
        try:
            os.write(pipe, f'INSTANCE "entry" {word} 254\n'.encode())
        finally:
            os.close(pipe)

    def heard(self) -> int:
        """keepalived runs its script, which must end at once."""
        done = subprocess.run(["sh", str(HEARD)], env=self.environment, timeout=10, check=False)
        return done.returncode

    def looks(self, number: int) -> None:
        """Wait until it looked so often again: by then it has drawn its conclusions from all but the last."""
        with self.cloud.looked:
            wanted = self.cloud.looks[self.node] + number
            assert self.cloud.looked.wait_for(lambda: self.cloud.looks[self.node] >= wanted, timeout=60)

    def lives(self, seconds: int) -> None:
        """Wait until so many of its seconds are over, and it has drawn its conclusions from them."""
        end = uptime() + seconds * SECOND
        until(lambda: uptime() > end, "time stands still")
        self.looks(2)

    def weight(self) -> int:
        return int((self.run / "weight").read_text() or "1")

    def said(self) -> str:
        return self.log.read_text()

    def pipe_is_private(self) -> bool:
        mode = (self.run / "events").stat().st_mode
        return stat.S_ISFIFO(mode) and not mode & 0o077


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
