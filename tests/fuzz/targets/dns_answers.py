"""What a zone's server answers, over UDP and TCP: to questions about names, and to a transfer. The number of the question
is put in, since nobody listens to an answer without it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable

import dns.flags
import dns.message
import dns.name
import dns.rrset
import dns.tsig

from dynia.interfaces.errors import DyniaError
from dynia.providers.dns.rfc2136.content import Content
from dynia.providers.dns.rfc2136.server import Server
from dynia.providers.dns.visible import ZoneServers, _servers, _tells
from dynia.providers.protocols import DnsMark
from tests.fuzz.oracle import refused
from tests.fuzz.target import Target

ZONE, NAME = "example.test", "_acme-challenge.api.example.test"
KEY = dns.tsig.Key("dynia.", b"secret", "hmac-sha256.")


class Nameserver(asyncio.DatagramProtocol):
    """The same answer to everybody."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = (data[:2] + self._raw[2:] or b"\0")[:60_000]
        self._transport.sendto(answer, addr)  # type: ignore[attr-defined]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = (await reader.readexactly(length))[:2] + self._raw[2:65_000]
            claimed = len(answer) + 7 if self._raw[:1] == b"\xee" else len(answer)
            writer.write(struct.pack("!H", claimed) + answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class DnsAnswers(Target):
    name = "dns"
    weight = 6
    examples = 60

    def good(self) -> list[bytes]:
        text = dns.message.make_response(dns.message.make_query(NAME, "TXT"))
        text.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "TXT", '"proof"', '"other"'))
        servers = dns.message.make_response(dns.message.make_query(ZONE, "NS"))
        servers.answer.append(dns.rrset.from_text(ZONE + ".", 60, "IN", "NS", "127.0.0.1."))
        cut = dns.message.make_response(dns.message.make_query(NAME, "TXT"))
        cut.flags |= dns.flags.TC
        transfer = dns.message.make_response(dns.message.make_query(ZONE, "AXFR"))
        soa = dns.rrset.from_text(ZONE + ".", 60, "IN", "SOA", "ns. me. 1 2 3 4 5")
        more = dns.rrset.from_text(NAME + ".", 60, "IN", "A", "198.18.0.1")
        transfer.answer += [soa, more, soa]
        whole = [one.to_wire() for one in (text, servers, cut, transfer)]
        # Over TCP it says that it is longer than it is.
        return [*whole, b"\xee" + whole[2][1:]]

    def tree(self, raw: bytes) -> object:
        raise ValueError("bytes alone")

    def attempt(self, raw: bytes) -> Iterable[str]:
        return asyncio.run(self._run(raw))

    async def _run(self, raw: bytes) -> list[str]:
        loop = asyncio.get_running_loop()
        named = Nameserver(raw)
        tcp = await asyncio.start_server(named.serve, "127.0.0.1", 0)
        port = int(tcp.sockets[0].getsockname()[1])
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", port))
        transport, _ = await loop.create_datagram_endpoint(lambda: named, sock=udp)
        last: DyniaError | None = None
        shown: list[str] = []
        try:
            async with asyncio.timeout(60):
                known = await _tells(("127.0.0.1", port), {NAME: "proof"})
                try:
                    await _servers(ZONE, ZoneServers(address="127.0.0.1", port=port))
                except DyniaError as error:
                    last = error
                    refused(error)
                try:
                    server = Server(host="127.0.0.1", port=port, key=KEY, secret_name="KEY", answer_s=2.0)
                    zone = await server.transfer(ZONE)
                    shown = [r.name for r in Content(zone).records(DnsMark(lineage="a" * 32, cluster="prod"))]
                except DyniaError as error:
                    last = error
                    refused(error)
        finally:
            transport.close()
            tcp.close()
        if known is None and not shown and last is not None:
            raise last
        return []
