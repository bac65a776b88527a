"""`secrets:` on real nodes: a planted one of each source is nowhere but on nodes, for root alone, and in its containers."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pyrage
import pytest

from tests.e2e.pair import HOME, write_pair
from tests.e2e.scratch import Run, Scratch
from tests.laws.planted import forms, found_in

pytestmark = [pytest.mark.lab, pytest.mark.slow]

FOLDER = f"{HOME}/.dynia-secrets"
# Where Docker itself keeps what its containers are given.
DOCKERS = ("/var/lib/docker", "/var/lib/containerd", "/run/docker", "/run/containerd")
SECRETS = """\
        secrets:
          - {{name: BY_ENV, env: PLANTED, containers: [web]}}
          - {{name: BY_FILE, file: {sources}/file, containers: [side]}}
          - {{name: BY_COMMAND, command: [cat, "{sources}/command"], containers: [web]}}
          - {{name: BY_AGE, age: {sources}/age, mount: /run/secrets/BY_AGE, containers: [side]}}
"""
NAMES = ("BY_AGE", "BY_COMMAND.env", "BY_ENV.env", "BY_FILE.env")


class Planted:
    """The sources, in a folder of their own, and every value that was ever in one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.identity = folder, pyrage.x25519.Identity.generate()
        self.values: dict[str, str] = {}
        self.all: list[str] = []
        for kind in ("env", "file", "command", "age"):
            self.plant(kind)

    def plant(self, kind: str) -> None:
        """Another value, with signs that every way of writing it down writes in its own way."""
        value = self.values[kind] = f'{secrets.token_hex(12)} "é" $x/%\\{secrets.token_hex(12)}'
        self.all.append(value)
        if kind == "age":
            (self.folder / kind).write_bytes(pyrage.encrypt(value.encode(), [self.identity.to_public()]))
        elif kind != "env":
            (self.folder / kind).write_text(value)

    def variables(self) -> dict[str, str]:
        return {"PLANTED": self.values["env"], "DYNIA_AGE_IDENTITY": str(self.identity)}


