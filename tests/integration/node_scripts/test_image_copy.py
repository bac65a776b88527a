"""An image from one node to another through this machine, over a real sshd: whole, or not at all and with the reason.

`docker save` and `docker load` are stand-ins that make and count bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from dynia.interfaces.errors import ApplyFailed, NotObservedError
from dynia.interfaces.node_requests import ImageRequest
from dynia.providers.ssh.image_stream import provide_image, saved_there
from tests.integration.node_scripts.sshd import SSHD, Sshd, running_sshd
from tests.integration.node_scripts.test_over_ssh import ended

pytestmark = pytest.mark.skipif(SSHD is None, reason="no sshd here (apt-get install openssh-server)")

MANY = 30_000_000
NEED = r"printf '\001image\0\001need\0\0'; "
LOAD = NEED + r"sum=$(sha256sum | cut -d ' ' -f 1); printf '\001have\0%s\0\001end\0' $sum"
NO_ROOM = NEED + r"printf '\001failed\0no room\0\001end\0'"


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with running_sshd(tmp_path) as running:
        yield running


def copied(sshd: Sshd, save: str, load: str, afterwards: Callable[[], object] = bool) -> str:
    """What the node that takes it says that it has. Each node has a connection of its own, which is open still
    `afterwards`."""

    async def joined() -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1", sshd.target.port, known_hosts=None, config=None, client_keys=list(sshd.key.private)
        )

    async def run() -> str:
        async with await joined() as source, await joined() as target:
            try:
                return await provide_image(
                    target,
                    f"sh -c {shlex.quote(load)}",
                    ImageRequest(reference="app:1", image_id="sha256:1", tag="app:1"),
                    saved_there(source, f"sh -c {shlex.quote(save)}", "web-1"),
                    timeout_s=60,
                    now=lambda: 0.0,
                    refuse=lambda reply: None,
                )
            finally:
                await asyncio.to_thread(afterwards)

    return asyncio.run(run())


def test_what_one_node_saves_the_other_loads_byte_for_byte(sshd: Sshd) -> None:
    assert copied(sshd, f"yes | head -c {MANY}", LOAD) == hashlib.sha256(b"y\n" * (MANY // 2)).hexdigest()


def test_an_image_that_went_meanwhile_is_told_with_its_node(sshd: Sshd) -> None:
    with pytest.raises(ApplyFailed, match="`docker save` on web-1 failed: No such image"):
        copied(sshd, "yes | head -c 300000; echo 'No such image' >&2; exit 1", LOAD)


def test_where_the_other_has_no_room_the_saving_ends_too(sshd: Sshd) -> None:
    pid, gone = sshd.machine.root / "pid", []
    with pytest.raises(ApplyFailed, match="image app:1: no room"):
        copied(sshd, f"echo $$ >{pid}; exec yes", NO_ROOM, lambda: gone.append(ended(int(pid.read_text()))))
    assert gone == [True]


def test_a_connection_that_breaks_is_no_answer_of_its_node(sshd: Sshd) -> None:
    with pytest.raises(NotObservedError, match="web-1: the connection broke"):
        copied(sshd, "yes | head -c 300000; kill -9 $PPID", LOAD)


def test_nothing_is_saved_for_a_node_that_has_it(sshd: Sshd) -> None:
    pid = sshd.machine.root / "pid"
    assert (
        copied(sshd, f"echo $$ >{pid}; yes", r"printf '\001image\0\001have\0sha256:1\0\001end\0'")
        == "sha256:1"
    )
    assert not pid.exists()
