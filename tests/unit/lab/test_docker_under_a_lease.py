"""What the lab's provider asks of Docker under a lease: a program stands in for the `docker` command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from dynia.interfaces.errors import Locked, NotObservedError
from dynia.providers.nodes.docker.docker_cli import DockerRefused, docker
from dynia.providers.nodes.docker.lab import LAB, Lab
from dynia.providers.nodes.docker.provider import DockerNodeProvider

BOX = "box"
# Tells what it was asked, and its process; a container is there; a deed that is held back never ends.
STAND_IN = """#!/bin/sh
echo "$$ $*" >>"$SAID"
case "$1 $2" in
  "container inspect" | "volume inspect") cat "$THERE" ;;
  "volume ls") echo claim ;;
esac
[ "$1 $2" != "$HELD" ] || exec tail -f /dev/null
"""


class Lease:
    """A guard: lost after so many looks, or not renewed after so many seconds of waiting."""

    def __init__(self, looks: int = 1000, lasts: list[float] | None = None) -> None:
        self.looks, self._lasts = looks, lasts or []

    def check(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise Locked("prod: another one took over")

    def left(self) -> float | None:
        return self._lasts.pop(0) if self._lasts else 3600.0


class Renewed(Lease):
    """One that says each time that it lasts a moment longer. `often`: it was asked five times."""

    def __init__(self) -> None:
        super().__init__()
        self.often, self._asked = asyncio.Event(), 0

    def left(self) -> float | None:
        self._asked += 1
        if self._asked == 5:
            self.often.set()
        return 0.05


class Daemon:
    """What was asked of it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.lab = Lab(root=str(folder), id="0badcafe")
        self._said, self._patch = folder / "said", patch
        program = folder / "docker"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        there = folder / "there"
        labels = {LAB: self.lab.id}
        seen = {
            "Name": f"/{BOX}", "State": {"Status": "exited"}, "Config": {"Labels": labels},
            "NetworkSettings": {"Networks": {}}, "Labels": labels,
        }  # fmt: skip
        there.write_bytes(msgspec.json.encode([seen]))
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        patch.setenv("SAID", str(self._said))
        patch.setenv("THERE", str(there))

    def holds_back(self, deed: str) -> None:
        self._patch.setenv("HELD", deed)

    def deeds(self) -> list[str]:
        """Each command that changes something, in order."""
        said = [line.split(" ", 1)[1] for line in self._said.read_text().splitlines()]
        return [one for one in said if not one.split()[1].startswith(("inspect", "ls"))]

    def alive(self) -> list[str]:
        """Of all the commands, those whose process is there still."""
        lines = self._said.read_text().splitlines()
        return [line for line in lines if Path(f"/proc/{line.split()[0]}").exists()]


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    return Daemon(tmp_path, monkeypatch)


DEEDS: dict[str, Callable[[DockerNodeProvider], Awaitable[object]]] = {
    "start box": lambda one: one.start_node(BOX),
    "rm --force --volumes box": lambda one: one.delete_node(BOX),
    "volume rm --force claim": lambda one: one.release_reserved_ip("claim"),
}


@pytest.mark.parametrize("command", DEEDS)
def test_a_run_that_lost_its_lease_changes_nothing(daemon: Daemon, command: str) -> None:
    provider = DockerNodeProvider(daemon.lab, guard=Lease(looks=0))
    with pytest.raises(Locked, match="another one took over"):
        asyncio.run(_to_the_end(DEEDS[command](provider)))
    assert daemon.deeds() == [], "it may look, no more"


@pytest.mark.parametrize("command", DEEDS)
def test_a_command_is_given_up_once_the_lease_is_not_renewed(daemon: Daemon, command: str) -> None:
    daemon.holds_back(" ".join(command.split()[:2]))
    provider = DockerNodeProvider(daemon.lab, guard=Lease(lasts=[0.1, 0.1, 0.0]))
    with pytest.raises(NotObservedError, match="no answer while this run surely had its lock"):
        asyncio.run(_to_the_end(DEEDS[command](provider)))
    assert (daemon.deeds(), daemon.alive()) == ([command], [])


def test_a_command_goes_on_while_the_lease_is_renewed(daemon: Daemon) -> None:
    """A slow machine is no reason to give up what nobody else can have begun."""
    daemon.holds_back(f"start {BOX}")

    async def ends_itself() -> str:
        lease = Renewed()
        work = asyncio.create_task(docker("start", BOX, guard=lease))
        often = asyncio.create_task(lease.often.wait())
        await asyncio.wait({work, often}, return_when=asyncio.FIRST_COMPLETED)
        assert not work.done(), "it was given up"
        process = (await asyncio.to_thread(daemon.alive))[0].split()[0]
        os.kill(int(process), signal.SIGTERM)
        return await work

    with pytest.raises(DockerRefused, match="docker start box: failed without a word"):
        asyncio.run(ends_itself())


async def _to_the_end(work: Awaitable[object]) -> None:
    await work
