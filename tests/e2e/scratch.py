"""A scratch cluster for an end-to-end test: a folder with a clusters.yaml, and `dynia` as a subprocess in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dynia.interfaces.shape import Shape
from dynia.providers.nodes.docker.lab import CLUSTER, NODE_NAME, Lab

DYNIA = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "dynia"
SECONDS = 300.0

COMPOSE = """\
services:
  web:
    image: dynia-lab/hello:1
    restart: unless-stopped
    expose: ["8000"]
    volumes: ["/etc/hostname:/etc/node-name:ro"]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/healthz"]
      interval: 1s
      timeout: 1s
      retries: 3
"""

CLUSTERS = """\
clusters:
  {name}:
    provider: {{kind: docker}}
    nodes: {{count: {nodes}}}
    entry: {{kind: {entry}}}
    services:
      hello:
        compose: ./compose.yaml
        default: true
        health: {{path: /healthz}}
"""


class Run(Shape):
    """One `dynia` command that ended."""

    argv: tuple[str, ...]
    exit: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"$ dynia {' '.join(self.argv)}   (exit {self.exit} after {self.seconds:.1f} s)\n"
            f"{self.stdout}{self.stderr}"
        )


class Scratch:
    """A cluster that no other test has. `name` is the cluster's, `folder` where clusters.yaml is."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.name = name
        self.folder = lab.folder / "scratch" / name
        self.folder.mkdir(parents=True)
        self.runs: list[Run] = []
        self.variables: dict[str, str] = {}
        write_hello(self)

    # The files

    def write(self, path: str, text: str) -> None:
        """Write a file of the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that is there, in a file of the folder."""
        text = (self.folder / path).read_text()
        assert old in text, f"{old!r} is not in {path}"
        self.write(path, text.replace(old, new))

    def write_clusters(self, *, nodes: int = 3, entry: str = "vip") -> None:
        """The plain file: one service, `nodes` nodes."""
        self.write("clusters.yaml", CLUSTERS.format(name=self.name, nodes=nodes, entry=entry))

    def renew(self, write: Callable[[Scratch], object]) -> None:
        """All but the state is what `write` leaves, and applied."""
        for path in self.folder.iterdir():
            if path.name not in ("state.json", ".dynia"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.runs.clear()
        self.variables.clear()
        write(self)
        # The file before may have left it with many more services.
        self.apply("--allow-destroy", "99")

    def state(self) -> dict[str, Any]:
        """state.json as it is now."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    # dynia

    def dynia(self, *argv: str, exits: int | None = 0, timeout: float = SECONDS, stdin: str = "") -> Run:
        """Run it to its end. Another exit code than `exits` fails the test (None: any will do)."""
        begun = time.monotonic()
        done = subprocess.run(
            [str(DYNIA), *argv],
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        run = Run(
            argv=argv,
            exit=done.returncode,
            stdout=done.stdout,
            stderr=done.stderr,
            seconds=time.monotonic() - begun,
        )
        self.runs.append(run)
        assert exits is None or run.exit == exits, str(run)
        return run

    def apply(self, *argv: str, exits: int | None = 0, timeout: float = SECONDS) -> Run:
        """`dynia apply --yes`."""
        return self.dynia("apply", "--yes", *argv, exits=exits, timeout=timeout)

    def begin(self, *argv: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it in a process group of its own and return at once; `kill` ends it. `variables` are its own."""
        log = (self.folder / f"begun-{len(list(self.folder.glob('begun-*')))}.log").open("w")
        with log:
            return subprocess.Popen(
                [str(DYNIA), *argv],
                cwd=self.folder,
                env={**self.environment(), **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def kill(self, begun: subprocess.Popen[str]) -> None:
        """SIGKILL to the process alone: what it started goes on, as after a real crash."""
        os.kill(begun.pid, signal.SIGKILL)
        begun.wait(timeout=10)

    def environment(self) -> dict[str, str]:
        """The test's environment, without what would change screens, and with the cluster's `variables`."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DYNIA_", "COLUMNS"))}
        return {**kept, "NO_COLOR": "1", "TERM": "dumb", **self.variables}

    # The nodes

    def nodes(self) -> dict[str, str]:
        """Name of every node -> name of its container, by label, whatever dynia believes."""
        template = '{{.Label "' + NODE_NAME + '"}} {{.Names}}'
        listed = self.docker("ps", "--all", *self.mine(), "--format", template)
        return dict(sorted(tuple(line.split()) for line in listed.splitlines()))  # type: ignore[misc]

    def mine(self) -> tuple[str, ...]:
        """Filters that find what is this cluster's in Docker, containers and volumes alike."""
        return ("--filter", self.lab.mark, "--filter", f"label={CLUSTER}={self.name}")

    def docker(self, *argv: str, timeout: float = 60, check: bool = True) -> str:
        """The docker command of this machine."""
        done = subprocess.run(["docker", *argv], capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or done.returncode == 0, f"docker {argv}: {done.stderr}"
        return done.stdout

    def sh(self, node: str, script: str, *, check: bool = True, timeout: float = 60) -> str:
        """Run a shell script inside a node, past dynia, and return what it printed."""
        done = subprocess.run(
            ["docker", "exec", "-i", self.nodes()[node], "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{node}: {script}: {done.stdout}{done.stderr}"
        return done.stdout

    def address(self, node: str) -> str:
        """A node's private address."""
        template = '{{(index .NetworkSettings.Networks "' + self.lab.name + '").IPAddress}}'
        return self.docker("inspect", "--format", template, self.nodes()[node]).strip()

    def entry(self) -> str:
        """The reserved IP, from the state."""
        (mine,) = (one for one in self.state()["clusters"] if one["name"] == self.name)
        return str(mine["reservedIp"]["address"])

    def holder(self) -> str:
        """The node whose kernel has the reserved IP; exactly one must."""
        having = [n for n in self.nodes() if f" {self.entry()}/" in self.sh(n, "ip -4 -o addr", check=False)]
        assert len(having) == 1, f"{self.entry()} is on {having}"
        return having[0]

    def get(self, host: str = "", path: str = "/", timeout: float = 2.0) -> str:
        """What the cluster answers at its entry address (or at `host`)."""
        with urllib.request.urlopen(f"http://{host or self.entry()}{path}", timeout=timeout) as answer:
            return str(answer.read(65536).decode())

    # The end

    def collect(self, into: Path) -> None:
        """Everything that explains a failure, in one folder: runs, plan, files, state, node logs."""
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        shutil.copytree(self.folder, into / "folder", dirs_exist_ok=True)
        (into / "runs.txt").write_text("\n".join(str(run) for run in self.runs))
        for screen in (("plan", "--json"), ("plan",), ("status",)):
            (into / f"{'-'.join(screen).replace('--', '')}.txt").write_text(
                str(self.dynia(*screen, exits=None, timeout=60))
            )
        for node, container in self.nodes().items():
            self.docker("unpause", container, check=False)
            (into / f"node-{node}.txt").write_text(self.sh(node, NODE_STORY, check=False, timeout=60))

    def remove(self) -> None:
        """Everything of this cluster, by label; the folder too."""
        containers = self.docker("ps", "--all", "--quiet", *self.mine()).split()
        if containers:
            self.docker("rm", "--force", *containers, timeout=120)
        volumes = self.docker("volume", "ls", "--quiet", *self.mine()).split()
        if volumes:
            self.docker("volume", "rm", *volumes)
        shutil.rmtree(self.folder, ignore_errors=True)


def write_hello(cluster: Scratch) -> None:
    """The usual files."""
    cluster.write_clusters()
    cluster.write("compose.yaml", COMPOSE)


@contextmanager
def applied(lab: Lab, letter: str, write: Callable[[Scratch], object] | None = None) -> Iterator[Scratch]:
    """A cluster of a whole file of tests, applied; its files are the usual ones, or those that `write` leaves."""
    made = Scratch(lab, f"{letter}-{uuid.uuid4().hex[:6]}")
    try:
        if write is not None:
            write(made)
        made.apply()
        yield made
    except AssertionError:
        made.collect(lab.folder / "failures" / made.name)
        raise
    finally:
        made.remove()


NODE_STORY = """
section() { printf '\\n===== %s\\n' "$*"; "$@" 2>&1; }
section ip -4 -o addr
section systemctl --failed --no-legend
section docker ps --all --no-trunc
for c in $(docker ps --all --quiet); do section docker logs --tail 50 "$c"; done
section find /opt/dynia -ls
section sh -c 'head -n 200 /opt/dynia/*/*.cfg /opt/dynia/*/*.conf /opt/dynia/*/Caddyfile'
section nft list table inet dynia
section journalctl --boot --no-pager --lines 400
"""
