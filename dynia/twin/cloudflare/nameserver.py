"""The real DNS server that answers for the twin's zones: it is told of every change by dynamic update."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update
from dns.rdtypes.ANY.TXT import TXT

from dynia.twin.cloudflare.edge import Edge
from dynia.twin.cloudflare.records import TYPES

AUTOMATIC = 300  # what TTL 1 is where nobody's proxy answers
AGAIN = 0.5
DEPTH = 8
_KEY = re.compile(r'key\s+"?([\w.-]+)"?\s*\{\s*algorithm\s+"?([\w.-]+)"?;\s*secret\s+"([^"]+)";\s*\}\s*;')


@dataclass(frozen=True, slots=True)
class NameServer:
    """Serves the zones already, and takes updates for them that are signed by this key."""

    host: str
    port: int
    key_name: str
    secret: str = field(repr=False)
    algorithm: str = "hmac-sha256"
    timeout: float = 5.0


def name_server(address: str, key_file: Path) -> NameServer:
    """`address` is HOST:PORT; the file is as ``tsig-keygen`` writes it, so that no secret is in argv."""
    host, _, port = address.rpartition(":")
    found = _KEY.search(key_file.read_text())
    if not found or not host or not port.isdigit():
        raise ValueError(f"{address} is HOST:PORT, and {key_file} a key as tsig-keygen writes it")
    return NameServer(host=host, port=int(port), key_name=found[1], algorithm=found[2], secret=found[3])


class Publisher:
    """Tells the server what it does not know yet; without a server nothing is told to anybody."""

    def __init__(self, edge: Edge, server: NameServer | None) -> None:
        self._edge, self._server = edge, server
        self._turn = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None

    async def all(self) -> None:
        """Every name that ever had a record: the server may have missed what happened meanwhile."""
        self._edge.database.run(
            "INSERT OR IGNORE INTO unpublished (zone, name)"
            " SELECT DISTINCT zones.name, records.name FROM records JOIN zones ON zones.id = records.zone"
        )
        await self.publish()

    async def publish(self) -> None:
        """What changed since. A server that does not answer is asked again later: zones are
        eventual, and the API does not wait for them."""
        if self._again is not None and not self._again.done():
            return
        if not await self._tell():
            self._again = asyncio.get_running_loop().create_task(self._go_on())

    async def stop(self) -> None:
        if self._again:
            self._again.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._again

    async def _go_on(self) -> None:
        while self._edge.database.count("SELECT count(*) FROM unpublished"):
            await asyncio.sleep(AGAIN)
            await self._tell()

    async def _tell(self) -> bool:
        """False: something is left."""
        async with self._turn:
            rows = self._edge.database.all("SELECT zone, name FROM unpublished")
            self._edge.database.run("DELETE FROM unpublished")
            zones = {row["zone"] for row in rows}
            names = sorted({(row["zone"], row["name"]) for row in rows} | {(zone, zone) for zone in zones})
            for at, (zone, name) in enumerate(names):
                try:
                    if self._server:
                        await self._replace(self._server, zone, name)
                except (dns.exception.DNSException, OSError, ValueError) as error:
                    print(f"{name}: the DNS server was not told: {error}", file=sys.stderr, flush=True)
                    for left in names[at:]:
                        self._edge.database.run(
                            "INSERT OR IGNORE INTO unpublished (zone, name) VALUES (?, ?)", *left
                        )
                    return False
            return True

    async def _replace(self, server: NameServer, zone: str, name: str) -> None:
        """One update: whatever of ours is at this name goes, and what is there now comes."""
        update = dns.update.UpdateMessage(
            zone, keyring=dns.tsig.Key(server.key_name, server.secret, server.algorithm)
        )
        where = dns.name.from_text(name)
        for type in TYPES:
            update.delete(where, type)
        for row in self._answers(zone, name):
            ttl = AUTOMATIC if row["ttl"] == 1 else row["ttl"]
            update.add(where, ttl, _rdata(row["type"], row["content"]))
        answer = await dns.asyncquery.tcp(update, server.host, server.timeout, server.port)
        if answer.rcode() != dns.rcode.NOERROR:
            raise ValueError(f"it answers {dns.rcode.to_text(answer.rcode())}")

    def _answers(self, zone: str, name: str) -> list[sqlite3.Row]:
        """The records at a name. A zone's own name can't be a CNAME to DNS: its target's addresses stand
        there instead, as Cloudflare does it ("flattening")."""
        rows = self._rows(name)
        if name != zone:
            return rows
        target = name
        for _ in range(DEPTH):
            aliases = [row["content"] for row in rows if row["type"] == "CNAME"]
            if not aliases:
                break
            target = aliases[0]
            others = [row for row in rows if row["type"] != "CNAME"]
            rows = [*others, *(row for row in self._rows(target) if row["type"] in ("A", "AAAA", "CNAME"))]
        return [row for row in rows if row["type"] != "CNAME"]

    def _rows(self, name: str) -> list[sqlite3.Row]:
        return self._edge.database.all(
            "SELECT * FROM records WHERE name = ? AND deleted IS NULL ORDER BY type, content", name
        )


def _rdata(type: str, content: str) -> dns.rdata.Rdata:
    if type == "TXT" and not content.startswith('"'):
        raw = content.encode()
        pieces = [raw[at : at + 255] for at in range(0, len(raw), 255)]
        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, pieces)
    return dns.rdata.from_text(dns.rdataclass.IN, type, f"{content}." if type == "CNAME" else content)
