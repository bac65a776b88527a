"""The DNS server of a lab's twin: a BIND of its own, which serves the zones that the twin tells it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.tsig

from dynia.interfaces.errors import DyniaError
from dynia.twin.cloudflare.nameserver import NameServer

KEY = "twin"
START_SECONDS = 20.0
PAUSE_SECONDS = 0.05
CONFIG = """\
options {{
    directory "{folder}"; listen-on port {port} {{ {address}; }}; listen-on-v6 {{ none; }};
    pid-file "{folder}/pid"; session-keyfile none; recursion no; dnssec-validation no; notify no;
    allow-query {{ any; }}; allow-transfer {{ key {key}; }};
}};
controls {{ }};
key {key} {{ algorithm hmac-sha256; secret "{secret}"; }};
"""
ZONE_BLOCK = 'zone "{zone}" {{ type primary; file "{zone}"; allow-update {{ key {key}; }}; }};\n'
ZONE = """\
$TTL 300
@ SOA ns.{zone}. nobody.{zone}. 1 3600 600 86400 60
@ NS ns.{zone}.
ns A {address}
"""
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def program() -> str | None:
    """BIND's server, if this machine has it."""
    return shutil.which("named", path="/usr/sbin:/usr/local/sbin:/usr/bin:/sbin")


def check_zones(zones: Sequence[str]) -> None:
    for zone in zones:
        if not _NAME.fullmatch(zone):
            raise DyniaError(f"--zone {zone}: this is no name of a zone", hint="for example example.com")


@asynccontextmanager
async def name_server(
    folder: Path, address: str, port: int, zones: Sequence[str]
) -> AsyncIterator[NameServer]:
    """It runs until the end of the block. What it served before is told to it again by the twin."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    await asyncio.to_thread(_end_leftover, folder)
    await asyncio.to_thread(_prepare, folder, address, port, zones, secret)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            folder / "named",
            *("-g", "-c", folder / "named.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        served = NameServer(address, port, KEY, secret)
        await _answers(process, folder / "log", served, zones)
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _prepare(folder: Path, address: str, port: int, zones: Sequence[str], secret: str) -> None:
    named = program()
    if named is None:
        raise DyniaError("there is no BIND here", hint="apt-get install bind9")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    for zone in zones:
        (folder / zone).write_text(ZONE.format(zone=zone, address=address))
    config = CONFIG.format(folder=folder, port=port, address=address, key=KEY, secret=secret)
    config += "".join(ZONE_BLOCK.format(zone=zone, key=KEY) for zone in zones)
    (folder / "named.conf").write_text(config)
    # Run from here: Debian's AppArmor profile for its own path would keep it out of this folder.
    shutil.copy(named, folder / "named")


async def _answers(
    process: asyncio.subprocess.Process, log: Path, served: NameServer, zones: Sequence[str]
) -> None:
    """Wait until it answers to its key for every zone: whoever else has the port does not know the key, and
    one that has not read its zones yet answers too."""
    key = dns.tsig.Key(served.key_name, served.secret, served.algorithm)
    until = time.monotonic() + START_SECONDS
    while True:
        said = await asyncio.to_thread(log.read_text, errors="replace")
        with contextlib.suppress(OSError, EOFError, dns.exception.DNSException):
            answers = [await _ask(served, key, zone) for zone in zones]
            if all(one.had_tsig and one.rcode() == dns.rcode.NOERROR for one in answers):
                return
        ended = process.returncode is not None or said.rstrip().endswith(" running")
        if ended or time.monotonic() > until:
            raise DyniaError(
                f"the twin's DNS server does not answer at {served.host} port {served.port}",
                hint=f"see {log}: another one may have the port",
            )
        await asyncio.sleep(PAUSE_SECONDS)


async def _ask(served: NameServer, key: dns.tsig.Key, zone: str) -> dns.message.Message:
    query = dns.message.make_query(zone, "SOA")
    query.use_tsig(key)
    return await dns.asyncquery.tcp(query, served.host, served.timeout, served.port)


def _end_leftover(folder: Path) -> None:
    """That of a twin that was killed would hold the port."""
    try:
        process = int((folder / "pid").read_text())
        running = Path(f"/proc/{process}/exe").readlink()
    except (OSError, ValueError):
        return
    if running.parent != folder:
        return
    os.kill(process, signal.SIGKILL)
    until = time.monotonic() + START_SECONDS
    while Path(f"/proc/{process}").exists() and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
