"""The BIND of a lab's twin: it serves the zones, ends with the block, and follows one that was killed."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import dns.asyncquery
import dns.message
import pytest

from dynia.interfaces.errors import DyniaError
from dynia.lab.name_server import check_zones, name_server
from dynia.twin.cloudflare.server import CloudflareTwin
from tests.twin.judged_cloudflare import Asker

HERE = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HERE, 0))
        return int(one.getsockname()[1])


async def answers(port: int, name: str) -> list[str]:
    got = await dns.asyncquery.tcp(dns.message.make_query(name, "A"), HERE, 10, port)
    return [rdata.to_text() for rrset in got.answer for rdata in rrset]


def test_it_serves_what_the_twin_is_told_until_the_end_of_the_block(tmp_path: pathlib.Path) -> None:
    port = free_port()

    async def case() -> None:
        async with (
            name_server(tmp_path / "names", HERE, port, ("example.com", "b.example")) as served,
            CloudflareTwin(tmp_path / "cf.db", ("example.com", "b.example"), name_server=served) as twin,
        ):
            ask = Asker(twin)
            await ask.record("A", "api", "198.18.7.5")
            await ask.close()
            assert await answers(port, "api.example.com") == ["198.18.7.5"]
            assert await answers(port, "ns.b.example") == [HERE]
        with pytest.raises(OSError, match="Connect call failed"):
            await answers(port, "api.example.com")

    asyncio.run(case())
    assert (tmp_path / "names").stat().st_mode & 0o777 == 0o700


OWNER = """
import asyncio, pathlib, sys
from dynia.lab.name_server import name_server
async def hold():
    async with name_server(pathlib.Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), ("example.com",)):
        print("serves", flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""


def test_after_a_sigkill_of_its_owner_the_next_one_takes_its_place(tmp_path: pathlib.Path) -> None:
    folder, port = tmp_path / "names", free_port()
    argv = [sys.executable, "-c", OWNER, str(folder), str(port)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "serves\n"
        left = int((folder / "pid").read_text())
        owner.kill()
    os.kill(left, 0)  # it is still there, and holds the port

    async def next_one() -> None:
        async with name_server(folder, HERE, port, ("example.com",)):
            assert await answers(port, "ns.example.com") == [HERE]
            assert int((folder / "pid").read_text()) != left

    try:
        asyncio.run(next_one())
        assert not pathlib.Path(f"/proc/{left}/exe").exists()
    finally:
        with suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


def test_a_port_that_another_one_has_is_told(tmp_path: pathlib.Path) -> None:
    """Somebody answers there, and does not know the key."""

    async def unsigned(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        question = asked[12 : 12 + len(b"\7example\3com\0") + 4]
        wire = asked[:2] + b"\x84\x00\0\1" + bytes(6) + question  # an answer, no error, nothing in it
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        writer.close()

    async def case() -> None:
        async with await asyncio.start_server(unsigned, HERE, 0) as other:
            port = other.sockets[0].getsockname()[1]
            with pytest.raises(DyniaError, match=f"does not answer at {HERE} port {port}") as caught:
                async with name_server(tmp_path / "names", HERE, port, ("example.com",)):
                    pass
            assert str(tmp_path / "names" / "log") in caught.value.hint

    asyncio.run(case())
    assert not (tmp_path / "names" / "pid").exists()


@pytest.mark.parametrize("zone", ["", "com", "../etc", 'x"; };', "Example.com", "a..b"])
def test_what_is_no_name_of_a_zone_is_refused(zone: str) -> None:
    with pytest.raises(DyniaError, match="no name of a zone"):
        check_zones(("example.com", zone))
