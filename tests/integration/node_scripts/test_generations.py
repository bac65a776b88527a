"""What a node keeps of generations, on a real file system: written with the manifest, and swept by it.

Docker on the node is a stand-in whose images are files, and one of them is in use.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from dynia.interfaces.errors import DyniaError
from dynia.interfaces.node_requests import ExpectedFile, ObserveRequest, PushRequest
from dynia.interfaces.observed import FileSeen
from dynia.interfaces.release import ReleaseFile
from dynia.providers.ssh import answers, messages
from dynia.providers.ssh.connect import connect
from dynia.services.actions.write_manifest import MANIFEST, sweep
from dynia.services.rollback import PIECE, read_whole
from dynia.state.generation import MODE, Generation
from dynia.state.model import AppliedRelease, Cluster
from tests.integration.node_scripts.cuts import cut_at, cuttable
from tests.integration.node_scripts.machine import LINEAGE, Machine, push_args
from tests.integration.node_scripts.sshd import SSHD, Sshd, running_sshd
from tests.integration.node_scripts.test_image import image

SECRET = b'{"spec": {}}\n{"secrets": {"api": {".env": "aHVudGVyMg=="}}}\n'
OLD, NEW, APPLIED, BUSY, FOREIGN = (f"r.example/{n}@sha256:{n}" for n in ("old", "new", "app", "busy", "db"))
DOCKER = """#!/bin/sh
here=$(dirname "$0")
[ ! -e "$here/hangs" ] || exit 1
name=$(echo "${4:-$3}" | tr / _)
case "$1 $2" in
  "version "*) ;;
  "image inspect") [ ! -e "$here/late" ] || exit 124; [ -e "$here/images/$(echo "$3" | tr / _)" ] ;;
  "image rm") case $3 in *busy*) exit 1 ;; esac; rm "$here/images/$(echo "$3" | tr / _)" ;;
  *) exit 1 ;;
esac
"""


def kept(*numbers: int) -> Cluster:
    """A cluster whose kept generations run NEW, and whose nodes have a release that runs APPLIED."""
    generations = tuple(
        Generation(number=n, last=n, digest="sha256:", at=1, by="x", images=(NEW,)) for n in numbers
    )
    applied = AppliedRelease(component="caddy", id="c", images=(APPLIED,))
    return Cluster(name="prod", provider="docker", generations=generations, releases=(applied,))


def path_on(machine: Machine, number: int) -> str:
    return f"{machine.places.var}/generations/{number}"


def request(machine: Machine, number: int, home: Cluster, *expected: ExpectedFile) -> PushRequest:
    path = path_on(machine, number)
    return PushRequest(
        component=MANIFEST,
        lineage=LINEAGE,
        files=(ReleaseFile(path=path, mode=MODE, content=SECRET, secret=True),),
        expected=expected or (ExpectedFile(path=path, digest=""),),
        activate=sweep(home),
    )


def look(machine: Machine, number: int) -> FileSeen | None:
    path = path_on(machine, number)
    facts = machine.observe(ObserveRequest(roots=(), paths=(path,), secret_paths=(path,)))
    return next((f for f in facts.files if f.path == path), None)


def numbers(machine: Machine) -> list[str]:
    return sorted(path.name for path in Path(machine.places.var, "generations").iterdir())


def test_it_is_for_root_alone_and_told_by_its_keyed_hash(machine: Machine) -> None:
    machine.bootstrap()
    assert machine.push(request(machine, 7, kept(7))).phase == "done"
    seen = look(machine, 7)
    assert seen is not None and (seen.kind, seen.mode) == ("file", 0o600)
    assert seen.digest.startswith("hmac:")
    assert Path(path_on(machine, 7)).read_bytes() == SECRET


def test_one_that_somebody_else_wrote_since_the_look_stays(machine: Machine) -> None:
    machine.bootstrap()
    machine.push(request(machine, 7, kept(7)))
    answer = machine.push(request(machine, 7, kept(7)))
    assert (answer.phase, answer.changed) == ("expected", (path_on(machine, 7),))


def test_those_that_are_not_kept_any_more_go_and_nothing_else(machine: Machine) -> None:
    machine.bootstrap()
    for number in (5, 6, 7):
        machine.push(request(machine, number, kept(5, 6, 7)))
    beside = Path(machine.places.var, "somebody.else")
    beside.write_text("x")
    machine.push(request(machine, 8, kept(7, 8)))
    assert numbers(machine) == ["7", "8"] and beside.exists()


def test_killed_anywhere_a_repeat_ends_with_what_is_kept(machine: Machine) -> None:
    machine.bootstrap()
    for number in range(2, cuttable("push")[1], 9):
        machine.push(request(machine, 6, kept(6), *as_seen(machine, 6)))
        asked = request(machine, 7, kept(6, 7), *as_seen(machine, 7))
        machine.run_and_kill(cut_at("push", number, 1), push_args(asked), messages.push_message(asked))
        again = replace(asked, expected=as_seen(machine, 7))
        assert machine.push(again).phase == "done"
        assert numbers(machine) == ["6", "7"] and Path(path_on(machine, 7)).read_bytes() == SECRET
        Path(path_on(machine, 7)).unlink()


def as_seen(machine: Machine, number: int) -> tuple[ExpectedFile, ...]:
    seen = look(machine, number)
    if seen is None:
        return (ExpectedFile(path=path_on(machine, number), digest=""),)
    return (ExpectedFile(path=seen.path, digest=seen.digest, mode=seen.mode, owner=seen.owner),)


# images


def with_images(machine: Machine) -> Path:
    """Three that Dynia brought, one that it did not; the folder with the stand-in."""
    machine.bootstrap()
    tools = machine.root / "tools"
    (tools / "images").mkdir(parents=True)
    for name in (OLD, NEW, APPLIED, BUSY, FOREIGN):
        (tools / "images" / name.replace("/", "_")).touch()
    (tools / "docker").write_text(DOCKER)
    (tools / "docker").chmod(0o755)
    Path(machine.places.var, "images").write_text("".join(f"{n}\n" for n in (OLD, NEW, APPLIED, BUSY)))
    return tools


def swept(machine: Machine, tools: Path) -> tuple[set[str], list[str]]:
    """What Docker has afterwards, and what is still noted."""
    asked = request(machine, 8, kept(8), *as_seen(machine, 8))
    raw = machine.run_with(tools, "push", push_args(asked), messages.push_message(asked))
    assert answers.parse_push(raw).phase == "done"
    left = {path.name.replace("_", "/", 1) for path in (tools / "images").iterdir()}
    return left, Path(machine.places.var, "images").read_text().split()


def test_of_the_images_that_dynia_brought_those_that_nothing_needs_go(machine: Machine) -> None:
    """Law 10: FOREIGN is somebody else's. BUSY is in use, and is asked for again the next time."""
    left, noted = swept(machine, with_images(machine))
    assert left == {NEW, APPLIED, BUSY, FOREIGN}
    assert noted == [NEW, APPLIED, BUSY]