class CommandLines:
    """Every command line of this machine while something is done; its processes are those of the nodes, too."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for one in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(one.read_bytes())
                except OSError:
                    continue

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=30)


def here(cluster: Scratch, planted: Planted, since: float) -> Iterator[tuple[str, bytes]]:
    """What was written on this machine, but for the sources and for what Docker keeps."""
    for root in {cluster.folder, Path.home(), Path("/tmp")}:
        listed = subprocess.run(
            ["find", root, "-xdev", "(", "-path", planted.folder, "-o", "-name", "overlay2", "-o", "-name", "volumes",
             ")", "-prune", "-o", "-type", "f", "-newermt", f"@{since:.0f}", "-size", "-65536k", "-print0"],
            capture_output=True, check=False, timeout=300,
        ).stdout  # fmt: skip
        for name in listed.split(b"\0")[:-1]:
            try:
                yield name.decode("utf-8", "replace"), Path(name.decode()).read_bytes()
            except (OSError, UnicodeError):
                continue


def there(cluster: Scratch, node: str, planted: Planted, below: str, *without: str) -> list[str]:
    """Files of a node in which one of them is found. What is searched for goes in by standard input."""
    pruned = " -o ".join(f"-path {path}" for path in without) or "-path /none"
    script = (
        "cat >/dev/shm/planted; "
        f"find {below} -xdev \\( {pruned} -o -path /dev/shm \\) -prune -o -type f -size -65536k -print0 "
        "| LC_ALL=C xargs -0 -r grep -laF -f /dev/shm/planted -- ; rm /dev/shm/planted"
    )
    done = subprocess.run(
        ["docker", "exec", "-i", cluster.nodes()[node], "sh", "-c", script],
        input=b"\n".join(sorted(form for value in planted.all for form in forms(value))) + b"\n",
        capture_output=True,
        timeout=300,
        check=False,
    )
    return sorted(done.stdout.decode().splitlines())


def said(run: Run) -> str:
    """What it told, however its lines were broken."""
    return " ".join((run.stdout + run.stderr).split())


def containers(cluster: Scratch, name: str) -> list[str]:
    ask = f"docker inspect -f '{{{{.Id}}}}' dynia-pair-{name}-1"
    return [cluster.sh(node, ask).strip() for node in cluster.nodes()]


def test_a_planted_one_of_each_source_is_on_nodes_alone(cluster: Scratch, tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    write_pair(cluster, nodes=2)
    cluster.apply()
    since = time.time() - 1
    text = (cluster.folder / "clusters.yaml").read_text()
    cluster.write("clusters.yaml", text + SECRETS.format(sources=tmp_path))
    # Whoever plans a pull request has none of them.
    assert "BY_ENV (new)" in said(cluster.dynia("plan", "--out", "reviewed.plan"))
    assert "env PLANTED" in said(cluster.apply(exits=1))
    cluster.variables = planted.variables()
    with CommandLines() as lines:
        cluster.dynia("apply", "reviewed.plan")
    assert any(b"compose" in line for line in lines.seen), "the nodes' processes are not seen from here"
    first = {name: containers(cluster, name) for name in ("web", "side")}

    # Where they must be.
    for node in cluster.nodes():
        listed = cluster.sh(node, f"cd {FOLDER} && stat -c '%n %a %U:%G' *")
        assert listed.splitlines() == [f"{name} 600 root:root" for name in NAMES]
        found = there(cluster, node, planted, FOLDER)
        assert {path.rpartition("/")[2] for path in found} >= {"BY_AGE"}, "the search finds nothing"
        web = cluster.sh(node, "docker exec dynia-pair-web-1 cat /proc/1/environ").split("\0")
        side = cluster.sh(node, "docker exec dynia-pair-side-1 cat /proc/1/environ").split("\0")
        assert {f"BY_ENV={planted.values['env']}", f"BY_COMMAND={planted.values['command']}"} <= {*web}
        assert f"BY_FILE={planted.values['file']}" in side
        assert not [line for line in side if line.startswith(("BY_ENV", "BY_COMMAND"))]
        mounted = cluster.sh(node, "docker exec -u 0 dynia-pair-side-1 cat /run/secrets/BY_AGE")
        assert mounted == planted.values["age"]

    # A changed one: its container, and no other.
    for kind in ("file", "age"):
        planted.plant(kind)
        assert f"BY_{kind.upper()} (changed)" in said(cluster.dynia("plan"))
        before = containers(cluster, "side")
        with CommandLines() as more:
            cluster.apply()
        lines.seen |= more.seen
        assert containers(cluster, "web") == first["web"]
        assert not {*before} & {*containers(cluster, "side")}
    mounted = cluster.sh(
        next(iter(cluster.nodes())), "docker exec -u 0 dynia-pair-side-1 cat /run/secrets/BY_AGE"
    )
    assert mounted == planted.values["age"]

    # Without sources nothing is asked for, and nothing goes.
    cluster.write("greeting/text", "good night\n")
    cluster.apply()
    cluster.variables = {}
    assert "compared at apply" in said(cluster.dynia("plan"))
    cluster.dynia("rollback", "--yes")
    for node in cluster.nodes():
        assert cluster.sh(node, f"ls {FOLDER}").split() == [*NAMES]

    # And nowhere else.
    streams = "\n".join(str(run) for run in cluster.runs).encode()
    assert found_in(streams, planted.all) == []
    assert [line for line in lines.seen if found_in(line, planted.all)] == []
    assert [name for name, text in here(cluster, planted, since) if found_in(text, planted.all)] == []
    for node in cluster.nodes():
        assert there(cluster, node, planted, "/ /run /tmp", FOLDER, *DOCKERS) == []