@pytest.mark.parametrize("how", ["hangs", "late"])
def test_where_docker_does_not_answer_nothing_is_forgotten(machine: Machine, how: str) -> None:
    tools = with_images(machine)
    (tools / how).touch()
    left, noted = swept(machine, tools)
    assert OLD in left and noted == [OLD, NEW, APPLIED, BUSY]
    (tools / how).unlink()
    left, noted = swept(machine, tools)
    assert OLD not in left and noted == [NEW, APPLIED, BUSY]


@pytest.mark.parametrize("there", [False, True])
def test_an_image_is_noted_only_where_dynia_brought_it(machine: Machine, there: bool) -> None:
    machine.bootstrap()
    if there:
        (machine.root / "tools" / "images").mkdir(parents=True)
        (machine.root / "tools" / "images" / OLD.replace("/", "_")).touch()
    noted = Path(machine.places.var, "images")
    for _ in range(2):
        image(machine, "pull", OLD, "")
        assert (noted.read_text() if noted.exists() else "") == ("" if there else f"{OLD}\n")


def test_a_streamed_image_is_noted_by_its_id(machine: Machine) -> None:
    machine.bootstrap()
    name = "sha256:" + "ab" * 32
    image(machine, "load", name, "app:1", stdin=b"layers")
    assert Path(machine.places.var, "images").read_text() == f"{name}\n"


@pytest.mark.skipif(SSHD is None, reason="no sshd here (apt-get install openssh-server)")
def test_a_long_one_is_read_in_pieces_over_ssh(tmp_path: Path) -> None:
    content = b"0123456789" * (PIECE // 8) + b"the rest\n"

    async def both(sshd: Sshd) -> tuple[bytes, bytes]:
        node = await connect(sshd.target, sshd.key, places=sshd.machine.places)
        try:
            with pytest.raises(DyniaError, match="long is longer than 4 MB"):
                await read_whole(node, str(tmp_path / "long"), most=PIECE)
            return await read_whole(node, str(tmp_path / "long")), await read_whole(node, "/not/there")
        finally:
            await node.close()

    with running_sshd(tmp_path) as sshd:
        (tmp_path / "long").write_bytes(content)
        assert asyncio.run(both(sshd)) == (content, b"")
